"""What makes a case: its assertions, the defaults, and the check of both."""

from textwrap import dedent

import pytest

from src.domain.evaluation.assertion import Assertion, AssertionType
from src.domain.evaluation.errors import BadAssertionError, SuiteFileError
from src.infrastructure.evaluation.suite_files.suite_file import parse_suite
from tests.unit.infrastructure.evaluation.suite_texts import cases_of, error_of, with_case


def test_case_with_expected_and_no_assertion_must_equal_it() -> None:
    (case,) = cases_of("name: s\ncases: [{expected: billing}]")

    assert case.assertions == (Assertion.build("equals", value="{{expected}}"),)


def test_case_with_expected_gets_no_equals_when_defaults_have_an_assertion() -> None:
    (case,) = cases_of("name: s\ndefaults: {assertions: [{type: is-json}]}\ncases: [{expected: billing}]")

    assert [assertion.type for assertion in case.assertions] == [AssertionType.IS_JSON]


def test_check_sees_each_assertion_with_its_placeholders_filled() -> None:
    seen: list[Assertion] = []
    text = dedent(
        """\
        name: s
        defaults: {assertions: [{type: contains, value: fixed}, {type: contains, value: "<{{x}}>"}]}
        cases:
          - {variables: {x: one}, assertions: [{type: regex, value: "{{x}}+"}]}
          - {variables: {x: two}}
        """
    )

    list(parse_suite(text.encode(), media="yaml", label="s", check=seen.append).cases())

    assert [assertion.value for assertion in seen] == ["fixed", "one+", "<one>", "<two>"]


@pytest.mark.parametrize(
    ("text", "line", "field"),
    [
        (with_case("assertions:", "  - type: regex", "    value: '('"), 5, "cases[0].assertions[0].value"),
        (
            "name: s\ndefaults:\n  assertions:\n    - type: regex\n      value: '('\ncases: [{}]",
            5,
            "defaults.assertions[0].value",
        ),
        (
            "name: s\ndefaults: {assertions: [{type: regex, value: '({{x}}'}]}\ncases:\n  - variables: {x: a}",
            4,
            "defaults.assertions[0].value",
        ),
    ],
)
def test_assertion_that_the_check_refuses_is_placed(text: str, line: int, field: str) -> None:
    def refuse(assertion: Assertion) -> None:
        raise BadAssertionError("value: no regex.")

    with pytest.raises(SuiteFileError, match="no regex") as caught:
        list(parse_suite(text.encode(), media="yaml", label="s", check=refuse).cases())

    assert (caught.value.line, caught.value.field) == (line, field)


def test_refusal_that_names_no_field_is_placed_at_the_assertion() -> None:
    def refuse(assertion: Assertion) -> None:
        raise BadAssertionError("not this: never.")

    with pytest.raises(SuiteFileError) as caught:
        list(parse_suite(b'{"expected": "a"}', media="jsonl", label="s", name="s", check=refuse).cases())

    assert (caught.value.field, caught.value.reason) == ("expected", "not this: never.")


def test_missing_variable_of_a_default_assertion_names_the_case() -> None:
    error = error_of(
        """\
        name: s
        defaults:
          assertions:
            - {type: contains, value: "{{city}}"}
        cases:
          - {name: a, variables: {city: 東京}}
          - {name: 大阪}
        """
    )

    assert (error.line, error.field) == (7, "defaults.assertions[0].value")
    assert "'city'" in error.reason
    assert "in case '大阪'" in error.reason
