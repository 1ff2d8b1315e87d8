"""Suite files: how they are opened, named and walked, and what cannot be opened."""

import os
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import pytest

from src.domain.evaluation.errors import SuiteFileError
from src.infrastructure.evaluation.suite_files.suite_file import SuiteMedia, open_suite, parse_suite
from src.infrastructure.shared.input_files.source import Source
from tests.unit.infrastructure.evaluation.suite_texts import cases_of, parse, written


@pytest.mark.parametrize("name", ["cases.csv", "cases.CSV", "cases.jsonl", "cases.ndjson"])
def test_bare_cases_are_named_after_their_file(tmp_path: Path, name: str) -> None:
    is_csv = name.lower().endswith("csv")
    path = written(tmp_path, name, "__expected\na\n" if is_csv else '{"expected": "a"}\n')

    assert open_suite(path).name == "cases"
    assert open_suite(path, name="mine").name == "mine"
    assert [case.expected for case in open_suite(path).cases()] == ["a"]


@pytest.mark.parametrize("media", ["yaml", "csv", "jsonl"])
def test_byte_order_mark_is_no_part_of_the_text(media: SuiteMedia) -> None:
    text = {"yaml": "name: s\ncases: [{expected: a}]", "csv": "__expected\na", "jsonl": '{"expected": "a"}'}

    assert cases_of(b"\xef\xbb\xbf" + text[media].encode(), media)[0].expected == "a"


@pytest.mark.parametrize("name", ["cases.csv", "cases.jsonl"])
def test_cases_of_a_yaml_suite_may_be_a_file_and_get_its_defaults(tmp_path: Path, name: str) -> None:
    cases = written(tmp_path, name, "__expected\na\n" if name.endswith("csv") else '{"expected": "a"}\n')
    suite = open_suite(
        written(
            tmp_path,
            "s.yaml",
            f"name: s\ndefaults: {{variables: {{lang: ja}}}}\nthreshold: 0.5\ncases: {name}",
        )
    )

    (case,) = suite.cases()

    assert (suite.name, suite.threshold, case.variables) == ("s", 0.5, {"lang": "ja"})
    assert case.origin.startswith(f"{cases}, line ")


@pytest.mark.parametrize(
    ("media", "text"),
    [
        ("yaml", "name: s\ncases: [{expected: a}, {expected: b}]"),
        ("csv", "__expected\na\nb\n"),
        ("jsonl", '{"expected": "a"}\n{"expected": "b"}\n'),
    ],
)
def test_cases_can_be_walked_more_than_once(media: SuiteMedia, text: str) -> None:
    suite = parse(text, media)

    assert list(suite.cases()) == list(suite.cases())


@pytest.mark.parametrize(
    ("media", "text"),
    [("csv", "__expected,x\na,1\nbroken\n"), ("jsonl", '{"expected": "a"}\nbroken\n')],
)
def test_cases_are_streamed(media: SuiteMedia, text: str) -> None:
    (first,) = islice(parse(text, media).cases(), 1)

    assert first.expected == "a"


def test_name_given_wins_over_the_name_in_the_file() -> None:
    assert parse_suite(b"name: s\ncases: [{expected: a}]", media="yaml", label="x", name="t").name == "t"


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SuiteFileError, match=r"nowhere\.yaml: cannot be read: No such file"):
        open_suite(tmp_path / "nowhere.yaml")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("cases.csv", "__name,__expected\na,x\na,y\nb,z\n", id="csv, name taken"),
        pytest.param("cases.csv", "__expected,x\na,1\nbroken\nb,2\n", id="csv, row too short"),
        pytest.param("cases.csv", '__expected\n"a"b\nc\n', id="csv, broken"),
        pytest.param("cases.jsonl", '{"name": "a", "expected": "x"}\n' * 3, id="jsonl, name taken"),
        pytest.param("cases.jsonl", "broken\n" * 3, id="jsonl, broken"),
    ],
)
def test_file_is_closed_when_a_case_of_it_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    suite, opened = open_suite(written(tmp_path, name, text)), list[BinaryIO]()
    really_open = Source.open

    def noted(source: Source) -> BinaryIO:
        opened.append(really_open(source))
        return opened[-1]

    monkeypatch.setattr(Source, "open", noted)
    with pytest.raises(SuiteFileError) as refused:
        list(suite.cases())

    assert [stream.closed for stream in opened] == [True]
    assert refused.value  # and its traceback, which keeps what was under way


@pytest.mark.parametrize("name", ["dir.yaml", "dir.csv", "dir"])
def test_directory_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()

    with pytest.raises(SuiteFileError, match="is a directory; give a file"):
        open_suite(tmp_path / name)


def test_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")

    with pytest.raises(SuiteFileError, match="is no regular file"):
        open_suite(tmp_path / "pipe.jsonl")


@pytest.mark.parametrize(("name", "words"), [("suite.toml", "ends in '.toml'"), ("suite", "has no suffix")])
def test_file_of_an_unknown_format_is_refused(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(SuiteFileError, match=f"{words}.*known are .yaml, .yml, .csv, .jsonl, .ndjson"):
        open_suite(written(tmp_path, name, "x"))


@pytest.mark.parametrize(
    ("cases", "message"),
    [
        ("nowhere.csv", "nowhere.csv: cannot be read: No such file"),
        ("other.yaml", "ends in '.yaml'; it tells the format, and known are .csv, .jsonl, .ndjson"),
        pytest.param(f"{'n' * 300}.csv", "cannot be read: File name too long", id="long"),
    ],
)
def test_file_of_cases_that_cannot_be_read_is_placed_in_the_suite(
    tmp_path: Path, cases: str, message: str
) -> None:
    with pytest.raises(SuiteFileError) as caught:
        open_suite(written(tmp_path, "s.yaml", f"name: s\ncases: {cases}\n"))

    assert (caught.value.line, caught.value.field) == (2, "cases")
    assert message in caught.value.reason


def test_error_in_a_file_of_cases_names_that_file(tmp_path: Path) -> None:
    cases = written(tmp_path, "問い合わせ.csv", "m,__expected\nx\n")
    suite = open_suite(written(tmp_path, "s.yaml", "name: s\ncases: 問い合わせ.csv\n"))

    with pytest.raises(SuiteFileError) as caught:
        list(suite.cases())

    assert (caught.value.file, caught.value.line) == (str(cases), 2)


@pytest.mark.parametrize(("name", "message"), [(None, "needs one"), ("", "1 to 255 characters, not 0")])
def test_bare_cases_in_a_request_need_a_name(name: str | None, message: str) -> None:
    with pytest.raises(SuiteFileError, match=message) as caught:
        parse_suite(b"__expected\na\n", media="csv", label="request body", name=name)

    assert (caught.value.file, caught.value.field) == ("request body", "name")
