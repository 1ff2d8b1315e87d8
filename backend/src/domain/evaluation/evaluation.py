"""The Evaluation aggregate: one run of one prompt version over one suite version with one model."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from src.domain.evaluation.errors import EvaluationStateError, LeaseLostError
from src.domain.evaluation.score import AssertionResult, Score
from src.domain.shared.errors import RuleViolationError
from src.domain.shared.ids import EvaluationId, Principal, PromptId, SuiteId, UserId, WorkspaceId, new_id
from src.domain.shared.placeholders import JsonValue

LEASE_SECONDS = 15.0
MAX_CONCURRENCY = 256
MAX_REPEATS = 100
MAX_ATTEMPTS = 10
MAX_TIMEOUT_SECONDS = 600.0


class EvaluationStatus(StrEnum):
    """pending → running → completed | failed | cancelled; a failed or abandoned one may become pending again."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


_OPEN = {EvaluationStatus.PENDING, EvaluationStatus.RUNNING}


class Outcome(StrEnum):
    """An errored case has no answer: it is neither passed nor failed, and counted apart."""

    PASSED = "passed"
    FAILED = "failed"
    ERRORED = "errored"


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How a run calls its model.

    `repeats`: times each case is asked; `timeout_seconds`: per call; `max_attempts`: calls per answer, the first
    included; `parameters`: passed to the model as they are; `case_filter`: glob over case names, None = all;
    `provider_options`: what the provider needs to start again after a crash (never a secret).
    """

    provider: str
    model: str | None = None
    repeats: int = 1
    concurrency: int = 8
    timeout_seconds: float = 60.0
    max_attempts: int = 4
    parameters: Mapping[str, JsonValue] = field(default_factory=dict)
    case_filter: str | None = None
    provider_options: Mapping[str, JsonValue] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _require_range("repeats", self.repeats, 1, MAX_REPEATS)
        _require_range("concurrency", self.concurrency, 1, MAX_CONCURRENCY)
        _require_range("max_attempts", self.max_attempts, 1, MAX_ATTEMPTS)
        _require_range("timeout_seconds", self.timeout_seconds, 0.001, MAX_TIMEOUT_SECONDS)


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One answer and its verdict, or the reason why there is none (`error`).

    `position` is the case's place in its suite from 0, `repeat` counts from 1; `latency_ms` is of the call that
    answered; `cost_usd` and token counts are None when they are not known.
    """

    position: int
    repeat: int
    case_name: str
    input: Mapping[str, JsonValue]
    score: Score
    passed: bool
    assertions: tuple[AssertionResult, ...]
    latency_ms: float
    attempts: int
    expected: str | None = None
    output: str | None = None
    error: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost_usd: float | None = None

    @property
    def outcome(self) -> Outcome:
        if self.error is not None:
            return Outcome.ERRORED
        return Outcome.PASSED if self.passed else Outcome.FAILED


@dataclass(frozen=True, slots=True)
class RunSummary:
    """Counts and sums over the stored results of a run. Scores and rates are over the answered ones only.

    `score` and `pass_rate` are None when nothing was answered; `cost_usd` is None when no answer had a price, and
    `unpriced` counts the answers without one; latencies are milliseconds.
    """

    passed: int
    failed: int
    errored: int
    score: float | None
    prompt_tokens: int | None
    completion_tokens: int | None
    cost_usd: float | None
    unpriced: int
    latency_mean_ms: float | None
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    latency_max_ms: float | None

    @property
    def answered(self) -> int:
        return self.passed + self.failed

    @property
    def pass_rate(self) -> float | None:
        return self.passed / self.answered if self.answered else None

    def meets(self, threshold: float, total: int) -> bool:
        """Whether the run is evidence enough: every planned case answered, and the pass rate reached."""
        rate = self.pass_rate
        return rate is not None and self.answered == total and rate >= threshold - 1e-9


@dataclass(eq=False, slots=True, kw_only=True)
class Evaluation:
    """A run. `owner` and `lease_expires_at` tell which process works on it; `total` is cases × repeats."""

    id: EvaluationId
    workspace_id: WorkspaceId
    user_id: UserId
    prompt_id: PromptId
    prompt_version: int
    content_hash: str
    suite_id: SuiteId | None
    suite_hash: str | None
    settings: RunSettings
    threshold: float
    total: int
    status: EvaluationStatus
    created_at: datetime
    updated_at: datetime
    completed: int = 0
    overall_score: float | None = None
    metrics: Mapping[str, JsonValue] | None = None
    execution_time_ms: int | None = None
    error_message: str | None = None
    owner: str | None = None
    lease_expires_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    row_version: int = 0

    @classmethod
    def create(
        cls,
        *,
        prompt_id: PromptId,
        prompt_version: int,
        content_hash: str,
        suite_id: SuiteId,
        suite_hash: str,
        settings: RunSettings,
        threshold: float,
        total: int,
        owner: str,
        by: Principal,
        now: datetime,
    ) -> "Evaluation":
        """A pending run that `owner` is about to start. Raises RuleViolationError when there is nothing to run."""
        if total < 1:
            raise RuleViolationError(f"No case of the suite matches {settings.case_filter!r}.")
        return cls(
            id=EvaluationId(new_id()),
            workspace_id=by.workspace_id,
            user_id=by.user_id,
            prompt_id=prompt_id,
            prompt_version=prompt_version,
            content_hash=content_hash,
            suite_id=suite_id,
            suite_hash=suite_hash,
            settings=settings,
            threshold=threshold,
            total=total,
            status=EvaluationStatus.PENDING,
            owner=owner,
            lease_expires_at=now + timedelta(seconds=LEASE_SECONDS),
            created_at=now,
            updated_at=now,
        )

    def is_abandoned(self, now: datetime) -> bool:
        """Its process died: it is not finished and nobody has renewed the lease."""
        return self.status in _OPEN and (self.lease_expires_at is None or self.lease_expires_at < now)

    def reserve(self, *, owner: str, now: datetime) -> None:
        """Makes a failed or abandoned run pending again, for `owner` to start.

        Raises EvaluationStateError for one that is finished, or alive: of two that try, one gets it.
        """
        if self.status in {EvaluationStatus.COMPLETED, EvaluationStatus.CANCELLED}:
            raise EvaluationStateError(f"Evaluation {self.id} is {self.status.value}; start a new one.")
        if self.status in _OPEN and not self.is_abandoned(now):
            raise EvaluationStateError(
                f"Evaluation {self.id} is {self.status.value}. If its process died, its lease ends at "
                f"{self.lease_expires_at:%H:%M:%S} UTC; resume then."
            )
        if self.suite_id is None:
            raise EvaluationStateError(
                f"Evaluation {self.id} was recorded without a test suite; it cannot be run."
            )
        self.status, self.owner, self.error_message, self.finished_at = (
            EvaluationStatus.PENDING,
            owner,
            None,
            None,
        )
        self._renew(now)

    def start(self, *, owner: str, now: datetime) -> None:
        """Begins the run that `owner` created or reserved. Raises EvaluationStateError for any other."""
        if self.status is not EvaluationStatus.PENDING or self.owner != owner:
            raise EvaluationStateError(
                f"Evaluation {self.id} is {self.status.value}, not this process's to start."
            )
        self.status = EvaluationStatus.RUNNING
        self.started_at = self.started_at or now
        self._renew(now)

    def renew(self, *, owner: str, now: datetime) -> None:
        """Extends the lease. Raises LeaseLostError when the run was cancelled, finished or taken over."""
        if self.status is not EvaluationStatus.RUNNING or self.owner != owner:
            state = self.status.value if self.owner == owner else "in the hands of another process"
            raise LeaseLostError(f"Evaluation {self.id} is {state}.")
        self._renew(now)

    def cancel(self, *, now: datetime) -> None:
        """Ends the run; answers that are stored stay. Raises EvaluationStateError when it has ended already."""
        if self.status not in _OPEN:
            raise EvaluationStateError(f"Evaluation {self.id} is {self.status.value} already.")
        self._finish(EvaluationStatus.CANCELLED, now)

    def finish(
        self, summary: RunSummary, *, owner: str, elapsed_ms: int, error: str | None, now: datetime
    ) -> None:
        """Completed when every planned case is answered, else failed with the reason, and may be resumed."""
        self.renew(owner=owner, now=now)
        self.overall_score = summary.score
        self.metrics = metrics_of(summary, self.threshold, self.total)
        self.completed = summary.answered + summary.errored
        self.execution_time_ms = (self.execution_time_ms or 0) + elapsed_ms
        if summary.answered == self.total:
            self._finish(EvaluationStatus.COMPLETED, now)
            return
        without = self.total - summary.answered
        self.error_message = error or f"{without} of {self.total} answers are missing."
        self._finish(EvaluationStatus.FAILED, now)

    @property
    def meets_threshold(self) -> bool:
        return bool(self.metrics and self.metrics.get("meets_threshold"))

    def _renew(self, now: datetime) -> None:
        self.lease_expires_at = now + timedelta(seconds=LEASE_SECONDS)
        self.updated_at = now

    def _finish(self, status: EvaluationStatus, now: datetime) -> None:
        self.status = status
        self.lease_expires_at = None
        self.finished_at = self.updated_at = now


def metrics_of(summary: RunSummary, threshold: float, total: int) -> dict[str, JsonValue]:
    """The `metrics` of a run, as they are stored and shown."""
    return {
        "total": total,
        "passed": summary.passed,
        "failed": summary.failed,
        "errored": summary.errored,
        "pass_rate": summary.pass_rate,
        "threshold": threshold,
        "meets_threshold": summary.meets(threshold, total),
        "prompt_tokens": summary.prompt_tokens,
        "completion_tokens": summary.completion_tokens,
        "cost_usd": summary.cost_usd,
        "unpriced": summary.unpriced,
        "latency_ms": {
            "mean": summary.latency_mean_ms,
            "p50": summary.latency_p50_ms,
            "p95": summary.latency_p95_ms,
            "max": summary.latency_max_ms,
        },
    }


def _require_range(field_name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise RuleViolationError(f"{field_name}: {value!r} is not between {low:g} and {high:g}.")
