"""Migrations keep what they can, leave nothing behind when they fail, and match the models."""

from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from pytest_alembic.tests import (  # noqa: F401 (the four tests that come with it, collected here)
    test_model_definitions_match_ddl,
    test_single_head_revision,
    test_up_down_consistency,
    test_upgrade,
)
from sqlalchemy import Connection, Engine, inspect

from src.core.config.settings.base import BACKEND_DIR
from src.infrastructure.database.models import Base
from src.infrastructure.shared.database.local_sqlite import EngineRole
from src.infrastructure.shared.database.turso_connection import TursoConnection
from src.operations.migrations.safeguards import MigrationRefusedError
from tests.integration.operations.migrations.revisions import config_for, write_revision

HEAD = ScriptDirectory(str(BACKEND_DIR / "alembic")).get_current_head()


@pytest.fixture
def alembic_engine(fresh: TursoConnection) -> Engine:
    return fresh.engine(EngineRole.WRITE)


@pytest.fixture
def alembic_config(alembic_engine: Engine) -> Config:
    return config_for(alembic_engine)


@pytest.fixture
def engine(filled: TursoConnection) -> Engine:
    """At the newest revision, with rows in every table that refers to another."""
    return filled.engine(EngineRole.WRITE)


Rows = dict[str, set[tuple[Any, ...]]]


def rows_of(engine: Engine) -> Rows:
    """All rows of our tables, in the columns that the models have."""
    found: Rows = {}
    with engine.connect() as connection:
        for name, table in Base.metadata.tables.items():
            listed = ", ".join(column.name for column in table.columns)
            found[name] = {tuple(row) for row in connection.exec_driver_sql(f"SELECT {listed} FROM {name}")}
    return found


def tables_of(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        return set(inspect(connection).get_table_names())


def revision_of(engine: Engine) -> str | None:
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one_or_none()
    return None if found is None else str(found)


# --- rows -------------------------------------------------------------------------------------------------------------

REBUILD = """
    with op.batch_alter_table("prompts", recreate="always") as batch:
        batch.add_column(sa.Column("note", sa.Text(), nullable=True))
"""
REBUILD_BACK = """
    with op.batch_alter_table("prompts", recreate="always") as batch:
        batch.drop_column("note")
"""


def test_rebuilding_a_table_keeps_the_rows_that_refer_to_it_both_ways(engine: Engine, tmp_path: Path) -> None:
    before = rows_of(engine)
    assert all(len(rows) >= 1 for name, rows in before.items() if name != "prompt_templates")
    folder = write_revision(tmp_path / "more", "9001", after=HEAD, upgrade=REBUILD, downgrade=REBUILD_BACK)

    command.upgrade(config_for(engine, folder), "head")
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE prompts SET note = 'kept while it fits'")
    assert rows_of(engine) == before
    command.downgrade(config_for(engine, folder), "-1")

    assert (rows_of(engine), revision_of(engine)) == (before, HEAD)


def test_going_to_the_beginning_and_back_gives_the_same_empty_tables(engine: Engine) -> None:
    tables = tables_of(engine)

    command.downgrade(config_for(engine), "base")
    assert tables_of(engine) == {"_migration_lock", "alembic_version"}
    command.upgrade(config_for(engine), "head")

    assert tables_of(engine) - {"_migration_lock"} == tables - {"_migration_lock"}
    assert not any(rows_of(engine).values())


@pytest.mark.parametrize(
    "upgrade",
    [
        "op.create_table('half', sa.Column('x', sa.Integer()))\nraise ZeroDivisionError",
        "op.execute('DELETE FROM test_results')\nraise ZeroDivisionError",
        REBUILD + "\n    raise ZeroDivisionError",
        "op.drop_table('test_results')\nraise ZeroDivisionError",
    ],
)
def test_migration_that_fails_leaves_nothing_behind(engine: Engine, tmp_path: Path, upgrade: str) -> None:
    rows, tables = rows_of(engine), tables_of(engine)
    folder = write_revision(tmp_path / "more", "9001", after=HEAD, upgrade=upgrade)

    with pytest.raises(ZeroDivisionError):
        command.upgrade(config_for(engine, folder), "head")

    assert (rows_of(engine), tables_of(engine), revision_of(engine)) == (rows, tables, HEAD)


def test_migrations_before_the_one_that_fails_stay(engine: Engine, tmp_path: Path) -> None:
    write_revision(
        tmp_path / "more", "9001", after=HEAD, upgrade="op.create_table('fine', sa.Column('x', sa.Text()))"
    )
    folder = write_revision(
        tmp_path / "more",
        "9002",
        after="9001",
        upgrade="op.create_table('half', sa.Column('x', sa.Text()))\nraise ZeroDivisionError",
    )

    with pytest.raises(ZeroDivisionError):
        command.upgrade(config_for(engine, folder), "head")

    assert revision_of(engine) == "9001"
    assert "fine" in tables_of(engine)
    assert "half" not in tables_of(engine)


def test_first_migration_that_fails_leaves_an_empty_database(alembic_engine: Engine, tmp_path: Path) -> None:
    upgrade = "op.create_table('half', sa.Column('x', sa.Text()))\nraise ZeroDivisionError"
    folder = write_revision(tmp_path / "only", "9000", after=None, upgrade=upgrade)
    config = config_for(alembic_engine)
    config.set_main_option("version_locations", str(folder))

    with pytest.raises(ZeroDivisionError):
        command.upgrade(config, "head")

    assert tables_of(alembic_engine) <= {"_migration_lock", "alembic_version"}


def test_migration_that_breaks_a_foreign_key_is_refused_and_undone(engine: Engine, tmp_path: Path) -> None:
    before = rows_of(engine)
    folder = write_revision(
        tmp_path / "more",
        "9001",
        after=HEAD,
        upgrade="op.execute(\"DELETE FROM prompts WHERE name = 'parent'\")",
    )

    with pytest.raises(MigrationRefusedError, match=r"breaks foreign keys.*evaluations"):
        command.upgrade(config_for(engine, folder), "head")

    assert (rows_of(engine), revision_of(engine)) == (before, HEAD)


# --- how Alembic reaches the database ---------------------------------------------------------------------------------


def foreign_keys(connection: Connection) -> int:
    return int(connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one())


def test_foreign_keys_hold_again_after_migrating(alembic_engine: Engine) -> None:
    command.upgrade(config_for(alembic_engine), "head")

    with alembic_engine.connect() as connection:
        assert foreign_keys(connection) == 1


def test_foreign_keys_hold_again_after_a_migration_that_failed(engine: Engine, tmp_path: Path) -> None:
    folder = write_revision(tmp_path / "more", "9001", after=HEAD, upgrade="raise ZeroDivisionError")
    with pytest.raises(ZeroDivisionError):
        command.upgrade(config_for(engine, folder), "head")

    with engine.connect() as connection:
        assert foreign_keys(connection) == 1


def test_connection_that_is_given_is_used_and_stays_open(alembic_engine: Engine) -> None:
    with alembic_engine.connect() as connection:
        command.upgrade(config_for(connection), "head")

        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == HEAD
        assert foreign_keys(connection) == 1


def test_connection_inside_a_transaction_is_refused(alembic_engine: Engine) -> None:
    """Foreign keys would stay on there, and rebuilding a table would delete what refers to it."""
    with alembic_engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")

        with pytest.raises(RuntimeError, match="cannot migrate inside an open transaction"):
            command.upgrade(config_for(connection), "head")


# --- the revisions and the models -------------------------------------------------------------------------------------


def test_every_table_and_column_is_documented_in_japanese() -> None:
    undocumented = [
        f"{table.name}.{column.name}"
        for table in Base.metadata.tables.values()
        for column in table.columns
        if not column.comment or (column.comment.isascii() and column.name != "id")
    ]
    assert undocumented == []
    assert [t.name for t in Base.metadata.tables.values() if not t.comment or t.comment.isascii()] == []


def test_every_constraint_has_a_name() -> None:
    nameless = [
        (table.name, type(constraint).__name__)
        for table in Base.metadata.tables.values()
        for constraint in table.constraints
        if not constraint.name
    ]
    assert nameless == []


def written_anew(engine: Engine, folder: Path) -> str:
    """What autogenerate writes for all our models."""
    folder.mkdir()
    config = config_for(engine)
    config.set_main_option("version_locations", str(folder))
    command.revision(config, message="anew", autogenerate=True, version_path=str(folder))
    (written,) = folder.glob("*.py")
    return written.read_text()


def test_autogenerate_sees_every_table(alembic_engine: Engine, tmp_path: Path) -> None:
    text = written_anew(alembic_engine, tmp_path / "anew")

    assert [name for name in Base.metadata.tables if f"op.create_table('{name}'" not in text] == []


def test_migrations_outlive_our_code(alembic_engine: Engine, tmp_path: Path) -> None:
    """Nothing of ours is imported by them, neither by those that are there nor by those that will be written."""
    text = written_anew(alembic_engine, tmp_path / "anew")

    assert "sa.DateTime(timezone=True)" in text
    assert "src." not in text
    for path in (BACKEND_DIR / "alembic" / "versions").glob("*.py"):
        assert "src" not in path.read_text(), path


def test_tables_of_others_are_not_compared(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE _litestream_seq (id INTEGER)")
        connection.exec_driver_sql("CREATE TABLE libsql_wasm (id INTEGER)")

    command.check(config_for(engine))


def test_table_that_is_neither_ours_nor_theirs_is_noticed(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE stray (id INTEGER)")

    with pytest.raises(Exception, match="stray"):
        command.check(config_for(engine))
