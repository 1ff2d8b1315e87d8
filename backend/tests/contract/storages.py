"""The implementations of the unit of work, and what the tests do to each of them."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any

from sqlalchemy import update

from src.application.shared.unit_of_work import UnitOfWork
from src.domain.evaluation.evaluation import Evaluation, RunSettings
from src.domain.shared.ids import (
    LOCAL_WORKSPACE,
    Principal,
    UserId,
    WorkspaceId,
)
from src.infrastructure.database.models import (
    EvaluationModel,
    PromptModel,
    PromptTemplateModel,
    TestSuiteModel,
)
from src.infrastructure.shared.database.turso_connection import TursoConnection
from src.infrastructure.shared.database.unit_of_work import SqlUnitOfWork
from tests.builders import (
    NOW,
    a_prompt,
    a_suite,
    an_evaluation,
)
from tests.fakes import InMemoryDatabase, InMemoryUnitOfWork

LATER = NOW + timedelta(hours=1)
ELSEWHERE = Principal(UserId("someone"), WorkspaceId("elsewhere"))


@dataclass(frozen=True)
class Storage:
    """One implementation: `uow(workspace)` opens it, `change_behind` makes a row of a collection newer inside it."""

    uow: Callable[..., UnitOfWork]
    change_behind: Callable[[Any, str, str], None]


def in_memory() -> Storage:
    database = InMemoryDatabase()

    def change_behind(uow: InMemoryUnitOfWork, collection: str, row_id: str) -> None:
        getattr(uow.rows, collection)[row_id].row_version += 1

    return Storage(lambda workspace=LOCAL_WORKSPACE: InMemoryUnitOfWork(database, workspace), change_behind)


def in_sql(database: TursoConnection) -> Storage:
    models: dict[str, Any] = {
        "prompts": PromptModel,
        "templates": PromptTemplateModel,
        "suites": TestSuiteModel,
        "evaluations": EvaluationModel,
    }

    def change_behind(uow: SqlUnitOfWork, collection: str, row_id: str) -> None:
        model = models[collection]
        uow._connection.execute(update(model).where(model.id == row_id).values(row_version=7))

    return Storage(lambda workspace=LOCAL_WORKSPACE: SqlUnitOfWork(database, workspace), change_behind)


def stored(storage: Storage, collection: str, *aggregates: Any) -> Any:
    """Commits the aggregates and returns the first."""
    with storage.uow() as uow:
        for aggregate in aggregates:
            getattr(uow, collection).add(aggregate)
        uow.commit()
    return aggregates[0]


def values_of(aggregate: Any) -> dict[str, Any]:
    return {field.name: getattr(aggregate, field.name) for field in fields(aggregate)}


def a_stored_evaluation(
    storage: Storage, *, total: int = 2, settings: RunSettings | None = None
) -> Evaluation:
    prompt, suite = a_prompt(), a_suite(case_count=total)
    evaluation = an_evaluation(prompt_id=prompt.id, suite_id=suite.id, total=total, settings=settings)
    stored(storage, "prompts", prompt)
    stored(storage, "suites", suite)
    stored(storage, "evaluations", evaluation)
    return evaluation


def add_results(storage: Storage, evaluation: Evaluation, *results: Any) -> None:
    with storage.uow() as uow:
        uow.evaluations.add_results(uow.evaluations.get(evaluation.id), results)
        uow.commit()
