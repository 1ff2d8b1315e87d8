"""What the linter's rules are for, seen on real databases: each thing that a rule says of a database is true."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from src.infrastructure.shared.database.local_sqlite import EngineRole, local_engine
from src.infrastructure.shared.database.remote_libsql import remote_engine
from src.operations.migrations import alembic_commands as alembic
from src.operations.migrations.lint.lint import check
from src.operations.migrations.lint.transaction_rules import (
    REFUSED_PRAGMAS,
    REFUSED_SETTINGS,
    REFUSED_VERBS,
)
from src.operations.migrations.revisions import VERSIONS
from src.operations.migrations.safeguards import MigrationRefusedError
from tests.integration.operations.migrations.recipe_page import whole
from tests.libsql_server import LibsqlServer

PROMPT = "INSERT INTO prompts (id, name, title, content, content_hash, user_id) VALUES ('p', 'p', 'T', 'Hi', 'h', 'u')"
EVALUATION = "INSERT INTO evaluations (id, prompt_id) VALUES ('e', 'p')"
REBUILD = "with op.batch_alter_table('prompts') as b:\n        b.alter_column('title', type_=sa.Text())"

OF_VERB = {
    "ANALYZE": "ANALYZE",
    "ATTACH": "ATTACH 'other.db' AS other",
    "DETACH": "DETACH other",
    "VACUUM": "VACUUM",
}
VALUES = {"journal_mode": "WAL", "locking_mode": "EXCLUSIVE", "temp_store": "MEMORY", "synchronous": "OFF"}
REFUSED = (
    *(OF_VERB[verb] for verb in REFUSED_VERBS),
    *(f"PRAGMA {name}" for name in REFUSED_PRAGMAS),
    *(f"PRAGMA {name} = {VALUES.get(name, 1)}" for name in REFUSED_SETTINGS),
    "CREATE TEMP TABLE t (x TEXT)",
    "CREATE TEMPORARY VIEW v AS SELECT 1",
)
TAKEN = (
    *("PRAGMA foreign_keys", "PRAGMA foreign_key_check", "PRAGMA table_info(prompts)", "PRAGMA journal_mode"),
    *("PRAGMA user_version = 3", "PRAGMA defer_foreign_keys = ON", "PRAGMA integrity_check", "REINDEX"),
    *("CREATE TABLE temp_notes (x TEXT)", "SAVEPOINT a"),
)


def codes_of(sql: str) -> set[str]:
    source = whole(f"def upgrade() -> None:\n    op.execute({sql!r})\n")
    return {found.code for found in check({"20261201_0002_x.py": source.encode()})} - {"AFM006"}


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A file at our first migration."""
    engine = local_engine(tmp_path / "plain.db", EngineRole.WRITE)
    alembic.upgrade(alembic.alembic_config(engine), "0001")
    yield engine
    engine.dispose()


def migrate(engine: Engine, folder: Path, upgrade: str) -> None:
    folder.mkdir()
    (folder / "20261201_0002_x.py").write_text(
        whole(f"def upgrade() -> None:\n    {upgrade}\n"), encoding="utf-8"
    )
    alembic.upgrade(alembic.alembic_config(engine, versions=(VERSIONS, folder)), "0002")


def write(engine: Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def test_what_the_rule_calls_refused_is_refused_by_a_libsql_server(libsql_server: LibsqlServer) -> None:
    engine = remote_engine(libsql_server.url, EngineRole.WRITE, token=SecretStr(libsql_server.token()))
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        for statement in REFUSED:
            assert codes_of(statement) == {"AFM305"}, statement
            with pytest.raises(DBAPIError):
                connection.exec_driver_sql(statement)
    engine.dispose()


def test_what_the_rule_lets_through_is_taken_by_a_libsql_server(libsql_server: LibsqlServer) -> None:
    engine = remote_engine(libsql_server.url, EngineRole.WRITE, token=SecretStr(libsql_server.token()))
    with engine.connect() as connection:
        for statement in TAKEN:
            assert codes_of(statement) == set(), statement
            connection.exec_driver_sql(statement)
    engine.dispose()


def test_foreign_keys_turned_on_half_way_delete_what_is_below_a_parent(
    engine: Engine, tmp_path: Path
) -> None:
    write(engine, PROMPT, EVALUATION)
    turn_on = (
        "with op.get_context().autocommit_block():\n        op.execute('PRAGMA foreign_keys = ON')\n"
        f"    {REBUILD}"
    )

    with pytest.raises(MigrationRefusedError, match="evaluations has 0 rows of 1"):
        migrate(engine, tmp_path / "steps", turn_on)

    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM evaluations").scalar() == 1


def test_foreign_keys_set_inside_the_transaction_stay_as_they_are(engine: Engine, tmp_path: Path) -> None:
    write(engine, PROMPT, EVALUATION)

    migrate(engine, tmp_path / "steps", f"op.execute('PRAGMA foreign_keys = ON')\n    {REBUILD}")

    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM evaluations").scalar() == 1


def test_parent_that_is_renamed_away_takes_the_references_of_others_with_it(
    engine: Engine, tmp_path: Path
) -> None:
    """Nothing notices it while the tables below are empty; then nothing can be written to them."""
    by_hand = (
        "op.rename_table('prompts', 'old')\n"
        "    op.execute('CREATE TABLE prompts AS SELECT * FROM old')\n"
        "    op.execute('DROP TABLE old')"
    )

    migrate(engine, tmp_path / "steps", by_hand)

    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
    write(engine, PROMPT)
    with pytest.raises(DBAPIError, match=r"no such table: main\.old"):
        write(engine, EVALUATION)


def test_batch_forgets_triggers(engine: Engine, tmp_path: Path) -> None:
    write(engine, "CREATE TRIGGER noticed AFTER INSERT ON prompts BEGIN SELECT 1; END")

    migrate(engine, tmp_path / "steps", REBUILD)

    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").all() == []
