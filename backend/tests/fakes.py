"""Stand-ins for the outside: storage in memory, a model that answers as told, a clock that a test moves."""

import asyncio
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from math import ceil, fsum
from typing import Any, Generic, Self, TypeVar

from sqlalchemy.exc import IntegrityError

from src.application.evaluation.ports import Answer, Completion, CompletionRequest
from src.domain.evaluation.assertion import Assertion
from src.domain.evaluation.errors import EvaluationNotFoundError, SuiteNotFoundError
from src.domain.evaluation.evaluation import CaseResult, Evaluation, Outcome, RunSummary
from src.domain.evaluation.score import AssertionResult
from src.domain.evaluation.suite import TestCase, TestSuite
from src.domain.prompt.errors import (
    PromptNameTakenError,
    PromptNotFoundError,
    PromptVersionNotFoundError,
    TemplateNameTakenError,
    TemplateNotFoundError,
)
from src.domain.prompt.prompt import Prompt, PromptVersion
from src.domain.prompt.template import PromptTemplate
from src.domain.shared.errors import ConcurrentUpdateError
from src.domain.shared.ids import (
    LOCAL_WORKSPACE,
    EvaluationId,
    PromptId,
    SuiteId,
    TemplateId,
    WorkspaceId,
)
from tests.builders import NOW

Aggregate = TypeVar("Aggregate", Prompt, PromptTemplate, TestSuite, Evaluation)


class FixedClock:
    """Stands still until it is told to move."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


# --- storage ----------------------------------------------------------------------------------------------------------


@dataclass
class Rows:
    """Everything that is stored, over all workspaces."""

    prompts: dict[str, Prompt] = field(default_factory=dict)
    versions: dict[str, dict[int, PromptVersion]] = field(default_factory=dict)
    templates: dict[str, PromptTemplate] = field(default_factory=dict)
    suites: dict[str, TestSuite] = field(default_factory=dict)
    cases: dict[str, dict[int, TestCase]] = field(default_factory=dict)
    evaluations: dict[str, Evaluation] = field(default_factory=dict)
    results: dict[str, dict[tuple[int, int], CaseResult]] = field(default_factory=dict)


class InMemoryDatabase:
    def __init__(self) -> None:
        self.committed = Rows()


class InMemoryUnitOfWork:
    """A unit of work over memory. Whatever is not committed is forgotten, and no aggregate is shared with storage."""

    def __init__(
        self, database: InMemoryDatabase | None = None, workspace_id: WorkspaceId = LOCAL_WORKSPACE
    ) -> None:
        self.database = database or InMemoryDatabase()
        self._workspace_id = workspace_id

    def __enter__(self) -> Self:
        self.rows = deepcopy(self.database.committed)
        self.prompts = _Prompts(self.rows, self._workspace_id)
        self.templates = _Templates(self.rows, self._workspace_id)
        self.suites = _Suites(self.rows, self._workspace_id)
        self.evaluations = _Evaluations(self.rows, self._workspace_id)
        return self

    def __exit__(self, *exc: object) -> None:
        del self.rows, self.prompts, self.templates, self.suites, self.evaluations

    def commit(self) -> None:
        self.prompts.flush()
        self.templates.flush()
        self.suites.flush()
        self.evaluations.flush()
        self.database.committed = deepcopy(self.rows)


class _Collection(Generic[Aggregate]):
    """Copies of stored aggregates in, changed ones out, each change with the next row version."""

    def __init__(self, stored: dict[str, Aggregate], workspace_id: WorkspaceId) -> None:
        self._stored: dict[str, Aggregate] = stored
        self._workspace_id = workspace_id
        self._seen: dict[str, Aggregate] = {}

    def add(self, aggregate: Aggregate) -> None:
        self._seen[aggregate.id] = aggregate

    def flush(self) -> None:
        for key, aggregate in self._seen.items():
            stored = self._stored.get(key)
            if (stored.row_version if stored else 0) != aggregate.row_version:
                raise ConcurrentUpdateError
            self._before_write(aggregate)
            if stored is None or _values(stored) != _values(aggregate):
                aggregate.row_version += 1
            self._stored[key] = deepcopy(aggregate)

    def _before_write(self, aggregate: Aggregate) -> None:
        """Raises when a constraint forbids the row."""

    def _find(self, key: str) -> Aggregate | None:
        if key not in self._seen:
            stored = self._stored.get(key)
            if stored is None or stored.workspace_id != self._workspace_id:
                return None
            self._seen[key] = deepcopy(stored)
        return self._seen[key]


class _Prompts(_Collection[Prompt]):
    def __init__(self, rows: Rows, workspace_id: WorkspaceId) -> None:
        super().__init__(rows.prompts, workspace_id)
        self._versions = rows.versions

    def get(self, prompt_id: PromptId, *, deleted: bool = False) -> Prompt:
        seen, prompt = prompt_id in self._seen, self._find(prompt_id)
        if prompt is None or (prompt.is_deleted and not deleted and not seen):
            self._seen.pop(prompt_id, None)
            raise PromptNotFoundError(prompt_id)
        return prompt

    def find_by_name(self, name: str) -> Prompt | None:
        found = self._live_of_name(name)
        return None if found is None else self._find(found.id)

    def is_name_taken(self, name: str) -> bool:
        return self._live_of_name(name) is not None

    def get_version(self, prompt: Prompt, version: int) -> PromptVersion:
        for entry in self._history(prompt):
            if entry.version == version:
                return entry
        raise PromptVersionNotFoundError(prompt.name, version)

    def find_version_by_hash(self, prompt: Prompt, content_hash: str) -> PromptVersion | None:
        matching = [entry for entry in self._history(prompt) if entry.content_hash == content_hash]
        return matching[-1] if matching else None

    def _before_write(self, aggregate: Prompt) -> None:
        namesake = self._live_of_name(aggregate.name)
        if namesake is not None and namesake.id != aggregate.id and not aggregate.is_deleted:
            raise PromptNameTakenError(aggregate.name)
        history = self._versions.setdefault(aggregate.id, {})
        history |= {entry.version: entry for entry in aggregate.new_versions}
        aggregate.new_versions.clear()

    def _history(self, prompt: Prompt) -> list[PromptVersion]:
        return [*self._versions.get(prompt.id, {}).values(), *prompt.new_versions]

    def _live_of_name(self, name: str) -> Prompt | None:
        for prompt in self._stored.values():
            if (prompt.workspace_id, prompt.name, prompt.deleted_at) == (self._workspace_id, name, None):
                return prompt
        return None


class _Templates(_Collection[PromptTemplate]):
    def __init__(self, rows: Rows, workspace_id: WorkspaceId) -> None:
        super().__init__(rows.templates, workspace_id)

    def get(self, template_id: TemplateId) -> PromptTemplate:
        found = self._find(template_id)
        if found is None:
            raise TemplateNotFoundError(template_id)
        return found

    def count_use(self, template_id: TemplateId) -> None:
        self._stored[template_id].usage_count += 1

    def remove(self, template: PromptTemplate) -> None:
        self._seen.pop(template.id, None)
        del self._stored[template.id]

    def _before_write(self, aggregate: PromptTemplate) -> None:
        if stored := self._stored.get(aggregate.id):
            aggregate.usage_count = stored.usage_count  # which `count_use` alone changes
        for other in self._stored.values():
            same_name = (other.workspace_id, other.name) == (aggregate.workspace_id, aggregate.name)
            if same_name and other.id != aggregate.id:
                raise TemplateNameTakenError(aggregate.name)


class _Suites(_Collection[TestSuite]):
    def __init__(self, rows: Rows, workspace_id: WorkspaceId) -> None:
        super().__init__(rows.suites, workspace_id)
        self._cases = rows.cases

    def add(self, suite: TestSuite) -> None:
        super().add(suite)
        self.flush()

    def add_cases(self, suite: TestSuite, cases: Sequence[TestCase], *, first_position: int) -> None:
        self._cases.setdefault(suite.id, {}).update(enumerate(cases, first_position))

    def get(self, suite_id: SuiteId) -> TestSuite:
        found = self._find(suite_id)
        if found is None:
            raise SuiteNotFoundError(suite_id)
        return found

    def find_current(self, name: str) -> TestSuite | None:
        for suite in self._stored.values():
            if (suite.workspace_id, suite.name, suite.superseded_at) == (self._workspace_id, name, None):
                return self._find(suite.id)
        return None

    def count_cases(self, suite_id: SuiteId, case_filter: str | None) -> int:
        names = [case.name for case in self._cases.get(suite_id, {}).values()]
        return sum(case_filter is None or fnmatchcase(name, case_filter) for name in names)


class _Evaluations(_Collection[Evaluation]):
    def __init__(self, rows: Rows, workspace_id: WorkspaceId) -> None:
        super().__init__(rows.evaluations, workspace_id)
        self._results = rows.results

    def get(self, evaluation_id: EvaluationId) -> Evaluation:
        found = self._find(evaluation_id)
        if found is None:
            raise EvaluationNotFoundError(evaluation_id)
        return found

    def add_results(self, evaluation: Evaluation, results: Sequence[CaseResult]) -> None:
        stored = self._results.setdefault(evaluation.id, {})
        for result in results:
            key = (result.position, result.repeat)
            if key in stored and stored[key].outcome is not Outcome.ERRORED:
                raise IntegrityError("insert into test_results", key, ValueError("answered already"))
            evaluation.completed += key not in stored
            stored[key] = result

    def summarise(self, evaluation_id: EvaluationId) -> RunSummary:
        results = self._results.get(evaluation_id, {}).values()
        answers = [result for result in results if result.outcome is not Outcome.ERRORED]
        latencies = sorted(result.latency_ms for result in answers)
        outcomes = [result.outcome for result in results]
        return RunSummary(
            passed=outcomes.count(Outcome.PASSED),
            failed=outcomes.count(Outcome.FAILED),
            errored=outcomes.count(Outcome.ERRORED),
            score=_mean([result.score.value for result in answers]),
            prompt_tokens=_sum([result.prompt_tokens for result in results]),
            completion_tokens=_sum([result.completion_tokens for result in results]),
            cost_usd=_sum([result.cost_usd for result in results]),
            unpriced=sum(result.cost_usd is None for result in answers),
            latency_mean_ms=_mean(latencies),
            latency_p50_ms=_percentile(latencies, 0.50),
            latency_p95_ms=_percentile(latencies, 0.95),
            latency_max_ms=max(latencies, default=None),
        )


def _values(aggregate: Any) -> dict[str, Any]:
    unstored = {"row_version", "new_versions"}
    return {f.name: getattr(aggregate, f.name) for f in fields(aggregate) if f.name not in unstored}


def _mean(values: Sequence[float]) -> float | None:
    return fsum(values) / len(values) if values else None


def _sum(values: Sequence[Any]) -> Any:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _percentile(ordered: Sequence[float], quantile: float) -> float | None:
    """Nearest rank."""
    return ordered[max(0, ceil(quantile * len(ordered)) - 1)] if ordered else None


# --- models and scores ------------------------------------------------------------------------------------------------

Answering = Callable[[CompletionRequest], "str | Completion | Exception"]


class FakeProvider:
    """Answers what `answering` says of a request, raising what is an exception; keeps all requests it was sent.

    `seconds`: how long each call takes. `gate`: calls wait until it is set.
    """

    def __init__(
        self,
        answering: Answering = lambda _: "ok",
        *,
        seconds: float = 0.0,
        gate: asyncio.Event | None = None,
    ) -> None:
        self._answering, self._seconds, self._gate = answering, seconds, gate
        self.requests: list[CompletionRequest] = []
        self.is_asked = asyncio.Event()
        self.under_way = 0
        self.most_under_way = 0
        self.is_closed = False

    async def complete(self, request: CompletionRequest) -> Completion:
        self.requests.append(request)
        self.is_asked.set()
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await asyncio.sleep(self._seconds)
            if self._gate is not None:
                await self._gate.wait()
            said = self._answering(request)
        finally:
            self.under_way -= 1
        if isinstance(said, Exception):
            raise said
        return said if isinstance(said, Completion) else Completion(said)

    async def aclose(self) -> None:
        self.is_closed = True


class ContainsScorer:
    """Every assertion, whatever its type, looks whether its value is in the answer."""

    def check(self, assertion: Assertion) -> None:
        """Any assertion will do."""

    def score(self, assertion: Assertion, answer: Answer) -> AssertionResult:
        found = str(assertion.value) in answer.text
        reason = f"{assertion.value!r} is {'' if found else 'not '}in {answer.text!r}"
        return AssertionResult(assertion.written_type, found, float(found), reason, assertion.weight)


class FlatPrices:
    """`usd` for each call whose model is in `models`."""

    def __init__(self, usd: float = 0.0, *, models: Sequence[str] = ()) -> None:
        self._usd, self._models = usd, models

    def load(self, provider: str) -> None: ...

    def cost_usd(
        self, *, provider: str, model: str | None, prompt_tokens: int | None, completion_tokens: int | None
    ) -> float | None:
        return self._usd if model in self._models else None
