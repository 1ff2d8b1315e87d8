"""A migrated database, a clock, and the runs in it: what the tests of the runner begin with."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from src.application.evaluation import commands
from src.application.evaluation.ports import ProviderError
from src.application.evaluation.queries import ResultView
from src.application.evaluation.runner import Progress, run_evaluation
from src.application.prompt.commands import register_prompt
from src.application.services import Services
from src.application.shared.page import PageRequest
from src.domain.evaluation.evaluation import Evaluation, EvaluationStatus, RunSettings
from src.domain.evaluation.suite import TestCase
from src.domain.prompt.prompt import PromptContent
from src.domain.shared.ids import EvaluationId
from src.infrastructure.evaluation.repositories.evaluation_reader import SqlEvaluationReader
from src.infrastructure.evaluation.repositories.suite_repository import SqlSuiteReader
from src.infrastructure.prompt.repositories.prompt_reader import SqlPromptReader
from src.infrastructure.shared.database.local_sqlite import EngineRole
from src.infrastructure.shared.database.turso_connection import TursoConnection
from src.infrastructure.shared.database.unit_of_work import SqlUnitOfWork
from tests.builders import LOCAL, a_suite_source
from tests.fakes import ContainsScorer, FakeProvider, FixedClock, FlatPrices

OURS, THEIRS = "host:1", "host:2"
DOWN = ProviderError("server is down")


class CountingSuiteReader(SqlSuiteReader):
    cases_read = 0

    def next_cases(self, *args: Any, **options: Any) -> Sequence[tuple[int, TestCase]]:
        page = super().next_cases(*args, **options)
        self.cases_read += len(page)
        return page


@dataclass
class World:
    """A migrated database, a clock, and the runs in it."""

    database: TursoConnection
    clock: FixedClock

    def __post_init__(self) -> None:
        workspace, reads = LOCAL.workspace_id, self.database.read_sessions()
        self.prompts = SqlPromptReader(self.database.engine(EngineRole.READ), workspace)
        self.suites = CountingSuiteReader(reads, workspace)
        self.evaluations = SqlEvaluationReader(reads, workspace)

    def uow(self) -> SqlUnitOfWork:
        return SqlUnitOfWork(self.database, LOCAL.workspace_id)

    def start(
        self,
        *cases: TestCase,
        content: PromptContent | None = None,
        threshold: float = 1.0,
        owner: str = OURS,
        **settings: Any,
    ) -> EvaluationId:
        given: dict[str, Any] = {"provider": "scripted", "concurrency": 2, "max_attempts": 1, **settings}
        prompt, *_ = register_prompt(
            name="triage",
            title="Triage",
            content=content or PromptContent("Sort: {{message}}"),
            by=LOCAL,
            uow=self.uow(),
            now=self.clock(),
        )
        suite, _ = commands.import_suite(
            a_suite_source(*cases, threshold=threshold), by=LOCAL, uow=self.uow(), now=self.clock()
        )
        return commands.start_evaluation(
            prompt_id=prompt.id,
            version=None,
            suite_id=suite.id,
            settings=RunSettings(**given),
            owner=owner,
            by=LOCAL,
            uow=self.uow(),
            now=self.clock(),
        ).id

    def services(self, provider: Any, **changed: Any) -> Services:
        return Services(
            **{
                "principal": LOCAL,
                "unit_of_work": self.uow,
                "impatient_unit_of_work": self.uow,
                "prompts": self.prompts,
                "templates": None,
                "suites": self.suites,
                "evaluations": self.evaluations,
                "suite_files": None,
                "scorer": ContainsScorer(),
                "prices": FlatPrices(),
                "open_provider": lambda _: provider,
                "runs": None,
                "require_ready": None,
                "now": self.clock,
                **changed,
            }
        )

    def run(
        self,
        evaluation_id: EvaluationId,
        provider: FakeProvider,
        *,
        owner: str = OURS,
        on_progress: Callable[[Progress], None] = lambda _: None,
        stop: asyncio.Event | None = None,
        **changed: Any,
    ) -> Evaluation:
        if self.read(evaluation_id).status is not EvaluationStatus.PENDING:
            self.resume(evaluation_id, owner)
        return asyncio.run(
            run_evaluation(
                evaluation_id,
                owner=owner,
                services=self.services(provider, **changed),
                on_progress=on_progress,
                stop=stop,
            )
        )

    def resume(self, evaluation_id: EvaluationId, owner: str = OURS) -> None:
        commands.resume_evaluation(evaluation_id=evaluation_id, owner=owner, uow=self.uow(), now=self.clock())

    def cancel(self, evaluation_id: EvaluationId) -> None:
        commands.cancel_evaluation(
            evaluation_id=evaluation_id, expected_row_version=None, uow=self.uow(), now=self.clock()
        )

    def read(self, evaluation_id: EvaluationId) -> Evaluation:
        with self.uow() as uow:
            return uow.evaluations.get(evaluation_id)

    def results(self, evaluation_id: EvaluationId) -> Sequence[ResultView]:
        return self.evaluations.list_results(evaluation_id, None, PageRequest(limit=200)).items


def asked(provider: FakeProvider) -> list[str]:
    return [request.case_name for request in provider.requests]


def wait_until(condition: Callable[[], bool], *, seconds: float = 5.0) -> None:
    """Looks every 10 ms. Raises AssertionError when the time is over."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.01)
