"""Databases to migrate, on both backends."""

from sqlalchemy import Engine

from src.core.config.settings.base import Settings, load_settings
from src.infrastructure.shared.database.local_sqlite import EngineRole
from src.infrastructure.shared.database.remote_libsql import remote_engine
from src.infrastructure.shared.database.turso_connection import TursoConnection
from src.infrastructure.shared.database.unit_of_work import SqlUnitOfWork
from src.operations.migrations.migrations import revision_in
from src.operations.migrations.schema import Schema, row_counts, snapshot
from tests.builders import LOCAL, a_prompt, a_result, a_suite, an_evaluation, some_cases


class ServedDatabase(TursoConnection):
    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._token = settings.turso_auth_token

    def _make_engine(self, role: EngineRole) -> Engine:
        return remote_engine(self.get_connection_url(), role, token=self._token)


def open_database(url: str, token: str | None = None) -> TursoConnection:
    """The database of this URL, as a local environment has it."""
    settings = load_settings(database_url=url, **({"turso_auth_token": token} if token else {}))
    return TursoConnection(settings) if url.startswith("sqlite") else ServedDatabase(settings)


def fill(database: TursoConnection) -> None:
    """Rows in every table that refers to another: two prompts, one of them below the other and evaluated."""
    parent, suite = a_prompt(name="parent", content="一"), a_suite(case_count=2)
    evaluation = an_evaluation(prompt_id=parent.id, suite_id=suite.id, total=2)
    child = a_prompt(name="child")
    child.parent_id = parent.id
    with SqlUnitOfWork(database, LOCAL.workspace_id) as uow:
        uow.prompts.add(parent)
        uow.prompts.add(child)
        uow.prompts.flush()
        uow.suites.add(suite)
        uow.suites.add_cases(suite, some_cases(2), first_position=0)
        uow.evaluations.add(evaluation)
        uow.evaluations.flush()
        uow.evaluations.add_results(evaluation, [a_result(0), a_result(1)])
        uow.commit()


def counts(database: TursoConnection) -> dict[str, int]:
    with database.engine(EngineRole.READ).connect() as connection:
        return row_counts(connection)


def rows_and_schema(
    database: TursoConnection,
) -> tuple[str | None, Schema, dict[str, list[tuple[object, ...]]]]:
    """Revision, schema and every row: what must be the same after a migration that failed."""
    with database.engine(EngineRole.READ).connect() as connection:
        rows = {
            name: sorted(map(tuple, connection.exec_driver_sql(f"SELECT * FROM {name}")), key=repr)
            for name in row_counts(connection)
        }
        return revision_in(connection), snapshot(connection), rows
