"""Migrating as a program does, through `Migrations`."""

import json
import logging
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from src.core.config.settings.base import BACKEND_DIR, Settings, load_settings
from src.infrastructure.shared.database.local_sqlite import EngineRole
from src.infrastructure.shared.database.turso_connection import TursoConnection
from src.operations.migrations.migrations import Migrations
from src.operations.migrations.revisions import NoSuchRevisionError, UnknownRevisionError
from tests.backends import on_sqlite
from tests.integration.operations.migrations.databases import token_of


@pytest.fixture
def migrations(fresh: TursoConnection) -> Migrations:
    return Migrations(fresh)


# --- Migrations -------------------------------------------------------------------------------------------------------


def test_chain_is_what_alembic_reads() -> None:
    script = ScriptDirectory(str(BACKEND_DIR / "alembic"))
    walked = [(found.revision, found.down_revision, found.doc) for found in script.walk_revisions()]
    chain = Migrations(TursoConnection(load_settings())).chain

    assert [(found.id, found.parent, found.title) for found in chain] == walked[::-1]
    assert chain[0].title == "Initial schema: prompts and evaluations"


def test_absent_database_has_everything_pending_and_stays_absent(
    migrations: Migrations, fresh: TursoConnection
) -> None:
    status = migrations.status()

    assert (status.current, status.pending) == (None, migrations.chain)
    assert (status.url, status.is_empty) == (fresh.get_connection_url(), True)
    if fresh.is_local:
        assert not fresh.path.exists()


def test_upgrade_applies_what_is_pending_and_tells_it(migrations: Migrations) -> None:
    assert [done.id for done in migrations.upgrade().applied] == [known.id for known in migrations.chain]

    status = migrations.status()
    assert (status.current, status.pending) == (status.head, ())
    assert status.head == migrations.chain[-1].id


def test_second_upgrade_finds_nothing_to_do(migrations: Migrations) -> None:
    migrations.upgrade()

    assert migrations.upgrade().applied == ()


def test_upgrade_makes_the_folder(tmp_path: Path) -> None:
    database = TursoConnection(load_settings(database_url=f"sqlite:///{tmp_path}/not/yet/there.db"))

    assert Migrations(database).upgrade().applied

    database.dispose()


@pytest.mark.parametrize("target", ["base", "-1"])
def test_downgrade_goes_back(migrations: Migrations, fresh: TursoConnection, target: str) -> None:
    migrations.upgrade()

    migrations.downgrade(target)

    left = migrations.chain[:-1] if target == "-1" else ()
    assert migrations.status().current == (left[-1].id if left else None)
    if not left:
        with fresh.engine(EngineRole.READ).connect() as connection:
            assert inspect(connection).get_table_names() == ["_migration_lock", "alembic_version"]


def test_unknown_revision_is_refused_with_the_known_ones(migrations: Migrations) -> None:
    message = f"There is no revision 'nope'. Known are: .*{migrations.chain[-1].id}"

    with pytest.raises(NoSuchRevisionError, match=message):
        migrations.upgrade("nope")
    migrations.upgrade()
    with pytest.raises(NoSuchRevisionError, match=message):
        migrations.upgrade("nope")
    with pytest.raises(NoSuchRevisionError, match="no revision that the database has behind it"):
        migrations.downgrade("nope")


def test_database_of_a_newer_version_is_refused(migrations: Migrations, fresh: TursoConnection) -> None:
    migrations.upgrade()
    with fresh.engine(EngineRole.WRITE).begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")

    for ask in (migrations.status, migrations.upgrade):
        with pytest.raises(UnknownRevisionError, match=r"at revision '9999'.*A newer version made it"):
            ask()


@on_sqlite
def test_empty_file_has_everything_pending(settings: Settings) -> None:
    database = TursoConnection(settings)
    database.path.touch()

    assert Migrations(database).status().current is None
    assert Migrations(database).status().is_empty

    database.dispose()


def test_database_with_tables_of_others_is_not_empty(migrations: Migrations, fresh: TursoConnection) -> None:
    with fresh.engine(EngineRole.WRITE).begin() as connection:
        connection.exec_driver_sql("CREATE TABLE theirs (x INTEGER)")

    assert (migrations.status().current, migrations.status().is_empty) == (None, False)


def test_migrating_leaves_the_loggers_of_the_program_alone(migrations: Migrations) -> None:
    root_handlers, log = list(logging.getLogger().handlers), logging.getLogger("src.of.a.test")

    migrations.upgrade()

    assert not log.disabled
    assert logging.getLogger().handlers == root_handlers


# --- at the same time -------------------------------------------------------------------------------------------------


def test_threads_that_upgrade_at_once_apply_each_revision_once(
    fresh: TursoConnection, settings: Settings
) -> None:
    def upgrade(_: int) -> int:
        database = TursoConnection(settings)
        try:
            return len(Migrations(database).upgrade().applied)
        finally:
            database.dispose()

    with ThreadPoolExecutor(4) as pool:
        applied = sorted(pool.map(upgrade, range(4)))

    assert applied == [0, 0, 0, len(Migrations(fresh).chain)]


def test_processes_that_upgrade_at_once_apply_each_revision_once(
    fresh: TursoConnection, settings: Settings
) -> None:
    module = f"{__package__}.migrating_process"
    command = [sys.executable, "-m", module, fresh.get_connection_url(), "--begin-on-input"]
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    environment = {**os.environ, "TURSO_AUTH_TOKEN": token_of(settings)}
    processes: list[Any] = [
        subprocess.Popen(command, cwd=BACKEND_DIR, env=environment, text=True, **pipes) for _ in range(4)
    ]
    for process in processes:
        assert process.stderr.readline() == "ready\n"
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    said = [process.communicate(timeout=60) for process in processes]

    assert [process.returncode for process in processes] == [0] * 4, said
    applied = sorted(len(json.loads(output)) for output, _ in said)
    assert applied == [0, 0, 0, len(Migrations(fresh).chain)]
