from pathlib import Path

import pytest
from dotenv import dotenv_values
from hypothesis import example, given, settings
from hypothesis import strategies as st

from src.core import env_text

VALUES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


@given(st.lists(VALUES, min_size=1, max_size=5))
@example(["ends in a backslash \\", "it's"])
@example(["two\r\nlines\r", 'a "quoted" \\r'])
@example(["${NOT} a $name `date` # no comment", " 日本語\u3000", "\ufeff"])
@settings(max_examples=300)
def test_values_that_are_written_are_read_by_dotenv_as_they_were(values: list[str]) -> None:
    written = {f"NAME_{number}": value for number, value in enumerate(values)}
    text = "# head\n" + "".join(env_text.assignment(name, value) for name, value in written.items())

    assert {line.name: line.value for line in env_text.lines(text)} == written
    assert env_text.values(text) == {name: value for name, value in written.items() if value}


def test_file_is_read_as_python_dotenv_reads_it(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(env_text.assignment("A", "x\r\ny") + env_text.assignment("B", "it's 日本"))

    assert dotenv_values(path, interpolate=False) == {"A": "x\r\ny", "B": "it's 日本"}


@pytest.mark.parametrize("value", ["plain", "https://a.b:1/c=d,e@f", "日本", "a=b", "-"])
def test_value_that_every_reader_takes_as_it_is_is_not_quoted(value: str) -> None:
    assert env_text.assignment("A", value) == f"A={value}\n"


@pytest.mark.parametrize("value", ["a b", "#", "$HOME", "`x`", "'", '"', "a;b", "~", "a\u3000b", "!", "*"])
def test_value_that_means_something_to_a_reader_is_in_single_quotes(value: str) -> None:
    assert env_text.assignment("A", value).startswith("A='")


@pytest.mark.parametrize(("value", "why"), [("a\0b", "NUL"), ("a\udcff", "UTF-8")])
def test_value_that_no_file_can_hold_is_refused(value: str, why: str) -> None:
    with pytest.raises(env_text.UnwritableValueError, match=why):
        env_text.assignment("A", value)


def test_each_line_has_its_number_and_its_trouble() -> None:
    text = "# a comment\n\nA=1\n  \nB 2\nC\n'D='x\n1x=3\nE='two\nlines'\nexport F=6 # comment\n"

    found = [(line.number, line.name, line.value, line.trouble is None) for line in env_text.lines(text)]

    assert found == [
        (3, "A", "1", True),
        (5, "", "", False),
        (6, "C", "", False),
        (7, "", "", False),
        (8, "", "", False),
        (9, "E", "two\nlines", True),
        (11, "F", "6", True),
    ]


def test_key_that_lost_its_quotes_passes_for_no_name() -> None:
    text = "KEY=-----BEGIN KEY-----\nMIIEvQ/BADANBgk+hkiG9w0\nq83vEjRWeJq8=\nq83vEjRWeJq83g==\n-----END KEY-----\n"

    assert [line.name for line in env_text.lines(text) if line.trouble is None and line.value] == ["KEY"]


def test_last_assignment_of_a_name_wins_and_empty_ones_say_nothing() -> None:
    assert env_text.values("A=1\nB=\nA=2\n") == {"A": "2"}
    assert env_text.values("A=1\nA=\n") == {}
