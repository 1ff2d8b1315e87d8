from typing import Any

import pytest

from src.domain.evaluation.assertion import MAX_WEIGHT, Assertion, AssertionType
from src.domain.evaluation.errors import BadAssertionError
from src.domain.shared.placeholders import JsonValue, MissingVariablesError


@pytest.mark.parametrize(
    ("type", "fields"),
    [
        ("equals", {"value": "billing"}),
        ("equals", {"value": ""}),
        ("equals", {"value": 3}),
        ("equals", {"value": False}),
        ("equals", {"value": {"a": 1}}),
        ("contains", {"value": "x"}),
        ("icontains", {"value": "x"}),
        ("starts-with", {"value": "x"}),
        ("regex", {"value": "^a+$"}),
        ("contains-any", {"value": ["a", "b"]}),
        ("contains-all", {"value": ["a"]}),
        ("is-json", {}),
        ("is-json", {"value": {"type": "object"}}),
        ("is-json", {"value": True}),
        ("levenshtein", {"value": "x"}),
        ("levenshtein", {"value": "", "threshold": 0}),
        ("latency", {"threshold": 500}),
        ("cost", {"threshold": 0.001}),
    ],
)
@pytest.mark.parametrize("prefix", ["", "not-"])
def test_written_form_survives(prefix: str, type: str, fields: dict[str, Any]) -> None:
    written = {"type": prefix + type, **fields}

    assert Assertion.build(**written).to_mapping() == written


def test_every_type_has_a_shape_that_is_tested() -> None:
    assert {kind.value for kind in AssertionType} == {
        "equals",
        "contains",
        "icontains",
        "contains-any",
        "contains-all",
        "starts-with",
        "regex",
        "is-json",
        "levenshtein",
        "latency",
        "cost",
    }


@pytest.mark.parametrize("value", ["", None, 3, ["a"], {"a": 1}, True])
@pytest.mark.parametrize("type", ["contains", "icontains", "starts-with", "regex"])
def test_text_assertions_take_a_text_that_is_not_empty(type: str, value: JsonValue) -> None:
    with pytest.raises(BadAssertionError, match=f"value: {type} takes a text"):
        Assertion.build(type, value=value)


@pytest.mark.parametrize("value", [None, "a", [], [""], ["a", 3], {"a": 1}])
@pytest.mark.parametrize("type", ["contains-any", "contains-all"])
def test_list_assertions_take_texts(type: str, value: JsonValue) -> None:
    with pytest.raises(BadAssertionError, match=f"value: {type} takes a list of texts"):
        Assertion.build(type, value=value)


@pytest.mark.parametrize("value", ["{}", 3, ["a"]])
def test_schema_is_a_mapping(value: JsonValue) -> None:
    with pytest.raises(BadAssertionError, match="value: is-json takes a JSON Schema"):
        Assertion.build("is-json", value=value)


def test_equals_needs_a_value() -> None:
    with pytest.raises(BadAssertionError, match="value: not-equals needs one"):
        Assertion.build("not-equals")


@pytest.mark.parametrize(("type", "unit"), [("latency", "milliseconds"), ("cost", "US dollars")])
def test_limits_need_a_threshold_and_no_value(type: str, unit: str) -> None:
    with pytest.raises(BadAssertionError, match=f"threshold: {type} needs one, in {unit}"):
        Assertion.build(type)
    with pytest.raises(BadAssertionError, match=f"value: {type} has none"):
        Assertion.build(type, threshold=1, value="x")


def test_other_assertions_have_no_threshold() -> None:
    with pytest.raises(BadAssertionError, match="threshold: contains has none"):
        Assertion.build("contains", value="x", threshold=0.5)


@pytest.mark.parametrize("threshold", [-1, float("nan"), float("inf")])
def test_threshold_is_a_number_of_at_least_0(threshold: float) -> None:
    with pytest.raises(BadAssertionError, match=r"threshold: .* is not a number of at least 0"):
        Assertion.build("latency", threshold=threshold)


@pytest.mark.parametrize("weight", [-0.1, MAX_WEIGHT + 1, float("nan"), float("inf")])
def test_weight_outside_its_range_is_refused(weight: float) -> None:
    with pytest.raises(BadAssertionError, match="weight: "):
        Assertion.build("contains", value="x", weight=weight)


@pytest.mark.parametrize("weight", [0, 0.5, MAX_WEIGHT])
def test_weight_is_part_of_the_written_form(weight: float) -> None:
    assert Assertion.build("contains", value="x", weight=weight).to_mapping()["weight"] == weight


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("contain", "did you mean 'contains'?"),
        ("not-regexp", "did you mean 'regex'?"),
        ("llm-rubric", "known are equals"),
        ("", "known are equals"),
        ("not-not-equals", "did you mean 'equals'?"),
    ],
)
def test_unknown_type_is_refused_with_a_hint(written: str, hint: str) -> None:
    with pytest.raises(BadAssertionError) as caught:
        Assertion.build(written, value="x")

    assert str(caught.value).startswith(f"type: unknown assertion {written!r}")
    assert hint in str(caught.value)


def test_placeholders_in_a_value_are_filled_however_deep() -> None:
    assertion = Assertion.build("is-json", value={"properties": {"a": {"const": "{{expected}}"}}})

    assert assertion.filled({"expected": "x"}).value == {"properties": {"a": {"const": "x"}}}


def test_filling_tells_what_is_missing() -> None:
    with pytest.raises(MissingVariablesError, match="'b'"):
        Assertion.build("contains-any", value=["{{a}}", "{{b}}"]).filled({"a": "x"})


def test_filling_keeps_negation_weight_and_threshold() -> None:
    assertion = Assertion.build("not-levenshtein", value="{{a}}", threshold=2, weight=3)

    assert assertion.filled({"a": "x"}) == Assertion.build(
        "not-levenshtein", value="x", threshold=2, weight=3
    )


def test_text_that_a_variable_made_empty_is_refused() -> None:
    """An empty text is in every answer: the check would pass and say nothing."""
    with pytest.raises(BadAssertionError, match="value: contains takes a text"):
        Assertion.build("contains", value="{{a}}").filled({"a": ""})
