from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine

from src.infrastructure.shared.database.local_sqlite import EngineRole
from src.infrastructure.shared.database.remote_libsql import remote_engine
from tests.fault_proxy import FaultProxy
from tests.libsql_server import LibsqlServer

OpenRemote = Callable[..., Engine]


def raw_connection(engine: Engine) -> Any:
    """A connection that the pool no longer knows."""
    borrowed = engine.raw_connection()
    raw = borrowed.dbapi_connection
    borrowed.detach()
    return raw


@pytest.fixture
def proxy(libsql_database: LibsqlServer) -> Iterator[FaultProxy]:
    """Stands before the server of `libsql_database`, and does nothing yet."""
    with FaultProxy(libsql_database.host, libsql_database.port) as proxy:
        yield proxy


@pytest.fixture
def open_remote(libsql_database: LibsqlServer) -> Iterator[OpenRemote]:
    """Makes engines for a role, straight to the server or by another `url`; the options are those of the engine."""
    engines: list[Engine] = []

    def make(
        role: EngineRole = EngineRole.WRITE, *, url: str = "", token: str | None = None, **options: object
    ) -> Engine:
        secret = SecretStr(token if token is not None else libsql_database.token())
        engines.append(remote_engine(url or libsql_database.url, role, token=secret, **options))
        return engines[-1]

    yield make
    for engine in engines:
        engine.dispose()


@pytest.fixture
def engine(open_remote: OpenRemote) -> Engine:
    """Writes, in BEGIN IMMEDIATE."""
    return open_remote(EngineRole.WRITE)


@pytest.fixture
def reading(open_remote: OpenRemote) -> Engine:
    """Reads, in AUTOCOMMIT."""
    return open_remote(EngineRole.READ)


@pytest.fixture(params=["sqlite", "libsql"])
def any_engine(request: pytest.FixtureRequest) -> Engine:
    if request.param == "sqlite":
        open_local: Callable[[EngineRole], Engine] = request.getfixturevalue("open_engine")
        return open_local(EngineRole.WRITE)
    engine: Engine = request.getfixturevalue("engine")
    return engine
