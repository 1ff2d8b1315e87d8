"""What each assertion means, for people who write suites: one judge, one line of reason, no surprises."""

from typing import Any

import pytest

from src.application.evaluation.ports import Answer
from src.domain.evaluation.assertion import Assertion, AssertionType
from src.domain.evaluation.errors import BadAssertionError
from src.domain.evaluation.score import AssertionResult
from src.infrastructure.evaluation.scoring import LibraryScorer

HUGE = 5_000_000
CATASTROPHIC = "^(a|aa)+$"
CATASTROPHE = "a" * 60 + "b"


def judged(
    type: str,
    value: Any = None,
    text: str = "",
    *,
    threshold: float | None = None,
    latency_ms: float = 10.0,
    cost_usd: float | None = None,
    weight: float = 1.0,
) -> AssertionResult:
    assertion = Assertion.build(type, value=value, threshold=threshold, weight=weight)
    return LibraryScorer().score(assertion, Answer(text, latency_ms, cost_usd))


def check(type: str, value: Any) -> None:
    LibraryScorer().check(Assertion.build(type, value=value))


@pytest.mark.parametrize(
    ("type", "value", "text", "passed"),
    [
        ("equals", "billing", "billing", True),
        ("equals", "billing", "Billing", False),
        ("equals", "billing", " billing\n", False),
        ("equals", "", "", True),
        ("equals", 5, "5", True),
        ("equals", 1.5, "1.5", True),
        ("equals", 1.5, "1.50", False),
        ("equals", True, "true", True),
        ("equals", True, "True", False),
        ("equals", {"a": [1, {"b": None}]}, ' {"a": [1.0, {"b": null}]}\n', True),
        ("equals", {"a": 1, "b": 2}, '{"b": 2, "a": 1}', True),
        ("equals", {"a": 1}, '{"a": 1, "b": 2}', False),
        ("equals", {"a": 1}, '{"a": true}', False),
        ("equals", {"a": True}, '{"a": 1}', False),
        ("equals", [1, 2], "[2, 1]", False),
        ("equals", [1], "[1, 2]", False),
        ("equals", [{"a": 1}], '[["a", 1]]', False),
        ("equals", {"a": 1}, "no JSON", False),
        ("contains", "refund", "a refund is due", True),
        ("contains", "refund", "a Refund is due", False),
        ("icontains", "REFUND", "a Refund is due", True),
        ("icontains", "straße", "STRASSE", True),
        ("icontains", "refund", "money back", False),
        ("contains-any", ["x", "b"], "abc", True),
        ("contains-any", ["x", "B"], "abc", False),
        ("contains-all", ["a", "c"], "abc", True),
        ("contains-all", ["a", "x"], "abc", False),
        ("starts-with", "Dear", "Dear Ann", True),
        ("starts-with", "Dear", " Dear Ann", False),
        ("regex", r"\d{3}", "call 911 now", True),
        ("regex", r"^\d{3}$", "call 911 now", False),
        ("regex", "NOW", "call 911 now", False),
        ("regex", "(?i)NOW", "call 911 now", True),
        ("regex", r"(?<word>\w+) (?P=word)", "the the", True),
        ("regex", "a.b", "a\nb", False),
        ("is-json", None, '{"a": 1}', True),
        ("is-json", None, " 5 ", True),
        ("is-json", None, "```json\n{}\n```", False),
        ("is-json", None, "", False),
        ("is-json", {"type": "object"}, "{}", True),
        ("is-json", {"type": "object"}, "[]", False),
        ("is-json", True, "[]", True),
        ("is-json", False, "[]", False),
        ("levenshtein", "kitten", "kitten", True),
        ("levenshtein", "kitten", "kitten 1234", True),
        ("levenshtein", "kitten", "kitten 12345", False),
        ("levenshtein", "", "12345", True),
    ],
)
def test_assertion_holds_or_not_and_its_negation_is_the_opposite(
    type: str, value: Any, text: str, passed: bool
) -> None:
    result, negation = judged(type, value, text), judged(f"not-{type}", value, text)
    assert (result.type, result.passed, result.score) == (type, passed, float(passed))
    assert (negation.type, negation.passed, negation.score) == (f"not-{type}", not passed, float(not passed))
    assert result.reason
    assert negation.reason


def test_every_kind_of_assertion_is_judged() -> None:
    scorer, answer = LibraryScorer(), Answer("text", 10.0, 0.1)
    values: dict[AssertionType, Any] = {AssertionType.IS_JSON: None}
    for kind in AssertionType:
        listed = kind in {AssertionType.CONTAINS_ANY, AssertionType.CONTAINS_ALL}
        limited = kind in {AssertionType.LATENCY, AssertionType.COST}
        value = values.get(kind, None if limited else ["text"] if listed else "text")
        assertion = Assertion(kind, value=value, threshold=20.0 if limited else None)
        scorer.check(assertion)
        assert scorer.score(assertion, answer).passed is (kind is not AssertionType.IS_JSON)


def test_weight_is_carried_over() -> None:
    assert judged("contains", "a", "a", weight=2.5).weight == 2.5


@pytest.mark.parametrize(
    ("type", "value", "text", "reason"),
    [
        ("contains", "refund", "a refund", "contains 'refund'"),
        ("contains", "refund", "money", "does not contain 'refund'"),
        ("not-contains", "refund", "money", "does not contain 'refund'"),
        ("not-contains", "refund", "a refund", "contains 'refund'"),
        ("equals", "billing", "Sure!", "does not equal 'billing'; got 'Sure!'"),
        ("equals", {"a": 1}, '{"a": 2}', 'does not equal the JSON {"a": 1}; got {"a": 2}'),
        ("icontains", "Hi", "hi", "contains 'Hi' in upper or lower case"),
        ("contains-any", ["a", "b"], "b", "contains any of 'a', 'b'; found 'b'"),
        (
            "contains-all",
            ["a", "b", "c", "d"],
            "a",
            "does not contain all of 'a', 'b', 'c' and 1 more; missing 'b', 'c', 'd'",
        ),
        ("starts-with", "Dear", "Hi", "does not start with 'Dear'; got 'Hi'"),
        ("regex", "a+", "aa", "matches /a+/"),
        ("regex", "a+", "b", "does not match /a+/; got 'b'"),
        ("is-json", None, "{}", "is JSON"),
        (
            "is-json",
            None,
            "Sure! {}",
            "is not JSON; Expecting value at line 1, column 1, found 'Sure! {}'",
        ),
        ("not-is-json", None, "{}", "is JSON"),
        ("levenshtein", "kitten", "sitting", "is within 5 edits of 'kitten'; 3 needed"),
        ("levenshtein", "a", "b" * 9, "is not within 5 edits of 'a'; over 5 needed"),
    ],
)
def test_reason_reads_like_a_sentence(type: str, value: Any, text: str, reason: str) -> None:
    assert judged(type, value, text).reason == reason


@pytest.mark.parametrize("type", ["equals", "contains", "starts-with", "regex", "levenshtein", "icontains"])
def test_reason_is_short_whatever_the_size(type: str) -> None:
    assert len(judged(type, "x" * 5000, "y" * HUGE).reason) < 250


def test_reason_for_lists_and_schemas_is_short() -> None:
    assert len(judged("contains-all", ["x" * 5000] * 50, "y").reason) < 500
    assert len(judged("equals", ["x" * 5000] * 50, "[1]").reason) < 250
    schema = {"properties": {"a" * 5000: {"enum": ["x" * 5000]}}}
    assert len(judged("is-json", schema, f'{{"{"a" * 5000}": "{"y" * 5000}"}}').reason) < 400


def test_latency_may_be_as_long_as_its_limit() -> None:
    assert judged("latency", threshold=500, latency_ms=500.0).passed
    result = judged("latency", threshold=500, latency_ms=500.4)
    assert (result.passed, result.reason) == (False, "does not stay within 500 ms; took 500.4 ms")
    assert judged("not-latency", threshold=500, latency_ms=500.4).passed


def test_cost_may_be_as_high_as_its_limit() -> None:
    assert judged("cost", threshold=0.01, cost_usd=0.01).passed
    assert judged("cost", threshold=0, cost_usd=0.0).passed
    result = judged("cost", threshold=0.01, cost_usd=0.02)
    assert (result.passed, result.reason) == (False, "does not stay within $0.01; cost $0.02")
    assert judged("not-cost", threshold=0.01, cost_usd=0.02).passed


@pytest.mark.parametrize("type", ["cost", "not-cost"])
def test_unknown_cost_fails_negated_or_not(type: str) -> None:
    result = judged(type, threshold=1.0, cost_usd=None)
    assert (result.passed, result.score) == (False, 0.0)
    assert result.reason.startswith("cost unknown")


@pytest.mark.parametrize(
    ("threshold", "passed"), [(2.0, False), (2.9, False), (3.0, True), (3.9, True), (1e300, True)]
)
def test_levenshtein_distance_may_be_as_great_as_its_limit(threshold: float, passed: bool) -> None:
    assert judged("levenshtein", "kitten", "sitting", threshold=threshold).passed is passed


def test_no_edits_means_the_same_text() -> None:
    assert judged("levenshtein", "a", "a", threshold=0).passed
    assert not judged("levenshtein", "a", "b", threshold=0).passed


@pytest.mark.parametrize(
    "pattern", ["(", "*a", "[z-a]", "a{5,2}", r"\p{Nonsense}", "(?<n>a", "(" * 5000, "a" * 2_001]
)
def test_pattern_that_does_not_compile_is_refused(pattern: str) -> None:
    with pytest.raises(BadAssertionError, match=r"^value: not a regular expression: "):
        check("regex", pattern)


@pytest.mark.parametrize("type", ["regex", "not-regex"])
def test_pattern_that_does_not_compile_once_filled_fails_negated_or_not(type: str) -> None:
    result = judged(type, "(", "(")
    assert (result.passed, result.score) == (False, 0.0)
    assert result.reason == "not a regular expression: missing ) at position 1"


@pytest.mark.parametrize("type", ["is-json", "not-is-json"])
def test_schema_that_does_not_compile_once_filled_fails_negated_or_not(type: str) -> None:
    result = judged(type, {"type": "thing"}, "{}")
    assert (result.passed, result.score) == (False, 0.0)
    assert result.reason.startswith("the schema does not compile: $.type: ")


def test_schema_is_checked_too() -> None:
    with pytest.raises(BadAssertionError, match=r"^value: the schema does not compile: \$\.type: "):
        check("is-json", {"type": "thing"})


def test_what_needs_no_compiling_is_never_refused() -> None:
    check("contains", "(")
    check("is-json", None)
    check("is-json", False)
    check("regex", r"^(?i)(?<a>\d+)\s*{(?=x)$")


@pytest.mark.parametrize("type", ["regex", "not-regex"])
def test_catastrophic_pattern_ends_and_fails_negated_or_not(type: str) -> None:
    result = judged(type, CATASTROPHIC, CATASTROPHE)
    assert (result.passed, result.score) == (False, 0.0)
    assert result.reason == f"not judged: /{CATASTROPHIC}/ took over 1 s; simplify the pattern"


@pytest.mark.parametrize(
    ("type", "value", "threshold"),
    [
        ("equals", "x", None),
        ("equals", {"a": 1}, None),
        ("contains", "x" * (HUGE // 2) + "y", None),
        ("icontains", "Y" * 1000, None),
        ("contains-all", ["y" * 100] * 50, None),
        ("starts-with", "x" * HUGE + "y", None),
        ("regex", "y" + "x" * 39, None),
        ("regex", ".*" + "x" * 37 + "y", None),
        ("regex", "x" * 2000, None),
        ("regex", r"(\w+\s?)*$!", None),
        ("is-json", None, None),
        ("is-json", {"type": "string", "pattern": "^(x|xx)+y$"}, None),
        ("levenshtein", "y" * HUGE, 5),
        ("levenshtein", "y" * HUGE, 1e9),
        ("levenshtein", "y" * 10_000, 1e9),
    ],
)
def test_huge_answer_is_judged(type: str, value: Any, threshold: float | None) -> None:
    result = judged(type, value, "x" * HUGE, threshold=threshold)
    assert not result.passed


def test_texts_too_long_to_compare_fail_negated_or_not() -> None:
    for written in ("levenshtein", "not-levenshtein"):
        result = judged(written, "y" * HUGE, "x" * HUGE, threshold=1e9)
        assert not result.passed
        assert result.reason == "not judged: too long to count edits: 5,000,000 and 5,000,000 characters"


@pytest.mark.parametrize("text", ["\ud800", "\0", "\x1b[31m", "\u2028", "[" * 100_000, "9" * 10_000, "1e999"])
@pytest.mark.parametrize("type", ["equals", "contains", "icontains", "regex", "is-json", "levenshtein"])
def test_odd_answers_are_judged_like_any_other(type: str, text: str) -> None:
    value = {"type": "boolean"} if type == "is-json" else "a certain value"
    assert not judged(type, value, text).passed
