"""Two runs side by side, case by case."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from src.application.evaluation.queries import CaseVerdict, EvaluationReader, EvaluationView


class Change(StrEnum):
    FIXED = "fixed"
    BROKEN = "broken"
    BETTER = "better"
    WORSE = "worse"
    SAME = "same"
    UNANSWERED = "unanswered"
    ONLY_A = "only_a"
    ONLY_B = "only_b"


@dataclass(frozen=True, slots=True)
class CaseStanding:
    """A case over its repeats: the share that passed and the mean score, over the answers; None without answers."""

    pass_rate: float | None
    score: float | None


@dataclass(frozen=True, slots=True)
class CaseComparison:
    case_name: str
    change: Change
    a: CaseStanding | None
    b: CaseStanding | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """`same_suite`: both ran exactly the same cases; when not, only cases of the same name are compared."""

    a: EvaluationView
    b: EvaluationView
    same_suite: bool
    cases: tuple[CaseComparison, ...]

    def count(self, change: Change) -> int:
        return sum(case.change is change for case in self.cases)

    def counts(self) -> dict[str, int]:
        return {change.value: self.count(change) for change in Change}

    def of(self, *changes: Change) -> tuple[CaseComparison, ...]:
        return tuple(case for case in self.cases if case.change in changes)


def compare_evaluations(a_id: str, b_id: str, *, evaluations: EvaluationReader) -> Comparison:
    """How run `b` differs from run `a`. Raises EvaluationNotFoundError."""
    a, b = evaluations.get(a_id), evaluations.get(b_id)
    standings_a = _standings(evaluations.verdicts(a_id))
    standings_b = _standings(evaluations.verdicts(b_id))
    names = dict.fromkeys((*standings_a, *standings_b))
    cases = tuple(_compared(name, standings_a.get(name), standings_b.get(name)) for name in names)
    return Comparison(a, b, a.suite_hash is not None and a.suite_hash == b.suite_hash, cases)


def _standings(verdicts: Iterable[CaseVerdict]) -> dict[str, CaseStanding]:
    by_case = defaultdict[str, list[CaseVerdict]](list)
    for verdict in verdicts:
        by_case[verdict.case_name].append(verdict)
    return {name: _standing(found) for name, found in by_case.items()}


def _standing(verdicts: list[CaseVerdict]) -> CaseStanding:
    answered = [verdict for verdict in verdicts if verdict.outcome != "errored"]
    if not answered:
        return CaseStanding(None, None)
    passed = sum(verdict.outcome == "passed" for verdict in answered)
    return CaseStanding(passed / len(answered), sum(verdict.score for verdict in answered) / len(answered))


def _compared(name: str, a: CaseStanding | None, b: CaseStanding | None) -> CaseComparison:
    return CaseComparison(name, _change(a, b), a, b)


def _change(a: CaseStanding | None, b: CaseStanding | None) -> Change:
    if a is None or b is None:
        return Change.ONLY_B if a is None else Change.ONLY_A
    if a.pass_rate is None or b.pass_rate is None or a.score is None or b.score is None:
        return Change.UNANSWERED
    if a.pass_rate != b.pass_rate:
        if b.pass_rate == 1.0:
            return Change.FIXED
        if a.pass_rate == 1.0:
            return Change.BROKEN
        return Change.BETTER if b.pass_rate > a.pass_rate else Change.WORSE
    if abs(a.score - b.score) < 1e-9:
        return Change.SAME
    return Change.BETTER if b.score > a.score else Change.WORSE
