from collections.abc import Sequence
from typing import Any

import pytest

from src.application.evaluation.compare import Change, Comparison, compare_evaluations
from src.application.evaluation.queries import CaseVerdict, EvaluationView
from src.domain.evaluation.errors import EvaluationNotFoundError
from tests.builders import NOW


class Verdicts:
    """The part of the reader that a comparison asks, over verdicts held in memory."""

    def __init__(self, runs: dict[str, tuple[str | None, Sequence[CaseVerdict]]]) -> None:
        self._runs = runs

    def get(self, evaluation_id: str) -> EvaluationView:
        if evaluation_id not in self._runs:
            raise EvaluationNotFoundError(evaluation_id)
        return a_view(evaluation_id, self._runs[evaluation_id][0])

    def verdicts(self, evaluation_id: str) -> Sequence[CaseVerdict]:
        return self._runs[evaluation_id][1]


def a_view(evaluation_id: str, suite_hash: str | None) -> EvaluationView:
    absent: dict[str, Any] = dict.fromkeys(EvaluationView.__dataclass_fields__)
    given = {"id": evaluation_id, "suite_hash": suite_hash, "created_at": NOW, "status": "completed"}
    return EvaluationView(**{**absent, **given})


def said(case_name: str, *scores: float | None) -> list[CaseVerdict]:
    """A verdict for each repeat: 1.0 passed, less failed, None errored."""
    outcomes = {True: "passed", False: "failed"}
    return [
        CaseVerdict(case_name, repeat, "errored" if score is None else outcomes[score == 1.0], score or 0.0)
        for repeat, score in enumerate(scores, start=1)
    ]


def compare(
    a: list[CaseVerdict], b: list[CaseVerdict], *, suites: tuple[str | None, str | None] = ("s", "s")
) -> Comparison:
    reader: Any = Verdicts({"a": (suites[0], a), "b": (suites[1], b)})
    return compare_evaluations("a", "b", evaluations=reader)


@pytest.mark.parametrize(
    ("a", "b", "change"),
    [
        ([0.0], [1.0], Change.FIXED),
        ([1.0], [0.0], Change.BROKEN),
        ([1.0], [1.0], Change.SAME),
        ([0.0], [0.0], Change.SAME),
        ([0.2], [0.6], Change.BETTER),
        ([0.6], [0.2], Change.WORSE),
        ([0.0, 0.0], [1.0, 0.0], Change.BETTER),
        ([1.0, 0.0], [0.0, 0.0], Change.WORSE),
        ([1.0, 0.0], [1.0, 1.0], Change.FIXED),
        ([1.0, 1.0], [1.0, 0.9], Change.BROKEN),
        ([None], [1.0], Change.UNANSWERED),
        ([1.0], [None], Change.UNANSWERED),
        ([None], [None], Change.UNANSWERED),
        ([1.0, None], [1.0, 1.0], Change.SAME),
        ([0.0], [1.0, 1.0, 1.0], Change.FIXED),
    ],
)
def test_change_of_a_case(a: list[float | None], b: list[float | None], change: Change) -> None:
    (case,) = compare(said("x", *a), said("x", *b)).cases

    assert case.change is change


def test_scores_that_differ_by_rounding_are_the_same() -> None:
    (case,) = compare(said("x", 0.1 + 0.2), said("x", 0.3)).cases

    assert case.change is Change.SAME


def test_standing_is_over_the_answers() -> None:
    (case,) = compare(said("x", 1.0, 0.5, None), said("x", None)).cases

    assert case.a is not None
    assert case.b is not None
    assert (case.a.pass_rate, case.a.score) == (0.5, 0.75)
    assert (case.b.pass_rate, case.b.score) == (None, None)


def test_cases_of_one_run_only_are_told_apart() -> None:
    comparison = compare([*said("gone", 1.0), *said("both", 1.0)], [*said("both", 1.0), *said("new", 1.0)])

    assert [(case.case_name, case.change) for case in comparison.cases] == [
        ("gone", Change.ONLY_A),
        ("both", Change.SAME),
        ("new", Change.ONLY_B),
    ]


@pytest.mark.parametrize(
    ("suites", "same"), [(("s", "s"), True), (("s", "t"), False), ((None, None), False), (("s", None), False)]
)
def test_runs_are_of_the_same_suite_when_its_hash_is(
    suites: tuple[str | None, str | None], same: bool
) -> None:
    assert compare(said("x", 1.0), said("x", 1.0), suites=suites).same_suite is same


def test_changes_are_counted_and_picked() -> None:
    comparison = compare([*said("a", 0.0), *said("b", 1.0), *said("c", 0.0)], said("a", 1.0) + said("c", 1.0))

    assert (comparison.count(Change.FIXED), comparison.count(Change.BROKEN)) == (2, 0)
    assert [case.case_name for case in comparison.of(Change.FIXED, Change.BROKEN)] == ["a", "c"]
    assert [case.case_name for case in comparison.of(Change.ONLY_A)] == ["b"]


@pytest.mark.parametrize("ids", [("nobody", "b"), ("a", "nobody")])
def test_unknown_run_is_told(ids: tuple[str, str]) -> None:
    reader: Any = Verdicts({"a": ("s", []), "b": ("s", [])})

    with pytest.raises(EvaluationNotFoundError, match="'nobody'"):
        compare_evaluations(*ids, evaluations=reader)
