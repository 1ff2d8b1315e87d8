from typing import Self

from sqlalchemy.orm.exc import StaleDataError

from src.domain.shared.errors import ConcurrentUpdateError
from src.domain.shared.ids import WorkspaceId
from src.infrastructure.evaluation.repositories.evaluation_repository import SqlEvaluationRepository
from src.infrastructure.evaluation.repositories.suite_repository import SqlSuiteRepository
from src.infrastructure.prompt.repositories.prompt_repository import SqlPromptRepository
from src.infrastructure.prompt.repositories.template_repository import SqlTemplateRepository
from src.infrastructure.shared.database.turso_connection import TursoConnection


class SqlUnitOfWork:
    """One write transaction in one workspace; the repositories live as long as the `with` block.

    The transaction begins with the block: what a use case reads cannot change before it commits.
    """

    prompts: SqlPromptRepository
    templates: SqlTemplateRepository
    suites: SqlSuiteRepository
    evaluations: SqlEvaluationRepository

    def __init__(self, database: TursoConnection, workspace_id: WorkspaceId) -> None:
        self._database = database
        self._workspace_id = workspace_id

    def __enter__(self) -> Self:
        self._transaction = self._database.write_session()
        self._session = self._transaction.__enter__()
        self.prompts = SqlPromptRepository(self._session, self._workspace_id)
        self.templates = SqlTemplateRepository(self._session, self._workspace_id)
        self.suites = SqlSuiteRepository(self._session, self._workspace_id)
        self.evaluations = SqlEvaluationRepository(self._session, self._workspace_id)
        return self

    def __exit__(self, *exc: object) -> None:
        self._transaction.__exit__(None, None, None)  # rolls back what was not committed

    def commit(self) -> None:
        try:
            self.prompts.flush()
            self.templates.flush()
            self.suites.flush()
            self.evaluations.flush()
            self._session.commit()
        except StaleDataError as exc:
            raise ConcurrentUpdateError from exc
