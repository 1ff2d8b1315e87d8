"""YAML itself: which values it may hold, and what is refused as unclear, broken or dangerous."""

import os
from pathlib import Path

import pytest
import yaml

from src.domain.evaluation.errors import SuiteFileError
from src.infrastructure.evaluation.suite_files.suite_file import open_suite
from tests.unit.infrastructure.evaluation.suite_texts import cases_of, error_of, with_case

_DATE = "is a date in YAML"


def test_variables_may_be_any_json_value() -> None:
    (case,) = cases_of(
        """\
        name: s
        cases:
          - expected: a
            variables: {a: true, b: 3, c: 1.5, d: null, e: [1, "x"], f: {g: "no"}, h: ~, i: -2.5e-3}
        """
    )

    assert case.variables == {
        "a": True,
        "b": 3,
        "c": 1.5,
        "d": None,
        "e": [1, "x"],
        "f": {"g": "no"},
        "h": None,
        "i": -0.0025,
    }


@pytest.mark.parametrize("text", ["12e", "1.2.3", "03-1234-5678", "yes!", "--", "2024-1", "=", "N", "y"])
def test_plain_text_that_no_yaml_reader_takes_for_something_else_stays_text(text: str) -> None:
    assert cases_of(with_case(f"expected: {text}"))[0].expected == text


def test_str_tag_makes_a_text() -> None:
    assert cases_of(with_case("expected: !!str yes"))[0].expected == "yes"


def test_yaml_aliases_share_values() -> None:
    first, second = cases_of(
        """\
        name: s
        cases:
          - {name: a, variables: &shared {x: 1}, expected: a}
          - {name: b, variables: *shared, expected: b}
        """
    )

    assert first.variables == second.variables == {"x": 1}


@pytest.mark.parametrize(
    ("text", "line", "field", "message"),
    [
        ("", 1, None, "the file is empty"),
        ("# nothing\n", 1, None, "the file is empty"),
        ("- a\n", 1, None, "takes a mapping with name, description,"),
        ("name: s\ncases: [\n", 3, None, "broken YAML"),
        ("name: s\n\tcases: []\n", 2, None, "broken YAML: found a tab character"),
        (
            "name: s\ncases:\n  - 'abc\n",
            4,
            None,
            "found unexpected end of stream (while scanning a quoted scalar, begun on line 3)",
        ),
        ("name: s\n---\nname: t\n", 2, None, "a second document begins here"),
        ("name: s\nname: t\n", 2, "name", "the key 'name' stands twice, first on line 1"),
        (with_case("expected: a", "expected: b"), 4, "cases[0].expected", "stands twice, first on line 3"),
        (with_case("variables: {x: 1,", "  x: 2}"), 4, "cases[0].variables.x", "stands twice"),
        ("name: s\nthreshold: .nan\ncases: [{}]\n", 2, "threshold", ".nan is no finite number"),
        ("name: s\nthreshold: -.inf\ncases: [{}]\n", 2, "threshold", "-.inf is no finite number"),
        pytest.param(
            f"name: s\nthreshold: {'9' * 5000}\ncases: [{{}}]\n",
            2,
            "threshold",
            "too big for",
            id="5000 digits",
        ),
        ("name: s\nthreshold: 1.0e+999\ncases: [{}]\n", 2, "threshold", "too big for a number"),
        (
            with_case("expected: yes"),
            3,
            "cases[0].expected",
            'is a bool to some readers of YAML and a text to others; write true or false, or quote it: "yes"',
        ),
        (
            with_case("expected: 2024-01-31"),
            3,
            "cases[0].expected",
            '2024-01-31 is a date in YAML, not a text; quote it: "2024-01-31"',
        ),
        (with_case("expected: a", "variables: {country: NO}"), 4, "cases[0].variables.country", '"NO"'),
        (with_case("expected: a", "variables: {d: 2024-01-31}"), 4, "cases[0].variables.d", _DATE),
        (with_case("expected: a", "variables: {d: 2024-01-31 10:00:00}"), 4, "cases[0].variables.d", _DATE),
        (with_case("expected: a", "variables: {zip: 01234}"), 4, "cases[0].variables.zip", '"01234"'),
        (with_case("expected: a", "variables: {at: 12:30}"), 4, "cases[0].variables.at", '"12:30"'),
        (with_case("expected: a", "variables: {sha: 12e4567}"), 4, "cases[0].variables.sha", '"12e4567"'),
        (with_case("expected: a", "variables: {n: 1_000}"), 4, "cases[0].variables.n", "plain decimal"),
        (with_case("expected: a", "variables: {x: .inf}"), 4, "cases[0].variables.x", "no finite number"),
        (with_case("expected: a", "variables: {1: x}"), 4, "cases[0].variables", "a key is a text, not the"),
        (with_case("expected: a", "variables: {null: x}"), 4, "cases[0].variables", "not nothing"),
        (with_case("expected: a", "variables: {[a]: x}"), 4, "cases[0].variables", "a key is a text"),
        (with_case("expected: {{answer}}"), 3, "cases[0].expected", "must stand in quotes"),
        (with_case("<<: {expected: a}"), 3, "cases[0]", "merge keys"),
        (with_case("expected: !!python/name:os.system ''"), 3, "cases[0].expected", "only !!str is"),
        (with_case("variables: !!python/object:a.B {}"), 3, "cases[0].variables", "only !!str is"),
        (with_case("expected: !x a"), 3, "cases[0].expected", "the tag '!x' is not supported"),
        (with_case("expected: *nowhere"), 3, "cases[0].expected", "has no anchor before it"),
        (with_case("variables: &v {x: *v}"), 3, "cases[0].variables.x", "stands inside of what it refers"),
        (with_case(r'expected: "a\0b"'), 3, "cases[0].expected", "NUL character"),
        (with_case(r'expected: "\uD800"'), 3, None, "broken YAML"),
        (b"name: s\ncases:\n  - expected: a\0b\n", 3, None, "NUL character"),
        (b"name: s\ncases:\n  - expected: a\x07b\n", 3, None, "control character"),
        ("name: s\ndescription: 日本\n".encode("cp932"), 2, None, "byte 14 of the line is no UTF-8"),
        ("name: s\n".encode("utf-16"), 1, None, "looks like UTF-16"),
    ],
)
def test_error_in_yaml_names_line_and_field(
    text: str | bytes, line: int, field: str | None, message: str
) -> None:
    error = error_of(text)

    assert (error.line, error.field) == (line, field)
    assert message in error.reason


def test_alias_bomb_is_refused() -> None:
    levels = [f"  l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 10)]
    error = error_of("\n".join(["name: s", "parameters:", "  l0: &l0 [x]", *levels, "cases: [{}]"]))

    assert (error.line, error.field) == (9, "parameters.l6[8]")
    assert "more than 2,000,000 values" in error.reason


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_deep_nesting_is_refused_and_harms_nothing(opening: str) -> None:
    error = error_of(f"name: s\ncases:\n  {opening * 100_000}")

    assert error.line == 3
    assert "nested more than 100 levels deep" in error.reason


def test_nesting_by_aliases_counts() -> None:
    levels = [f"  l{n}: &l{n} [[[[[[[[[[*l{n - 1}]]]]]]]]]]" for n in range(1, 12)]
    error = error_of("\n".join(["name: s", "parameters:", "  l0: &l0 x", *levels, "cases: [{}]"]))

    assert "nested more than 100 levels deep" in error.reason


def test_yaml_file_that_is_too_big_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.touch()
    os.truncate(path, 64 * 1024 * 1024 + 1)

    with pytest.raises(SuiteFileError, match=r"has 67,108,865 bytes; at most 67,108,864 fit"):
        open_suite(path)


def test_python_parser_of_yaml_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    fast = cases_of("name: s\ncases:\n  - expected: 請求\n  - {expected: b}\n")
    monkeypatch.delattr(yaml, "CSafeLoader")

    assert cases_of("name: s\ncases:\n  - expected: 請求\n  - {expected: b}\n") == fast
    assert error_of("name: s\ncases:\n  - expected: 1\n").line == 3
    assert error_of(with_case(r'expected: "\uD800"')).line == 3
