"""What can be wrong with an installation: each check says what it found and, when that is bad, what mends it.

Nothing is changed: the write test is rolled back, and a database that is not there yet is not made.
"""

import http.client
import os
import shutil
import socket
import sqlite3
import stat
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from src.core.config.settings.base import BACKEND_DIR, Settings, SettingsError
from src.domain.shared.errors import DomainError
from src.infrastructure.shared.database.local_sqlite import EngineRole
from src.infrastructure.shared.database.turso_connection import TursoConnection
from src.operations.migrations.migrations import Migrations
from src.operations.verdict import Level

LEAST_PYTHON, BEYOND_PYTHON = (3, 11), (3, 14)
LEAST_FREE_BYTES, SCARCE_FREE_BYTES = 50_000_000, 1_000_000_000
PROBE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Finding:
    check: str
    level: Level
    message: str
    fix: str | None = None


def examine(
    settings: Settings, database: TursoConnection, migrations: Migrations, *, folder: Path = BACKEND_DIR
) -> list[Finding]:
    """Every check, in the order in which one would mend things; `folder` holds the .env files."""
    return [
        check_python(sys.version_info[:3]),
        check_sqlite(sqlite3.sqlite_version_info),
        Finding("settings", Level.OK, f"valid, APP_ENV={settings.app_env.value}"),
        check_env_file(folder / ".env.local"),
        *_check_database(database, migrations),
        check_port(settings.host, settings.port),
    ]


def check_python(version: tuple[int, ...]) -> Finding:
    said = ".".join(map(str, version))
    if LEAST_PYTHON <= version < BEYOND_PYTHON:
        return Finding("python", Level.OK, said)
    fix = "Use Python 3.11, 3.12 or 3.13: make setup PYTHON=python3.13"
    return Finding(
        "python", Level.FAIL if version < LEAST_PYTHON else Level.WARN, f"{said} is not supported", fix
    )


def check_sqlite(version: tuple[int, ...]) -> Finding:
    said = ".".join(map(str, version))
    if not has_wal_reset_bug(version):
        return Finding("sqlite", Level.OK, said)
    return Finding(
        "sqlite",
        Level.WARN,
        f"{said} has the WAL-reset bug (fixed in 3.51.3): commits can get lost when processes checkpoint at once",
        "We guard against it: a file lock keeps the writes and checkpoints of all our processes apart. Let no other "
        "program write to the file meanwhile, or use a Python whose SQLite is newer.",
    )


def has_wal_reset_bug(version: tuple[int, ...]) -> bool:
    """3.7.0 to 3.51.2, but for the corrected 3.44.6 and 3.50.7. Source: sqlite.org/wal.html, "The WAL-Reset Bug"."""
    is_corrected = (3, 44, 6) <= version < (3, 45) or (3, 50, 7) <= version < (3, 51)
    return (3, 7) <= version < (3, 51, 3) and not is_corrected


def check_env_file(path: Path) -> Finding:
    """It holds secrets: nobody else may read it, and it must be the file that it seems to be."""
    name = "env file"
    try:
        found = path.lstat()
    except FileNotFoundError:
        return Finding(
            name, Level.OK, f"{path} is not there yet; secrets are written to it when they are needed"
        )
    if stat.S_ISLNK(found.st_mode):
        fix = "Put a plain file there: a link can come to point at something that others may read."
        return Finding(name, Level.FAIL, f"{path} is a symbolic link", fix)
    if os.name == "posix" and found.st_uid != os.getuid():
        return Finding(
            name, Level.FAIL, f"{path} belongs to another user", f"Run: sudo chown $(id -u) '{path}'"
        )
    mode = stat.S_IMODE(found.st_mode)
    if os.name == "posix" and mode & 0o077:
        return Finding(
            name, Level.FAIL, f"{path} can be used by others (mode {mode:o})", f"Run: chmod 600 '{path}'"
        )
    return Finding(name, Level.OK, f"{path}, mode {mode:o}")


def _check_database(database: TursoConnection, migrations: Migrations) -> list[Finding]:
    try:
        is_local = database.is_local
    except SettingsError as exc:
        fix = "Set them in the environment; autoforge turso token create makes a token."
        return [Finding("database", Level.FAIL, str(exc), fix)]
    if not is_local:
        found = check_server(database)
        if found.level is Level.FAIL:
            return [found]
        return [found, check_migrations(migrations), check_write(database)]
    try:
        path = database.path
    except ValueError as exc:
        return [Finding("database", Level.FAIL, f"DATABASE_URL: {exc}", "Correct DATABASE_URL.")]
    folder = check_folder(path)
    if not path.exists():
        return [
            folder,
            Finding("migrations", Level.OK, f"{path} is not there yet; it is made when it is needed"),
        ]
    return [folder, check_migrations(migrations), check_write(database)]


def check_server(database: TursoConnection) -> Finding:
    """Whether a remote database answers, and how fast."""
    url = database.get_connection_url()
    try:
        with database.engine(EngineRole.READ).connect() as connection:
            connection.exec_driver_sql("SELECT 1")  # opens the connection
            started = time.perf_counter()
            connection.exec_driver_sql("SELECT 1")
    except (DomainError, SQLAlchemyError) as exc:
        fix = "Check TURSO_DATABASE_URL, TURSO_AUTH_TOKEN and the network, then run: autoforge db ping"
        return Finding("database", Level.FAIL, f"{url}: {_first_line(exc)}", fix)
    elapsed_ms = (time.perf_counter() - started) * 1000
    return Finding("database", Level.OK, f"{url} answers in {elapsed_ms:,.1f} ms")


def check_folder(path: Path) -> Finding:
    """Whether the folder of the database file `path` takes files, and has room for them."""
    folder = next(parent for parent in path.parents if parent.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        fix = f"Make {folder} a folder that you may write to, or set DATABASE_URL to a file elsewhere."
        return Finding("folder", Level.FAIL, f"{folder} cannot be written", fix)
    free = shutil.disk_usage(folder).free
    said = f"{folder} can be written, {free / 1e9:,.1f} GB free"
    if free >= SCARCE_FREE_BYTES:
        return Finding("folder", Level.OK, said)
    return Finding(
        "folder", Level.WARN if free >= LEAST_FREE_BYTES else Level.FAIL, said, "Make room on that disk."
    )


def check_migrations(migrations: Migrations) -> Finding:
    try:
        status = migrations.status()
    except DomainError as exc:
        return Finding(
            "migrations", Level.FAIL, str(exc), "Update the software, or set DATABASE_URL to another file."
        )
    except SQLAlchemyError as exc:
        return _unreadable("migrations", exc)
    if status.pending:
        said = f"{len(status.pending)} pending; the database is at {status.current or 'nothing'}"
        return Finding("migrations", Level.FAIL, said, "Run: autoforge db upgrade")
    return Finding("migrations", Level.OK, f"current, at {status.current}")


def check_write(database: TursoConnection) -> Finding:
    """A real write transaction, rolled back."""
    try:
        with database.engine(EngineRole.WRITE).connect() as connection:
            connection.exec_driver_sql("CREATE TABLE doctor_was_here (id INTEGER)")
            connection.exec_driver_sql("INSERT INTO doctor_was_here VALUES (1)")
            connection.rollback()
    except (DomainError, SQLAlchemyError, OSError) as exc:
        return _unreadable("write test", exc)
    return Finding("write test", Level.OK, "a transaction was written and rolled back")


def check_port(host: str, port: int) -> Finding:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as exc:
        if serves_us(host, port):
            return Finding("port", Level.OK, f"{port} of {host}: AutoForgeNexus is serving there")
        fix = f"Stop what uses it, or set PORT, or start with: autoforge up --port {port + 1}"
        return Finding("port", Level.FAIL, f"{port} of {host}: {exc.strerror or exc}", fix)
    return Finding("port", Level.OK, f"{port} of {host} is free")


def serves_us(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=PROBE_SECONDS)
    try:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        return (
            answer.status == 200
            and "x-request-id" in answer.headers
            and answer.read(100) == b'{"status":"ok"}'
        )
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _unreadable(check: str, exc: Exception) -> Finding:
    fix = "Check who owns the file and its folder, whether another program holds it, and that it is a SQLite database."
    return Finding(check, Level.FAIL, _first_line(exc), fix)


def _first_line(exc: Exception) -> str:
    return str(getattr(exc, "orig", None) or exc).splitlines()[0]
