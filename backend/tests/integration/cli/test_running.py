"""What a person sees of a run that is under way."""

import io

import pytest

from src.application.evaluation.runner import Progress
from src.presentation.cli.running import _progress_display


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_terminal_gets_a_bar_with_counts_and_notes(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")

    with _progress_display() as display:
        display.advance(Progress(total=10, passed=3, failed=2, errored=1))
        display.note("Stopping [now]")

    shown = terminal.getvalue()
    for words in ("6/10", "3 passed", "2 failed", "1 without an answer", "Stopping [now]"):
        assert words in shown


def test_log_gets_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    with _progress_display() as display:
        display.advance(Progress(total=10, passed=3, failed=2, errored=1))
        display.note("Stopping")
    assert capsys.readouterr().err == "Stopping\n"
