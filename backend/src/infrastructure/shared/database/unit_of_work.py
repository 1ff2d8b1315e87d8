from functools import cached_property
from typing import Self

from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from src.domain.shared.errors import ConcurrentUpdateError
from src.domain.shared.ids import WorkspaceId
from src.infrastructure.evaluation.repositories.evaluation_repository import SqlEvaluationRepository
from src.infrastructure.evaluation.repositories.suite_repository import SqlSuiteRepository
from src.infrastructure.prompt.repositories.prompt_repository import SqlPromptRepository
from src.infrastructure.prompt.repositories.template_repository import SqlTemplateRepository
from src.infrastructure.shared.database.turso_connection import TursoConnection, session_on


class SqlUnitOfWork:
    """One write transaction in one workspace; the repositories live as long as the `with` block.

    The transaction begins with the block: what a use case reads cannot change before it commits.
    """

    def __init__(self, database: TursoConnection, workspace_id: WorkspaceId, *, patient: bool = True) -> None:
        """`patient`: wait for other writers; else entering raises WouldWaitError when there is one."""
        self._patient = patient
        self._database = database
        self._workspace_id = workspace_id

    def __enter__(self) -> Self:
        for name in ("prompts", "templates", "suites", "evaluations", "_session"):
            self.__dict__.pop(name, None)  # of an earlier block
        self._transaction = self._database.write_transaction(patient=self._patient)
        self._connection = self._transaction.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        try:
            if "_session" in self.__dict__:
                self._session.close()
        finally:
            self._transaction.__exit__(None, None, None)  # rolls back what was not committed

    @cached_property
    def prompts(self) -> SqlPromptRepository:
        return SqlPromptRepository(self._connection, self._workspace_id)

    @cached_property
    def templates(self) -> SqlTemplateRepository:
        return SqlTemplateRepository(self._session, self._workspace_id)

    @cached_property
    def suites(self) -> SqlSuiteRepository:
        return SqlSuiteRepository(self._session, self._workspace_id)

    @cached_property
    def evaluations(self) -> SqlEvaluationRepository:
        return SqlEvaluationRepository(self._session, self._workspace_id)

    def commit(self) -> None:
        try:
            for name in ("prompts", "templates", "suites", "evaluations"):
                if name in self.__dict__:
                    getattr(self, name).flush()
        except StaleDataError as exc:
            raise ConcurrentUpdateError from exc
        self._connection.commit()

    @cached_property
    def _session(self) -> Session:
        return session_on(self._connection)
