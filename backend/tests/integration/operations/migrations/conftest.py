import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from src.core.config.settings import base
from src.core.config.settings.base import Settings, load_settings
from src.infrastructure.shared.database.turso_connection import TursoConnection
from src.operations.backup.backups import Backups
from src.operations.backup.remote import Remote
from tests.integration.operations.migrations.databases import fill
from tests.integration.operations.migrations.revisions import HEAD, Scripts
from tests.libsql_server import LibsqlServer


@pytest.fixture(scope="session")
def filled_server(libsql_binary: None, migrated_server: Path) -> Iterator[Path]:
    """The folder of a stopped server whose database is migrated and filled, to be copied."""
    with LibsqlServer(template=migrated_server) as server:
        database = TursoConnection(load_settings(database_url=server.url, turso_auth_token=server.token()))
        fill(database)
        database.dispose()
        server.stop()
        yield server.folder


@pytest.fixture
def filled_settings(request: pytest.FixtureRequest, backend: str, tmp_path: Path) -> Settings:
    """Settings of a database at the newest revision, with rows in every table that refers to another."""
    if backend == "libsql":
        start = request.getfixturevalue("start_libsql")
        server: LibsqlServer = start(template=request.getfixturevalue("filled_server"))
        return load_settings(database_url=server.url, turso_auth_token=server.token())
    path = tmp_path / "filled.db"
    shutil.copyfile(request.getfixturevalue("migrated_file"), path)
    settings = load_settings(database_url=f"sqlite:///{path}")
    database = TursoConnection(settings)
    fill(database)
    database.dispose()
    return settings


@pytest.fixture
def fresh(settings: Settings) -> Iterator[TursoConnection]:
    """A database without tables, or one whose file does not exist."""
    database = TursoConnection(settings)
    yield database
    database.dispose()


@pytest.fixture
def filled(filled_settings: Settings) -> Iterator[TursoConnection]:
    """A database at the newest revision, with rows in every table that refers to another."""
    database = TursoConnection(filled_settings)
    yield database
    database.dispose()


@pytest.fixture
def scripts(tmp_path: Path, filled: TursoConnection) -> Scripts:
    return Scripts(tmp_path / "scripts", filled)


@pytest.fixture
def backups(
    filled: TursoConnection, filled_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Backups:
    """Of the filled database; those of a remote one lie in a folder of the project, which is another one here."""
    monkeypatch.setattr(base, "BACKEND_DIR", tmp_path)
    remote = (
        None if filled.is_local else Remote(filled.get_connection_url(), filled_settings.turso_auth_token)
    )
    return Backups(filled, remote=remote, known_revisions=lambda: {HEAD, "9001", "9002"})
