"""Scores: of an assertion, of a case, of a run. All are in 0..1."""

from collections.abc import Sequence
from dataclasses import dataclass

from src.domain.shared.errors import RuleViolationError


@dataclass(frozen=True, slots=True)
class Score:
    """How well a case did, in 0..1. Raises RuleViolationError for anything else."""

    value: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.value <= 1.0:  # also refuses NaN
            raise RuleViolationError(f"A score is between 0 and 1, not {self.value!r}.")


@dataclass(frozen=True, slots=True)
class AssertionResult:
    """What one assertion said of one answer. `type` is as written, with its `not-`."""

    type: str
    passed: bool
    score: float
    reason: str
    weight: float = 1.0


def grade(results: Sequence[AssertionResult], threshold: float | None) -> tuple[Score, bool]:
    """Score and verdict of a case.

    The score is the weighted mean of the assertions' scores. The case passes when every assertion passes or, if it
    has a `threshold`, when the score reaches it. An assertion of weight 0 is shown and never counts; a case in which
    no assertion counts passes with 1.
    """
    counted = [result for result in results if result.weight > 0]
    if not counted:
        return Score(1.0), True
    total = sum(result.weight for result in counted)
    mean = sum(result.score * result.weight for result in counted) / total
    score = Score(min(1.0, max(0.0, mean)))
    if threshold is None:
        return score, all(result.passed for result in counted)
    return score, score.value >= threshold - 1e-9  # 0.1 + 0.2 must reach 0.3
