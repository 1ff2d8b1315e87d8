"""Evaluations in SQL, the read side: columns into read models, each call in its own session."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, select, tuple_
from sqlalchemy.orm import Session, sessionmaker

from src.application.evaluation.queries import (
    CaseVerdict,
    EvaluationFilter,
    EvaluationProgress,
    EvaluationView,
    ResultView,
)
from src.application.shared.page import Key, Page, PageRequest
from src.domain.evaluation.errors import EvaluationNotFoundError
from src.domain.evaluation.evaluation import Outcome
from src.domain.shared.errors import RuleViolationError
from src.domain.shared.ids import WorkspaceId
from src.infrastructure.evaluation.models.evaluation_model import EvaluationModel, TestResultModel
from src.infrastructure.evaluation.models.suite_model import TestSuiteModel
from src.infrastructure.prompt.models.prompt_model import PromptModel
from src.infrastructure.shared.database.keyset import keyset_values, newest_first, newest_first_key

_VIEW = (
    EvaluationModel.id,
    EvaluationModel.prompt_id,
    PromptModel.name,
    EvaluationModel.prompt_version,
    EvaluationModel.content_hash,
    EvaluationModel.test_suite_id,
    TestSuiteModel.name,
    TestSuiteModel.version,
    EvaluationModel.suite_hash,
    EvaluationModel.status,
    EvaluationModel.provider,
    EvaluationModel.model,
    EvaluationModel.settings,
    EvaluationModel.total,
    EvaluationModel.completed,
    EvaluationModel.overall_score,
    EvaluationModel.metrics,
    EvaluationModel.execution_time_ms,
    EvaluationModel.error_message,
    EvaluationModel.lease_expires_at,
    EvaluationModel.started_at,
    EvaluationModel.finished_at,
    EvaluationModel.created_at,
    EvaluationModel.updated_at,
    EvaluationModel.row_version,
)
_RESULT = (
    TestResultModel.id,
    TestResultModel.position,
    TestResultModel.repeat,
    TestResultModel.test_case_name,
    TestResultModel.outcome,
    TestResultModel.score,
    TestResultModel.passed,
    TestResultModel.input_data,
    TestResultModel.expected_output,
    TestResultModel.actual_output,
    TestResultModel.error_message,
    TestResultModel.assertions,
    TestResultModel.latency_ms,
    TestResultModel.attempts,
    TestResultModel.prompt_tokens,
    TestResultModel.completion_tokens,
    TestResultModel.token_count,
    TestResultModel.cost_usd,
    TestResultModel.created_at,
)


class SqlEvaluationReader:
    def __init__(self, sessions: sessionmaker[Session], workspace_id: WorkspaceId) -> None:
        self._sessions = sessions
        self._workspace_id = workspace_id

    def get(self, evaluation_id: str) -> EvaluationView:
        with self._sessions() as session:
            row = session.execute(self._views().where(EvaluationModel.id == evaluation_id)).one_or_none()
        if row is None:
            raise EvaluationNotFoundError(evaluation_id)
        return EvaluationView(*row)

    def progress(self, evaluation_id: str) -> EvaluationProgress:
        statement = select(
            EvaluationModel.status,
            EvaluationModel.total,
            EvaluationModel.completed,
            EvaluationModel.row_version,
        ).where(EvaluationModel.workspace_id == self._workspace_id, EvaluationModel.id == evaluation_id)
        with self._sessions() as session:
            row = session.execute(statement).one_or_none()
        if row is None:
            raise EvaluationNotFoundError(evaluation_id)
        return EvaluationProgress(*row)

    def list(self, where: EvaluationFilter, page: PageRequest) -> Page[EvaluationView]:
        statement = self._views()
        if where.prompt_id is not None:
            statement = statement.where(EvaluationModel.prompt_id == where.prompt_id)
        if where.suite_id is not None:
            statement = statement.where(EvaluationModel.test_suite_id == where.suite_id)
        if where.status is not None:
            statement = statement.where(EvaluationModel.status == where.status)
        statement = newest_first(statement, EvaluationModel, after=page.after is not None)
        with self._sessions() as session:
            rows = [EvaluationView(*row) for row in session.execute(statement, keyset_values(page))]
        return Page.of(rows, page, newest_first_key)

    def list_results(self, evaluation_id: str, outcome: str | None, page: PageRequest) -> Page[ResultView]:
        self.progress(evaluation_id)
        statement = select(*_RESULT).where(TestResultModel.evaluation_id == evaluation_id)
        if outcome is not None:
            statement = statement.where(TestResultModel.outcome == outcome)
        if page.after is not None:
            statement = statement.where(_after(page.after))
        ordered = statement.order_by(TestResultModel.position, TestResultModel.repeat, TestResultModel.id)
        with self._sessions() as session:
            rows = [ResultView(*row) for row in session.execute(ordered.limit(page.limit + 1))]
        return Page.of(rows, page, _key)

    def answered(self, evaluation_id: str, *, first: int, last: int) -> set[tuple[int, int]]:
        statement = select(TestResultModel.position, TestResultModel.repeat).where(
            TestResultModel.evaluation_id == evaluation_id,
            TestResultModel.position.between(first, last),
            TestResultModel.outcome != Outcome.ERRORED.value,
        )
        with self._sessions() as session:
            return {(position, repeat) for position, repeat in session.execute(statement)}

    def verdicts(self, evaluation_id: str) -> Sequence[CaseVerdict]:
        self.progress(evaluation_id)
        statement = (
            select(
                TestResultModel.test_case_name,
                TestResultModel.repeat,
                TestResultModel.outcome,
                TestResultModel.score,
            )
            .where(TestResultModel.evaluation_id == evaluation_id)
            .order_by(TestResultModel.position, TestResultModel.repeat)
        )
        with self._sessions() as session:
            return [CaseVerdict(*row) for row in session.execute(statement)]

    def find_id(self, prefix: str) -> str:
        if len(prefix) < 4:
            raise RuleViolationError(
                f"{prefix!r} is too short for an evaluation id: give at least 4 characters."
            )
        statement = (
            select(EvaluationModel.id)
            .where(
                EvaluationModel.workspace_id == self._workspace_id,
                EvaluationModel.id >= prefix,
                EvaluationModel.id < prefix + "\uffff",
            )
            .limit(2)
        )
        with self._sessions() as session:
            found = list(session.scalars(statement))
        if not found:
            raise EvaluationNotFoundError(prefix)
        if len(found) > 1:
            raise RuleViolationError(f"Several evaluations begin with {prefix!r}; give more characters.")
        return found[0]

    def _views(self) -> Select[Any]:
        return (
            select(*_VIEW)
            .select_from(EvaluationModel)
            .join(PromptModel, PromptModel.id == EvaluationModel.prompt_id)
            .outerjoin(TestSuiteModel, TestSuiteModel.id == EvaluationModel.test_suite_id)
            .where(EvaluationModel.workspace_id == self._workspace_id)
        )


def _key(result: ResultView) -> Key:
    """Rows made by hand have no position and come first, as SQLite sorts NULL; -1 stands for it."""
    return (-1 if result.position is None else result.position, result.repeat, result.id)


def _after(key: Key) -> ColumnElement[bool]:
    position, repeat, result_id = key
    result = TestResultModel
    if position != -1:
        return tuple_(result.position, result.repeat, result.id) > key
    return result.position.is_not(None) | (tuple_(result.repeat, result.id) > (repeat, result_id))
