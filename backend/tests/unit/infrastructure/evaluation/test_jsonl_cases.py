"""Cases in JSONL."""

import json

import pytest

from src.infrastructure.shared.input_files import source
from tests.unit.infrastructure.evaluation.suite_texts import cases_of, error_of, with_case


def test_jsonl_is_read_without_its_blank_lines() -> None:
    first, second = cases_of('{"expected": "a"}\n\n  \r\n{"name": "日本", "expected": "b"}', "jsonl")

    assert (first.name, second.name) == ("case-0001", "日本")
    assert second.origin == "suite, line 4"


def test_null_counts_as_not_given() -> None:
    (case,) = cases_of('{"name": null, "expected": "a", "threshold": null, "assertions": null}', "jsonl")

    assert (case.name, case.threshold) == ("case-0001", None)


def test_cases_written_as_their_mapping_are_read_back_equal() -> None:
    (case,) = cases_of(with_case("expected: a", "variables: {x: [1, {y: 2}]}", "threshold: 0.5"))

    assert cases_of(json.dumps(case.to_mapping()), "jsonl") == [case]


def test_escaped_surrogate_pair_is_a_character() -> None:
    assert cases_of('{"expected": "\\ud83d\\ude00"}', "jsonl")[0].expected == "😀"


@pytest.mark.parametrize(
    ("text", "line", "field", "message"),
    [
        ("", None, None, "there are no cases"),
        ("\n\n", None, None, "there are no cases"),
        ('{"expected": "a"}\n{"expected": }\n', 2, None, "broken JSON: Expecting value (column 14)"),
        ("[1]\n", 1, None, "takes a mapping with name"),
        ('{"expected": "a", "expected": "b"}\n', 1, None, "the key 'expected' stands twice"),
        ('{"expectd": "a"}\n', 1, "expectd", "did you mean 'expected'?"),
        ('{"expected": 1}\n', 1, "expected", "takes a text"),
        ('{"expected": "a", "threshold": NaN}\n', 1, None, "NaN is no JSON number"),
        ('{"expected": "a", "variables": {"x": -Infinity}}\n', 1, None, "-Infinity is no JSON number"),
        ('{"expected": "a", "threshold": 1e999}\n', 1, None, "1e999 is too big"),
        pytest.param(f'{{"threshold": {"9" * 5000}}}\n', 1, None, "unusable JSON", id="5000 digits"),
        ('{"expected": "\\ud800"}\n', 1, None, "half of a surrogate pair"),
        ('{"expected": "a", "variables": {"\\u0000": 1}}\n', 1, None, "NUL character"),
        ('{"expected": "a", "variables": {"x": ["\\ud83d"]}}\n', 1, None, "half of a surrogate pair"),
        (b'{"expected": "a\0"}\n', 1, None, "NUL character"),
        (b'{"expected": "a"}\n{"expected": "\xff"}\n', 2, None, "byte 15 of the line is no UTF-8"),
        pytest.param(
            f'{{"variables": {{"x": {"[" * 120}{"]" * 120}}}}}\n', 1, None, "nested more than 100", id="deep"
        ),
        pytest.param(f'{{"variables": {"[" * 200_000}\n', 1, None, "nested more than 100", id="very deep"),
        ('{"assertions": [{"type": "regex"}]}\n', 1, "assertions[0].value", "takes a text"),
        ('{"name": "a"}\n', 1, "assertions", "the case checks nothing"),
        ('{"name": "a", "expected": "x"}\n\n{"name": "a"}\n', 3, "name", "is taken by the case on line 1"),
    ],
)
def test_error_in_jsonl_names_line_and_field(
    text: str | bytes, line: int | None, field: str | None, message: str
) -> None:
    error = error_of(text, "jsonl")

    assert (error.line, error.field) == (line, field)
    assert message in error.reason


def test_line_that_is_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "MAX_LINE_BYTES", 20)

    error = error_of('{"expected": "a"}\n{"expected": "aaaaaaaaaaaa"}\n', "jsonl")

    assert (error.line, error.reason) == (2, "the line is longer than 20 bytes.")
