"""Migrating as a person does, with plain `alembic`, in a process of its own."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from src.core.config.settings.base import BACKEND_DIR, load_settings
from src.infrastructure.shared.database.local_sqlite import EngineRole
from src.infrastructure.shared.database.turso_connection import TursoConnection
from src.operations.migrations.migrations import Migrations
from tests.integration.operations.migrations.revisions import write_revision
from tests.libsql_server import LibsqlServer


@pytest.fixture
def backend() -> str:
    return "sqlite"  # the last tests have a server of their own


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

PRODUCTION = {
    "APP_ENV": "production",
    "TURSO_DATABASE_URL": "libsql://shop-acme.turso.example",
    "TURSO_AUTH_TOKEN": LibsqlServer().token(),
}


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


def test_stamp_is_for_local_databases(migrations: Migrations, fresh: TursoConnection) -> None:
    assert alembic("stamp", "head", database=fresh.path).returncode == 0
    assert migrations.status().pending == ()


@pytest.fixture
def remote(libsql_database: LibsqlServer) -> Iterator[tuple[Migrations, dict[str, str]]]:
    """An empty database behind a server, and the variables with which it is that of staging."""
    token = libsql_database.token()
    variables = {
        "APP_ENV": "staging",
        "TURSO_DATABASE_URL": libsql_database.http_url,
        "TURSO_AUTH_TOKEN": token,
    }
    database = TursoConnection(load_settings(database_url=libsql_database.url, turso_auth_token=token))
    yield Migrations(database), variables
    database.dispose()


def test_staging_is_migrated_but_neither_stamped_nor_emptied(
    remote: tuple[Migrations, dict[str, str]], tmp_path: Path
) -> None:
    migrations, variables = remote

    stamped = alembic("stamp", "head", database=tmp_path, **variables)
    assert (stamped.returncode != 0, migrations.status().current) == (True, None)
    assert "autoforge db stamp compares first" in stamped.stderr + stamped.stdout
    upgraded = alembic("upgrade", "head", database=tmp_path, **variables)
    assert (upgraded.returncode, migrations.status().pending) == (0, ()), upgraded.stderr
    for target in ("base", f"-{len(migrations.chain)}"):
        downgraded = alembic("downgrade", target, database=tmp_path, **variables)
        assert (downgraded.returncode != 0, migrations.status().pending) == (True, ())
        assert "would drop every table" in downgraded.stderr + downgraded.stdout
    current = alembic("current", database=tmp_path, **variables)
    assert current.stdout.startswith(migrations.chain[-1].id)
    said = "".join(done.stdout + done.stderr for done in (stamped, upgraded, downgraded, current))
    assert variables["TURSO_AUTH_TOKEN"] not in said
    assert "Traceback" not in said


def test_production_that_is_named_is_migrated(
    remote: tuple[Migrations, dict[str, str]], tmp_path: Path
) -> None:
    migrations, variables = remote
    production = {**variables, "APP_ENV": "production"}
    name = migrations.target.name

    done = alembic("-x", f"unsafe={name}", "upgrade", "head", database=tmp_path, **production)

    assert (done.returncode, migrations.status().pending) == (0, ()), done.stderr
