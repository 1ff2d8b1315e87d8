import io

import pytest

from src.presentation.cli.progress import progress_shown


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_terminal_shows_what_is_being_done(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Terminal()
    monkeypatch.setattr("sys.stderr", shown)
    monkeypatch.setenv("TERM", "xterm")

    with progress_shown() as advance:
        for part in range(1000):
            advance("Copying", part / 1000)
        advance("Checking", None)

    assert "Checking" in shown.getvalue()


def test_log_stays_empty(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_shown() as advance:
        advance("Copying", 0.5)

    assert capsys.readouterr() == ("", "")
