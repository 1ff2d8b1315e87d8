"""What is in a database that is migrated."""

from src.core.config.settings.base import Settings
from src.infrastructure.shared.database.local_sqlite import EngineRole
from src.infrastructure.shared.database.turso_connection import TursoConnection
from src.infrastructure.shared.database.unit_of_work import SqlUnitOfWork
from src.operations.migrations.migrations import revision_in
from src.operations.migrations.schema import Schema, row_counts, snapshot
from tests.builders import LOCAL, a_prompt, a_result, a_suite, an_evaluation, some_cases


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


def token_of(settings: Settings) -> str:
    """Empty for a local file."""
    return settings.turso_auth_token.get_secret_value() if settings.turso_auth_token else ""
