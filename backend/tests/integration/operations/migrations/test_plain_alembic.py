"""Migrating as a person does, with plain `alembic`, in a process of its own."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from src.core.config.settings.base import BACKEND_DIR, Settings
from src.infrastructure.shared.database.local_sqlite import EngineRole
from src.infrastructure.shared.database.turso_connection import TursoConnection
from src.operations.migrations.migrations import Migrations
from tests.integration.operations.migrations.revisions import write_revision


@pytest.fixture
def fresh(settings: Settings) -> Iterator[TursoConnection]:
    """A database whose file does not exist."""
    fresh = TursoConnection(settings)
    yield fresh
    fresh.dispose()


@pytest.fixture
def migrations(fresh: TursoConnection) -> Migrations:
    return Migrations(fresh)


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


# --- what is refused --------------------------------------------------------------------------------------------------

PRODUCTION = {"APP_ENV": "production", "TURSO_DATABASE_URL": "libsql://shop-acme.turso.example"}


@pytest.mark.parametrize(
    "words",
    [("upgrade", "head"), ("downgrade", "-1"), ("stamp", "head"), ("-x", "unsafe=other", "upgrade", "head")],
)
def test_production_is_refused_unless_it_is_named(fresh: TursoConnection, words: tuple[str, ...]) -> None:
    done = alembic(*words, database=fresh.path, **PRODUCTION)

    assert done.returncode != 0
    assert (
        "Plain alembic changes shop-acme.turso.example (production) without a backup"
        in done.stderr + done.stdout
    )
    assert "autoforge db upgrade --env production" in done.stderr + done.stdout
    assert "-x unsafe=shop-acme" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


def test_runner_that_died_is_told(migrations: Migrations, fresh: TursoConnection) -> None:
    migrations.upgrade()
    migrations.downgrade("-1")
    with fresh.engine(EngineRole.WRITE).begin() as connection:
        owner = f"{socket.gethostname()}/4711/abc"
        connection.execute(
            text("INSERT INTO _migration_lock VALUES (1, :owner, 'upgrade from 1 to 2', 0, 99999999999)"),
            {"owner": owner},
        )
    fresh.dispose()

    done = alembic("upgrade", "head", database=fresh.path)

    assert done.returncode == 0, done.stderr
    assert "WARNI [alembic.env] Taking over from process 4711 on " in done.stderr
    assert migrations.holder() is None


def test_looking_takes_no_lock_and_writes_nothing(migrations: Migrations, fresh: TursoConnection) -> None:
    """Where Alembic calls its functions by other names, these commands would take the lock; nothing worse."""
    migrations.upgrade()
    with migrations.locked("upgrade", notice=print, wait=True):
        for words in (("current",), ("check",), ("history", "--indicate-current")):
            assert alembic(*words, database=fresh.path).returncode == 0, words
