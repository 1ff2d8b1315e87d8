import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from src.infrastructure.shared.database.turso_connection import TursoConnection
from src.operations.migrations.migrations import Migrations
from tests.integration.operations.migrations.databases import fill, open_database
from tests.integration.operations.migrations.revisions import Scripts
from tests.libsql_server import LibsqlServer


@pytest.fixture(params=["sqlite", "libsql"])
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def filled_server(libsql_binary: None) -> Iterator[Path]:
    """The folder of a stopped server whose database is migrated and filled, to be copied."""
    with LibsqlServer() as server:
        database = open_database(server.url, server.token())
        Migrations(database).upgrade()
        fill(database)
        database.dispose()
        server.stop()
        yield server.folder


@pytest.fixture
def fresh_url(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str | None]:
    """URL and token of a database that is not there yet, or is empty."""
    if backend == "sqlite":
        return f"sqlite:///{tmp_path}/fresh.db", None
    server: LibsqlServer = request.getfixturevalue("libsql_database")
    return server.url, server.token()


@pytest.fixture
def filled_url(
    backend: str, request: pytest.FixtureRequest, tmp_path: Path, migrated_file: Path
) -> tuple[str, str | None]:
    """URL and token of a database at the newest revision, with rows."""
    if backend == "libsql":
        start: Callable[..., LibsqlServer] = request.getfixturevalue("start_libsql")
        server = start(template=request.getfixturevalue("filled_server"))
        return server.url, server.token()
    path = tmp_path / "filled.db"
    shutil.copyfile(migrated_file, path)
    database = open_database(f"sqlite:///{path}")
    fill(database)
    database.dispose()
    return f"sqlite:///{path}", None


@pytest.fixture
def fresh(fresh_url: tuple[str, str | None]) -> Iterator[TursoConnection]:
    """A database without tables, on both backends."""
    database = open_database(*fresh_url)
    yield database
    database.dispose()


@pytest.fixture
def filled(filled_url: tuple[str, str | None]) -> Iterator[TursoConnection]:
    """A database at the newest revision, with rows in every table that refers to another; on both backends."""
    database = open_database(*filled_url)
    yield database
    database.dispose()


@pytest.fixture
def scripts(tmp_path: Path, filled: TursoConnection) -> Scripts:
    return Scripts(tmp_path / "scripts", filled)
