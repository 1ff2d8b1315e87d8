"""Migrating as a program does, through `Migrations`, and as a person does, with plain `alembic`."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
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
from tests.integration.database.revisions import write_revision


@pytest.fixture
def fresh(settings: Settings) -> Iterator[TursoConnection]:
    """A database whose file does not exist."""
    fresh = TursoConnection(settings)
    yield fresh
    fresh.dispose()


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
    assert status.url == f"sqlite:///{fresh.path}"
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


def test_file_without_our_tables_has_everything_pending(
    migrations: Migrations, fresh: TursoConnection
) -> None:
    fresh.path.touch()

    assert migrations.status().current is None


def test_migrating_leaves_the_loggers_of_the_program_alone(migrations: Migrations) -> None:
    root_handlers, log = list(logging.getLogger().handlers), logging.getLogger("src.of.a.test")

    migrations.upgrade()

    assert not log.disabled
    assert logging.getLogger().handlers == root_handlers


# --- at the same time -------------------------------------------------------------------------------------------------


def test_threads_that_upgrade_at_once_apply_each_revision_once(settings: Settings) -> None:
    def upgrade(_: int) -> int:
        database = TursoConnection(settings)
        try:
            return len(Migrations(database).upgrade().applied)
        finally:
            database.dispose()

    with ThreadPoolExecutor(4) as pool:
        applied = sorted(pool.map(upgrade, range(4)))

    assert applied == [0, 0, 0, len(Migrations(TursoConnection(settings)).chain)]


def test_processes_that_upgrade_at_once_apply_each_revision_once(fresh: TursoConnection) -> None:
    command = [sys.executable, "-m", f"{__package__}.migrating_process", str(fresh.path)]
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    processes: list[Any] = [subprocess.Popen(command, cwd=BACKEND_DIR, text=True, **pipes) for _ in range(4)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    said = [process.communicate(timeout=15) for process in processes]

    assert [error for _, error in said] == [""] * 4
    assert sorted(int(output) for output, _ in said) == [0, 0, 0, len(Migrations(fresh).chain)]


# --- plain alembic ----------------------------------------------------------------------------------------------------


def alembic(*arguments: str, database: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "alembic", *arguments],
        cwd=BACKEND_DIR,
        env={**os.environ, "APP_ENV": "local", "DATABASE_URL": f"sqlite:///{database}", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_alembic_upgrades_the_database_of_the_environment(
    fresh: TursoConnection, migrations: Migrations
) -> None:
    done = alembic("upgrade", "head", database=fresh.path)

    assert (done.returncode, done.stdout) == (0, "")
    assert "INFO  [alembic.runtime.migration] Running upgrade  -> 0001, Initial schema" in done.stderr
    assert migrations.status().pending == ()


def test_alembic_tells_where_the_database_stands(migrations: Migrations, fresh: TursoConnection) -> None:
    migrations.upgrade()
    fresh.dispose()

    done = alembic("current", database=fresh.path)

    assert (done.returncode, done.stdout.strip()) == (0, f"{migrations.chain[-1].id} (head)")


def test_alembic_downgrades_one_step(migrations: Migrations, fresh: TursoConnection) -> None:
    migrations.upgrade()
    fresh.dispose()

    done = alembic("downgrade", "-1", database=fresh.path)

    assert done.returncode == 0, done.stderr
    assert migrations.status().pending == migrations.chain[-1:]


def test_alembic_refuses_to_write_a_script_and_says_what_to_do(fresh: TursoConnection) -> None:
    done = alembic("upgrade", "head", "--sql", database=fresh.path)

    assert done.returncode != 0
    assert "--sql is not supported" in done.stderr
    assert "autoforge db plan" in done.stderr
    assert (done.stdout, fresh.path.exists()) == ("", False)


def test_alembic_leaves_the_loggers_of_the_program_alone(fresh: TursoConnection, tmp_path: Path) -> None:
    """With its own logging configured, as on the command line."""
    program = (
        "import logging; log = logging.getLogger('src.of.a.test'); from alembic.config import main;"
        "main(['current']); print(log.disabled)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=BACKEND_DIR,
        env={**os.environ, "APP_ENV": "local", "DATABASE_URL": f"sqlite:///{fresh.path}"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.split() == ["False"]


def test_migration_that_fails_is_told_and_undone(
    migrations: Migrations, fresh: TursoConnection, tmp_path: Path
) -> None:
    migrations.upgrade()
    fresh.dispose()
    head = migrations.chain[-1].id
    folder = write_revision(
        tmp_path / "more",
        "9001",
        after=head,
        upgrade="op.create_table('half', sa.Column('x', sa.Text()))\nraise ZeroDivisionError('a bug')",
    )
    ini = tmp_path / "alembic.ini"
    ours = BACKEND_DIR / "alembic"
    text = (BACKEND_DIR / "alembic.ini").read_text()
    ini.write_text(
        text.replace(
            "script_location = alembic",
            f"script_location = {ours}\nversion_locations = {ours}/versions:{folder}",
        )
    )

    done = alembic("-c", str(ini), "upgrade", "head", database=fresh.path)

    assert done.returncode != 0
    assert "ZeroDivisionError: a bug" in done.stderr
    assert migrations.status().current == head
    with fresh.engine(EngineRole.READ).connect() as connection:
        assert not inspect(connection).has_table("half")
