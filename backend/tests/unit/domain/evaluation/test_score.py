import pytest

from src.domain.evaluation.score import AssertionResult, Score, grade
from src.domain.shared.errors import RuleViolationError


def said(score: float, *, passed: bool | None = None, weight: float = 1.0) -> AssertionResult:
    return AssertionResult("contains", score >= 1 if passed is None else passed, score, "why", weight)


@pytest.mark.parametrize("value", [-0.01, 1.01, float("nan"), float("inf")])
def test_score_outside_0_to_1_is_refused(value: float) -> None:
    with pytest.raises(RuleViolationError, match="between 0 and 1"):
        Score(value)


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_score_inside_0_to_1(value: float) -> None:
    assert Score(value).value == value


def test_score_is_the_weighted_mean() -> None:
    score, _ = grade([said(1.0, weight=3), said(0.0, weight=1), said(0.5, weight=4)], None)

    assert score.value == pytest.approx((3 + 2) / 8)


@pytest.mark.parametrize(("verdicts", "passes"), [((True, True), True), ((True, False), False)])
def test_case_without_threshold_passes_when_every_assertion_does(
    verdicts: tuple[bool, ...], passes: bool
) -> None:
    assert grade([said(0.9, passed=passed) for passed in verdicts], None)[1] is passes


@pytest.mark.parametrize(("threshold", "passes"), [(0.5, True), (0.51, False), (0.0, True), (1.0, False)])
def test_case_with_threshold_passes_when_its_score_reaches_it(threshold: float, passes: bool) -> None:
    assert grade([said(1.0), said(0.0)], threshold)[1] is passes


def test_threshold_forgives_the_rounding_of_floats() -> None:
    results = [said(0.1), said(0.7)]

    score, passed = grade(results, 0.4)

    assert score.value < 0.4, "pick other numbers: these come out exact"
    assert passed


def test_assertion_of_weight_0_never_counts() -> None:
    score, passed = grade([said(1.0), said(0.0, passed=False, weight=0)], None)

    assert (score.value, passed) == (1.0, True)


@pytest.mark.parametrize("results", [[], [said(0.0, passed=False, weight=0)]])
@pytest.mark.parametrize("threshold", [None, 1.0])
def test_case_in_which_nothing_counts_passes(results: list[AssertionResult], threshold: float | None) -> None:
    assert grade(results, threshold) == (Score(1.0), True)


def test_huge_and_tiny_weights_together() -> None:
    score, passed = grade([said(1.0, weight=1e6), said(0.0, passed=False, weight=1e-9)], None)

    assert score.value == pytest.approx(1.0)
    assert not passed
