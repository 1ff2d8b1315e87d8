import io

import pytest
from rich.cells import cell_len

from src.presentation.cli import output


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_texts_are_shortened_by_the_columns_that_they_take() -> None:
    assert output.shortened("short") == "short"
    assert output.shortened("two\n  lines") == "two lines"
    assert output.shortened("日本語の長い文章です", 10) == "日本語の…"
    assert cell_len(output.shortened("日本語の長い文章です" * 9, 20)) <= 20


def test_columns_stay_aligned_beside_japanese_text(capsys: pytest.CaptureFixture[str]) -> None:
    output.show_table(("Name", "Id"), [("名前", "a"), ("name", "b")])
    assert capsys.readouterr().out == "Name  Id\n名前  a\nname  b\n"


def test_narrow_terminal_cuts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setenv("LINES", "20")

    output.show_table(("Id", "Name", "When"), [("0123abcd", "名前 " * 9, "2026-11-23 05:50")], wide=("Name",))

    shown = terminal.getvalue()
    assert "0123abcd" in shown
    assert "2026-11-23 05:50" in shown
    assert shown.count("名前") == 9


def test_lines_in_a_pipe_are_not_wrapped(capsys: pytest.CaptureFixture[str]) -> None:
    output.show_table(("Name", "Why"), [("n", "word " * 100)], wide=("Why",))
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_markup_in_data_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    output.show_table(("Name",), [("[red]x[/red] :smile:",)])
    assert "[red]x[/red] :smile:" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("value", "shown"), [(None, "—"), (0.4, "0 ms"), (9_999.0, "9,999 ms"), (12_345.0, "12.3 s")]
)
def test_milliseconds_become_seconds_when_there_are_many(value: float | None, shown: str) -> None:
    assert output.milliseconds(value) == shown


def test_json_takes_only_what_it_can_print() -> None:
    with pytest.raises(TypeError, match="object has no JSON form"):
        output.show_json({"x": object()})
