import pytest
from pydantic import SecretStr

from src.core.config.settings.base import Settings
from src.domain.shared.errors import DomainError, NotFoundError, UnavailableError
from src.infrastructure.shared.database.turso_connection import TursoConnection
from src.operations.doctor.ping import Ping, ping
from tests.backends import on_libsql, on_sqlite
from tests.fault_proxy import FaultProxy
from tests.libsql_server import LibsqlServer, version


def test_database_tells_who_it_is(database: TursoConnection) -> None:
    found = ping(database, count=4)

    assert found.url == database.get_connection_url()
    assert len(found.ms) == 4
    assert 0 < found.least_ms <= found.median_ms <= found.most_ms
    assert found.foreign_keys
    assert found.sqlite_version.startswith("3.")
    if database.is_local:
        assert found.server is None
    else:
        assert version() in (found.server or "")


def test_times_are_summed_up() -> None:
    found = Ping("", 9.0, (3.0, 1.0, 2.0, 10.0), "3", None, foreign_keys=True)

    assert (found.least_ms, found.median_ms, found.most_ms) == (1.0, 2.5, 10.0)


@on_sqlite
def test_file_that_is_not_there_is_not_made(settings: Settings) -> None:
    database = TursoConnection(settings)

    with pytest.raises(NotFoundError, match="There is no database at"):
        ping(database, count=1)

    assert not database.path.exists()


@on_libsql
def test_question_is_one_request(settings: Settings, libsql_database: LibsqlServer) -> None:
    with FaultProxy(libsql_database.host, libsql_database.port) as proxy:
        database = TursoConnection(settings.model_copy(update={"database_url": proxy.url}))
        ping(database, count=7)
        database.dispose()

        assert [request.path for request in proxy.requests].count("/version") == 1
        assert proxy.request_count == 1 + 7 + 1 + 1


@on_libsql
def test_token_that_may_only_read_is_enough(settings: Settings, libsql_database: LibsqlServer) -> None:
    reader = SecretStr(libsql_database.token("ro"))
    database = TursoConnection(settings.model_copy(update={"turso_auth_token": reader}))

    assert ping(database, count=1).foreign_keys
    database.dispose()


@on_libsql
def test_server_that_does_not_tell_its_version_is_pinged_all_the_same(
    settings: Settings, libsql_database: LibsqlServer
) -> None:
    with FaultProxy(libsql_database.host, libsql_database.port) as proxy:
        database = TursoConnection(settings.model_copy(update={"database_url": proxy.url}))
        ping(database, count=1)
        proxy.requests.clear()
        libsql_database.stop()
        with pytest.raises(UnavailableError):
            ping(database, count=1)
        database.dispose()


@on_libsql
def test_token_that_is_refused_is_told_and_not_shown(settings: Settings) -> None:
    stranger = "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9.eyJhIjoicncifQ.c3RyYW5nZXI"
    database = TursoConnection(
        Settings(
            **{**settings.model_dump(), "turso_auth_token": stranger, "database_url": settings.database_url}
        )
    )

    with pytest.raises(DomainError, match="token") as refused:
        ping(database, count=1)
    database.dispose()

    assert stranger not in str(refused.value)
