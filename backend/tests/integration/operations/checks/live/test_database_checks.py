"""Each way in which a database server cannot be used has a check of its own that says so."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from src.domain.shared.errors import UnavailableError
from src.operations.checks.live_database import DATABASE
from src.operations.checks.scene import Scene
from src.operations.verdict import Level
from tests.certificates import write_certificate
from tests.fault_proxy import FaultProxy
from tests.integration.operations.checks.live.conftest import SceneOf, look
from tests.libsql_server import LibsqlServer

OnDatabase = Callable[..., Scene]
IDS = [check.id for check in DATABASE]


@pytest.fixture
def proxy(libsql_server: LibsqlServer) -> Iterator[FaultProxy]:
    with FaultProxy(libsql_server.host, libsql_server.port) as proxy:
        yield proxy


def test_good_server_passes_all(on_database: OnDatabase, libsql_server: LibsqlServer) -> None:
    scene = on_database(libsql_server, libsql_server.token(expires_in=timedelta(days=90)))
    found = {id_: look(id_, scene) for id_ in IDS}
    assert {verdict.level for verdict in found.values()} == {Level.OK}, found
    assert f"sqld {scene.ping.sqlite_version}" not in found["database.version"].message
    assert "in sqld " in found["database.version"].message
    assert found["database.foreign-keys"].message == "enforced by default"


@pytest.mark.parametrize("id_", IDS)
def test_file_has_nothing_of_a_server(scene_of: SceneOf, tmp_path: Path, id_: str) -> None:
    scene = scene_of("local", database_url=f"sqlite:///{tmp_path}/autoforge.db")
    assert look(id_, scene).level is Level.SKIP


def test_stopped_server_is_an_outage(
    on_database: OnDatabase, start_libsql: Callable[..., LibsqlServer]
) -> None:
    server = start_libsql()
    server.stop()
    found = look("database.reachable", on_database(server))
    assert (found.level, found.is_outage) == (Level.FAIL, True)
    assert found.message.startswith(f"127.0.0.1:{server.port} cannot be reached")


def test_server_that_fails_is_an_outage(
    on_database: OnDatabase, libsql_server: LibsqlServer, proxy: FaultProxy
) -> None:
    proxy.answer(503)
    found = look("database.reachable", on_database(libsql_server, turso_database_url=proxy.url))
    assert (found.is_outage, found.message) == (True, f"127.0.0.1:{proxy.port} answers HTTP 503")


def test_certificate_of_nobody_we_trust_is_told(
    on_database: OnDatabase, libsql_server: LibsqlServer, tmp_path: Path
) -> None:
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(write_certificate(tmp_path / "server.pem"))
    with FaultProxy(libsql_server.host, libsql_server.port, tls=context) as proxy:
        found = look(
            "database.reachable",
            on_database(libsql_server, turso_database_url=f"libsql://127.0.0.1:{proxy.port}"),
        )
    assert (found.level, "is not trusted" in found.message) == (Level.FAIL, True)
    assert "SSL_CERT_FILE=" in str(found.fix)
    assert proxy.requests == []


def test_token_of_another_database_is_refused(
    on_database: OnDatabase, libsql_server: LibsqlServer, start_libsql: Callable[..., LibsqlServer]
) -> None:
    scene = on_database(libsql_server, start_libsql().token())
    assert look("database.reachable", scene).level is Level.OK
    found = look("database.token-accepted", scene)
    assert (found.level, "refuses TURSO_AUTH_TOKEN" in found.message) == (Level.FAIL, True)
    assert "autoforge turso token create" in str(found.fix)


def test_database_that_the_server_does_not_know_is_told(
    on_database: OnDatabase, libsql_server: LibsqlServer, proxy: FaultProxy
) -> None:
    proxy.answer(404, b'{"error":"Namespace `x` doesn\'t exist"}', when="POST")
    found = look("database.token-accepted", on_database(libsql_server, turso_database_url=proxy.url))
    assert found.message == f"127.0.0.1:{proxy.port} has no such database, or the token is of another"


def test_server_that_goes_away_between_is_no_refusal(
    on_database: OnDatabase, libsql_server: LibsqlServer, proxy: FaultProxy
) -> None:
    proxy.answer(500, when="POST")
    with pytest.raises(UnavailableError):
        look("database.token-accepted", on_database(libsql_server, turso_database_url=proxy.url))


def test_token_that_may_only_read_is_told_where_it_matters(
    on_database: OnDatabase, libsql_server: LibsqlServer
) -> None:
    scene = on_database(libsql_server, libsql_server.token("ro", timedelta(days=90)))
    levels = {id_: look(id_, scene).level for id_ in IDS}
    assert levels == {**dict.fromkeys(IDS, Level.OK), "database.token-writes": Level.FAIL}


def test_write_test_leaves_nothing_behind(on_database: OnDatabase, libsql_server: LibsqlServer) -> None:
    scene = on_database(libsql_server)
    for _ in range(2):  # a table left behind would be in the way
        assert look("database.token-writes", scene).level is Level.OK


def test_server_without_room_says_so(on_database: OnDatabase, libsql_server: LibsqlServer) -> None:
    scene = on_database(libsql_server)
    with scene.database.write_transaction() as connection:
        connection.exec_driver_sql("CREATE TABLE autoforge_was_here (id)")
        connection.commit()
    found = look("database.token-writes", scene)
    with scene.database.write_transaction() as connection:
        connection.exec_driver_sql("DROP TABLE autoforge_was_here")
        connection.commit()
    assert (found.level, "already exists" in found.message) == (Level.FAIL, True)


@pytest.mark.parametrize(
    ("days", "level", "said"),
    [
        (90, Level.OK, "it expires in 90 days"),
        (13, Level.WARN, "it expires in 13 days"),
        (2, Level.FAIL, "it expires in 2 days"),
        (-2, Level.FAIL, "it expired 1 day ago"),
        (None, Level.WARN, "it never expires; tokens here live 90 days"),
    ],
)
def test_expiry_is_judged(
    on_database: OnDatabase, libsql_server: LibsqlServer, days: int | None, level: Level, said: str
) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    token = libsql_server.token(expires_in=None if days is None else timedelta(days=days, hours=1))
    scene = on_database(libsql_server, token, now=now, turso_database_url="libsql://name.example.test")
    found = look("database.token-expiry", scene)
    assert (found.level, found.message) == (level, said)


def test_server_of_this_machine_may_have_a_token_for_ever(
    on_database: OnDatabase, libsql_server: LibsqlServer
) -> None:
    assert look("database.token-expiry", on_database(libsql_server)).level is Level.OK


def test_far_database_is_told(on_database: OnDatabase, libsql_server: LibsqlServer) -> None:
    with FaultProxy(libsql_server.host, libsql_server.port, delay_ms=101) as proxy:
        found = look("database.latency", on_database(libsql_server, turso_database_url=proxy.url))
    assert (found.level, "autoforge turso locations" in str(found.fix)) == (Level.WARN, True)


@pytest.mark.parametrize(
    ("env", "name", "level"),
    [
        ("staging", "autoforgenexus-staging-org", Level.OK),
        ("staging", "autoforgenexus-production-org", Level.FAIL),
        ("staging", "autoforgenexus-staging-production-team", Level.OK),
        ("staging", "autoforgenexus-org", Level.OK),
        ("staging", "reproduction-org", Level.OK),
        ("production", "autoforgenexus-staging-org", Level.FAIL),
        ("production", "autoforgenexus-prod-org", Level.OK),
        ("local", "autoforgenexus-production-org", Level.FAIL),
        ("local", "autoforgenexus-dev-org", Level.OK),
    ],
)
def test_name_of_another_environment_is_told(scene_of: SceneOf, env: str, name: str, level: Level) -> None:
    url = f"libsql://{name}.aws-ap-northeast-1.turso.io"
    setting = "database_url" if env == "local" else "turso_database_url"
    found = look("database.right-one", scene_of(env, **{setting: url}))
    assert found.level is level, found.message
    assert level is Level.OK or f"this is {env}" in found.message
