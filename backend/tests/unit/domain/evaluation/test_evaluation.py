from datetime import timedelta
from typing import Any

import pytest

from src.domain.evaluation.errors import EvaluationStateError, LeaseLostError
from src.domain.evaluation.evaluation import (
    LEASE_SECONDS,
    Evaluation,
    EvaluationStatus,
    Outcome,
    RunSettings,
    RunSummary,
)
from src.domain.shared.errors import RuleViolationError
from tests.builders import NOW, a_result, an_evaluation

OURS, THEIRS = "host:1", "host:2"
DURING_LEASE = NOW + timedelta(seconds=LEASE_SECONDS - 1)
AFTER_LEASE = NOW + timedelta(seconds=LEASE_SECONDS + 1)


def a_summary(
    passed: int = 0, failed: int = 0, errored: int = 0, *, score: float | None = None
) -> RunSummary:
    return RunSummary(
        passed=passed,
        failed=failed,
        errored=errored,
        score=score,
        prompt_tokens=None,
        completion_tokens=None,
        cost_usd=None,
        unpriced=passed + failed,
        latency_mean_ms=None,
        latency_p50_ms=None,
        latency_p95_ms=None,
        latency_max_ms=None,
    )


def in_state(status: EvaluationStatus) -> Evaluation:
    """An evaluation of two answers that `OURS` brought there."""
    evaluation = an_evaluation(total=2, owner=OURS)
    if status is EvaluationStatus.CANCELLED:
        evaluation.cancel(now=NOW)
    elif status is not EvaluationStatus.PENDING:
        evaluation.start(owner=OURS, now=NOW)
        if status is not EvaluationStatus.RUNNING:
            answered = 2 if status is EvaluationStatus.COMPLETED else 1
            finish(evaluation, a_summary(passed=answered))
    assert evaluation.status is status
    return evaluation


def finish(
    evaluation: Evaluation, summary: RunSummary, *, owner: str = OURS, error: str | None = None
) -> None:
    evaluation.finish(summary, owner=owner, elapsed_ms=10, error=error, now=DURING_LEASE)


# --- states -----------------------------------------------------------------------------------------------------------

MOVES: dict[str, Any] = {
    "start": lambda e: e.start(owner=OURS, now=DURING_LEASE),
    "start elsewhere": lambda e: e.start(owner=THEIRS, now=DURING_LEASE),
    "reserve": lambda e: e.reserve(owner=THEIRS, now=DURING_LEASE),
    "reserve by its owner": lambda e: e.reserve(owner=OURS, now=DURING_LEASE),
    "reserve when the lease is over": lambda e: e.reserve(owner=THEIRS, now=AFTER_LEASE),
    "renew": lambda e: e.renew(owner=OURS, now=DURING_LEASE),
    "renew elsewhere": lambda e: e.renew(owner=THEIRS, now=DURING_LEASE),
    "cancel": lambda e: e.cancel(now=DURING_LEASE),
    "finish with all answers": lambda e: finish(e, a_summary(passed=1, failed=1)),
    "finish with some answers": lambda e: finish(e, a_summary(passed=1, errored=1)),
    "finish elsewhere": lambda e: finish(e, a_summary(passed=2), owner=THEIRS),
}
STATE, LEASE = EvaluationStateError, LeaseLostError
OUTCOMES: dict[str, dict[str, Any]] = {
    "pending": {
        "start": "running",
        "start elsewhere": STATE,
        "reserve": STATE,
        "reserve by its owner": STATE,
        "reserve when the lease is over": "pending",
        "renew": LEASE,
        "renew elsewhere": LEASE,
        "cancel": "cancelled",
        "finish with all answers": LEASE,
        "finish with some answers": LEASE,
        "finish elsewhere": LEASE,
    },
    "running": {
        "start": STATE,
        "start elsewhere": STATE,
        "reserve": STATE,
        "reserve by its owner": STATE,
        "reserve when the lease is over": "pending",
        "renew": "running",
        "renew elsewhere": LEASE,
        "cancel": "cancelled",
        "finish with all answers": "completed",
        "finish with some answers": "failed",
        "finish elsewhere": LEASE,
    },
    "completed": {move: LEASE if "renew" in move or "finish" in move else STATE for move in MOVES},
    "cancelled": {move: LEASE if "renew" in move or "finish" in move else STATE for move in MOVES},
    "failed": {
        "start": STATE,
        "start elsewhere": STATE,
        "reserve": "pending",
        "reserve by its owner": "pending",
        "reserve when the lease is over": "pending",
        "renew": LEASE,
        "renew elsewhere": LEASE,
        "cancel": STATE,
        "finish with all answers": LEASE,
        "finish with some answers": LEASE,
        "finish elsewhere": LEASE,
    },
}


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("status", list(EvaluationStatus))
def test_states_move_one_way(status: EvaluationStatus, move: str) -> None:
    evaluation, outcome = in_state(status), OUTCOMES[status.value][move]

    if isinstance(outcome, str):
        MOVES[move](evaluation)
        assert evaluation.status.value == outcome
    else:
        with pytest.raises(outcome):
            MOVES[move](evaluation)
        assert evaluation.status is status


# --- lease ------------------------------------------------------------------------------------------------------------


def test_run_that_is_alive_elsewhere_says_when_it_can_be_resumed() -> None:
    with pytest.raises(EvaluationStateError, match=r"lease ends at 10:00:15 UTC"):
        an_evaluation(owner=OURS).reserve(owner=THEIRS, now=NOW)


def test_whoever_takes_a_run_holds_the_lease() -> None:
    evaluation = in_state(EvaluationStatus.RUNNING)

    evaluation.reserve(owner=THEIRS, now=AFTER_LEASE)

    assert evaluation.owner == THEIRS
    assert evaluation.lease_expires_at == AFTER_LEASE + timedelta(seconds=LEASE_SECONDS)
    with pytest.raises(LeaseLostError, match="in the hands of another process"):
        evaluation.renew(owner=OURS, now=AFTER_LEASE)


def test_renewing_extends_the_lease() -> None:
    evaluation = in_state(EvaluationStatus.RUNNING)

    evaluation.renew(owner=OURS, now=DURING_LEASE)

    assert evaluation.lease_expires_at == DURING_LEASE + timedelta(seconds=LEASE_SECONDS)
    assert not evaluation.is_abandoned(AFTER_LEASE)


def test_late_renewal_counts_while_nobody_took_the_run() -> None:
    evaluation = in_state(EvaluationStatus.RUNNING)

    evaluation.renew(owner=OURS, now=AFTER_LEASE)

    assert not evaluation.is_abandoned(AFTER_LEASE)


@pytest.mark.parametrize(
    ("status", "abandoned"),
    [("pending", True), ("running", True), ("completed", False), ("failed", False), ("cancelled", False)],
)
def test_only_an_unfinished_run_is_abandoned_when_its_lease_is_over(status: str, abandoned: bool) -> None:
    evaluation = in_state(EvaluationStatus(status))

    assert not evaluation.is_abandoned(DURING_LEASE)
    assert evaluation.is_abandoned(AFTER_LEASE) is abandoned


def test_unfinished_run_without_a_lease_is_abandoned() -> None:
    evaluation = in_state(EvaluationStatus.RUNNING)
    evaluation.lease_expires_at = None

    assert evaluation.is_abandoned(NOW)


def test_cancelled_run_tells_its_worker_why_it_must_stop() -> None:
    evaluation = in_state(EvaluationStatus.RUNNING)
    evaluation.cancel(now=NOW)

    with pytest.raises(LeaseLostError, match="is cancelled"):
        evaluation.renew(owner=OURS, now=NOW)


# --- starting ---------------------------------------------------------------------------------------------------------


def test_run_over_no_case_is_refused_with_the_filter() -> None:
    settings = RunSettings(provider="scripted", case_filter="nope*")

    with pytest.raises(RuleViolationError, match=r"No case of the suite matches 'nope\*'"):
        an_evaluation(total=0, settings=settings)


def test_evaluation_recorded_without_a_suite_cannot_run() -> None:
    evaluation = an_evaluation()
    evaluation.suite_id = None

    with pytest.raises(EvaluationStateError, match="without a test suite"):
        evaluation.reserve(owner=OURS, now=AFTER_LEASE)


def test_resuming_keeps_the_first_start_and_clears_the_failure() -> None:
    evaluation = in_state(EvaluationStatus.FAILED)
    assert evaluation.error_message

    evaluation.reserve(owner=THEIRS, now=AFTER_LEASE)
    evaluation.start(owner=THEIRS, now=AFTER_LEASE)

    assert evaluation.started_at == NOW
    assert not evaluation.error_message
    assert not evaluation.finished_at


@pytest.mark.parametrize(
    "field",
    [
        {"repeats": 0},
        {"repeats": 101},
        {"concurrency": 0},
        {"concurrency": 257},
        {"max_attempts": 0},
        {"max_attempts": 11},
        {"timeout_seconds": 0},
        {"timeout_seconds": 601},
        {"timeout_seconds": float("nan")},
    ],
)
def test_run_settings_outside_their_range_are_refused(field: dict[str, Any]) -> None:
    with pytest.raises(RuleViolationError, match=f"{next(iter(field))}: .* is not between"):
        RunSettings(provider="scripted", **field)


# --- finishing --------------------------------------------------------------------------------------------------------


def test_completed_run_has_its_score_and_counts() -> None:
    evaluation = in_state(EvaluationStatus.RUNNING)

    finish(evaluation, a_summary(passed=1, failed=1, score=0.75))

    assert (evaluation.overall_score, evaluation.completed) == (0.75, 2)
    assert (evaluation.finished_at, evaluation.lease_expires_at) == (DURING_LEASE, None)
    assert evaluation.metrics is not None
    assert evaluation.metrics["pass_rate"] == 0.5
    assert evaluation.error_message is None


def test_run_with_missing_answers_says_how_many() -> None:
    evaluation = in_state(EvaluationStatus.RUNNING)

    finish(evaluation, a_summary(passed=1, errored=1))

    assert evaluation.error_message == "1 of 2 answers are missing."
    assert evaluation.completed == 2


def test_reason_of_a_failure_is_kept() -> None:
    evaluation = in_state(EvaluationStatus.RUNNING)

    finish(evaluation, a_summary(passed=1), error="Interrupted.")

    assert evaluation.error_message == "Interrupted."


def test_reason_is_dropped_when_all_is_answered_after_all() -> None:
    evaluation = in_state(EvaluationStatus.RUNNING)

    finish(evaluation, a_summary(passed=2), error="Interrupted.")

    assert (evaluation.status, evaluation.error_message) == (EvaluationStatus.COMPLETED, None)


def test_time_of_a_resumed_run_is_added_up() -> None:
    evaluation = in_state(EvaluationStatus.FAILED)
    evaluation.reserve(owner=OURS, now=NOW)
    evaluation.start(owner=OURS, now=NOW)

    finish(evaluation, a_summary(passed=2))

    assert evaluation.execution_time_ms == 20


@pytest.mark.parametrize(
    ("passed", "failed", "errored", "threshold", "meets"),
    [
        (10, 0, 0, 1.0, True),
        (9, 1, 0, 1.0, False),
        (9, 1, 0, 0.9, True),
        (7, 3, 0, 0.7, True),  # 0.7 is not exact in binary
        (0, 10, 0, 0.0, True),
        (9, 0, 1, 0.5, False),  # an unanswered case is no evidence
        (0, 0, 10, 0.0, False),
    ],
)
def test_run_meets_its_threshold_only_with_every_answer(
    passed: int, failed: int, errored: int, threshold: float, meets: bool
) -> None:
    evaluation = an_evaluation(total=10, threshold=threshold, owner=OURS)
    evaluation.start(owner=OURS, now=NOW)
    assert not evaluation.meets_threshold

    finish(evaluation, a_summary(passed, failed, errored))

    assert evaluation.meets_threshold is meets


def test_pass_rate_is_over_the_answers() -> None:
    assert a_summary(passed=1, failed=1, errored=2).pass_rate == 0.5
    assert a_summary(errored=2).pass_rate is None


@pytest.mark.parametrize(
    ("result", "outcome"),
    [
        (a_result(passed=True), Outcome.PASSED),
        (a_result(passed=False), Outcome.FAILED),
        (a_result(error="down"), Outcome.ERRORED),
    ],
)
def test_outcome_of_a_case(result: Any, outcome: Outcome) -> None:
    assert result.outcome is outcome
