from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.operations.remote_database import RemoteDatabase
from tests.libsql_server import LibsqlServer


@pytest.fixture
def open_remote() -> Iterator[Callable[[str, str], RemoteDatabase]]:
    """Opens the database at a URL with a token."""
    opened: list[RemoteDatabase] = []

    def open_one(url: str, token: str) -> RemoteDatabase:
        opened.append(RemoteDatabase(url, token))
        return opened[-1]

    yield open_one
    for database in opened:
        database.dispose()


@pytest.fixture
def server(start_libsql: Callable[..., LibsqlServer], migrated_server: Path) -> LibsqlServer:
    """A server of this test alone, with a migrated, empty database."""
    return start_libsql(template=migrated_server)


@pytest.fixture
def remote(server: LibsqlServer, open_remote: Callable[[str, str], RemoteDatabase]) -> RemoteDatabase:
    """The database of `server`."""
    return open_remote(server.url, server.token())
