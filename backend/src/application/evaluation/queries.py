"""Read models of the evaluation context, and the reader that fills them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from src.application.shared.page import Page, PageRequest
from src.application.shared.read_model import read_model
from src.domain.evaluation.suite import TestCase
from src.domain.shared.placeholders import JsonValue


@read_model
class SuiteView:
    """A version of a suite. `threshold`: the least pass rate, 0..1; `superseded_at`: when a newer one replaced it."""

    id: str
    name: str
    version: int
    description: str | None
    threshold: float
    case_count: int
    content_hash: str
    created_at: datetime
    superseded_at: datetime | None
    row_version: int


@read_model
class SuiteCaseView:
    """A stored case. `position` counts from 0; `threshold`: the score that is enough, 0..1; None: all must pass."""

    position: int
    name: str
    variables: Mapping[str, JsonValue]
    expected: str | None
    threshold: float | None
    assertions: Sequence[Mapping[str, JsonValue]]


@read_model
class EvaluationView:
    """`prompt_name` and `suite_name` are for people; `abandoned`: unfinished, and its process is gone."""

    id: str
    prompt_id: str
    prompt_name: str
    prompt_version: int | None
    content_hash: str | None
    suite_id: str | None
    suite_name: str | None
    suite_version: int | None
    suite_hash: str | None
    status: str
    provider: str | None
    model: str | None
    settings: Mapping[str, JsonValue]
    total: int
    completed: int
    overall_score: float | None
    metrics: Mapping[str, JsonValue] | None
    execution_time_ms: int | None
    error_message: str | None
    lease_expires_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    created_at: datetime
    updated_at: datetime
    row_version: int

    def is_abandoned(self, now: datetime) -> bool:
        is_open = self.status in ("pending", "running")
        return is_open and (self.lease_expires_at is None or self.lease_expires_at < now)


@read_model
class EvaluationProgress:
    """What a progress line needs; read often, so it touches one row."""

    status: str
    total: int
    completed: int
    row_version: int


@read_model
class ResultView:
    """An answer and its verdict: `score` in 0..1; `repeat` from 1; `cost_usd` is None where no price is known."""

    id: str
    position: int | None
    repeat: int
    case_name: str
    outcome: str
    score: float
    passed: bool
    input: Mapping[str, JsonValue]
    expected: str | None
    output: str | None
    error: str | None
    assertions: Sequence[Mapping[str, JsonValue]]
    latency_ms: float
    attempts: int
    prompt_tokens: int | None
    completion_tokens: int | None
    token_count: int | None
    cost_usd: float | None
    created_at: datetime


@read_model
class CaseVerdict:
    """One result, as a comparison needs it."""

    case_name: str
    repeat: int
    outcome: str
    score: float


@dataclass(frozen=True, slots=True)
class EvaluationFilter:
    """None: whatever it is."""

    prompt_id: str | None = None
    suite_id: str | None = None
    status: str | None = None


class SuiteReader(Protocol):
    def get(self, suite_id: str) -> SuiteView:
        """Raises SuiteNotFoundError."""

    def list(self, name: str | None, page: PageRequest) -> Page[SuiteView]:
        """Current suites, newest first; with `name` every version of that suite. Keyed by (created_at, id)."""

    def list_cases(self, suite_id: str, page: PageRequest) -> Page[SuiteCaseView]:
        """In order; keyed by (position,). Raises SuiteNotFoundError."""

    def next_cases(
        self, suite_id: str, *, after: int, limit: int, case_filter: str | None
    ) -> Sequence[tuple[int, TestCase]]:
        """Up to `limit` (position, case) beyond position `after`, whose name matches the glob `case_filter`."""


class EvaluationReader(Protocol):
    def get(self, evaluation_id: str) -> EvaluationView:
        """Raises EvaluationNotFoundError."""

    def progress(self, evaluation_id: str) -> EvaluationProgress:
        """Raises EvaluationNotFoundError."""

    def list(self, where: EvaluationFilter, page: PageRequest) -> Page[EvaluationView]:
        """Newest first; keyed by (created_at, id)."""

    def list_results(self, evaluation_id: str, outcome: str | None, page: PageRequest) -> Page[ResultView]:
        """In the order of the suite; keyed by (position, repeat, id). Raises EvaluationNotFoundError."""

    def answered(self, evaluation_id: str, *, first: int, last: int) -> set[tuple[int, int]]:
        """(position, repeat) of the answers stored for positions first..last."""

    def verdicts(self, evaluation_id: str) -> Sequence[CaseVerdict]:
        """All results of a run, in the order of the suite. Raises EvaluationNotFoundError."""

    def find_id(self, prefix: str) -> str:
        """The only evaluation whose id begins with `prefix` (at least 4 characters).

        Raises EvaluationNotFoundError when there is none, RuleViolationError when there are several.
        """
