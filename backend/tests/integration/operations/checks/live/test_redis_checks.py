"""Each way in which a Redis server cannot be used has a check of its own that says so."""

import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from src.operations.checks.redis import KEYS, REDIS
from src.operations.checks.scene import Scene
from src.operations.verdict import Level
from tests.certificates import HOUR, write_certificate
from tests.integration.operations.checks.live.conftest import SceneOf, look
from tests.redis_server import RedisServer
from tests.tls_relay import TlsRelay

IDS = [check.id for check in REDIS]
YEAR = timedelta(days=365)


def at(scene_of: SceneOf, port: int, *, tls: bool, password: str | None = "geheim", **more: object) -> Scene:
    return scene_of(redis_host="127.0.0.1", redis_port=port, redis_tls=tls, redis_password=password, **more)


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Where somebody listens who never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_server_with_password_and_tls_passes_all(
    scene_of: SceneOf, redis_tls: TlsRelay, redis_at: RedisServer, tmp_path: Path
) -> None:
    redis_tls.present(write_certificate(tmp_path / "long.pem", ends_in=YEAR))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(tmp_path / "long.pem"))
        scene = at(scene_of, redis_tls.port, tls=True)
        found = {id_: look(id_, scene) for id_ in IDS}

    assert {id_: (verdict.level, verdict.message) for id_, verdict in found.items()} == {
        "redis.reachable": (Level.OK, f"rediss://127.0.0.1:{redis_tls.port}/0 takes connections"),
        "redis.tls": (
            Level.OK,
            f"the certificate of 127.0.0.1:{redis_tls.port} is trusted and ends in 364 days",
        ),
        "redis.auth": (Level.OK, f"127.0.0.1:{redis_tls.port} takes the password, and asks for it"),
        "redis.operations": (Level.OK, "set, get, expire and delete"),
        "redis.version": (Level.OK, f"Valkey {found['redis.version'].message.split()[-1]}"),
        "live.redis-ping": (Level.OK, "PONG"),
        "live.redis-operations": (Level.OK, "set, get, expire and delete"),
    }
    assert redis_at.do("KEYS", f"{KEYS}*") == []


def test_url_says_all_that_the_other_settings_say(scene_of: SceneOf, redis_tls: TlsRelay) -> None:
    scene = scene_of(redis_url=f"rediss://:geheim@127.0.0.1:{redis_tls.port}/3", redis_host="nowhere.invalid")
    assert look("redis.auth", scene).level is Level.OK
    assert (
        look("redis.reachable", scene).message == f"rediss://127.0.0.1:{redis_tls.port}/3 takes connections"
    )


@pytest.mark.parametrize("id_", IDS)
def test_laptop_without_a_server_needs_none(scene_of: SceneOf, id_: str) -> None:
    scene = scene_of("local", redis_port=free_port())
    assert (look(id_, scene).level, "locally no Redis is needed" in look(id_, scene).message) == (
        Level.SKIP,
        True,
    )


def test_server_of_somebody_else_on_a_laptop_is_left_alone(scene_of: SceneOf, redis_at: RedisServer) -> None:
    scene = scene_of("local", redis_port=redis_at.port)
    assert {look(id_, scene).level for id_ in IDS} == {Level.SKIP}


def test_server_on_a_laptop_that_lets_us_in_is_looked_at(
    scene_of: SceneOf, redis_without_password: RedisServer
) -> None:
    scene = scene_of("local", redis_port=redis_without_password.port)
    assert {look(id_, scene).level for id_ in IDS} == {Level.OK}


def test_nobody_listening_is_an_outage(scene_of: SceneOf) -> None:
    port = free_port()
    found = look("redis.reachable", at(scene_of, port, tls=True))
    assert (found.level, found.is_outage) == (Level.FAIL, True)
    assert found.message == f"connection refused: nothing listens at 127.0.0.1:{port}"
    assert "docker compose -f docker-compose.dev.yml up -d redis" in str(found.fix)


def test_host_without_an_address_is_told_apart(scene_of: SceneOf, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)  # no name service is asked by a test
    found = look("redis.reachable", scene_of(redis_host="no.such.host.invalid", redis_password="geheim"))
    assert (found.level, found.message) == (Level.FAIL, "no.such.host.invalid is no known host")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"redis_url": "redis://:secret-word@:6379"}, "REDIS_URL names no Redis server"),
        ({"redis_url": "http://:secret-word@host"}, "REDIS_URL names no Redis server"),
        (
            {"redis_url": "rediss://:secret-word@host:port"},
            "REDIS_URL holds a port or database that is no number",
        ),
        (
            {"redis_url": "rediss://:secret-word@host/first"},
            "REDIS_URL holds a port or database that is no number",
        ),
        ({"redis_url": "rediss://:secret-word@host/-1"}, "REDIS_URL names no Redis server"),
        (
            {"redis_url": "rediss://[:secret-word@host"},
            "REDIS_URL holds a port or database that is no number",
        ),
        (
            {"redis_url": "rediss://:secret-word@host?ssl_cert_reqs=none"},
            "REDIS_URL holds more than an address",
        ),
        ({"redis_url": "rediss://:${PROD_REDIS_PASSWORD}@host"}, "REDIS_URL still holds a placeholder"),
        ({"redis_host": "${STAGING_REDIS_HOST}"}, "REDIS_HOST still holds a placeholder"),
        ({"redis_password": "${STAGING_REDIS_PASSWORD}"}, "REDIS_PASSWORD still holds a placeholder"),
    ],
)
def test_setting_that_cannot_be_right_is_named_and_not_repeated(
    scene_of: SceneOf, settings: dict[str, str], said: str
) -> None:
    found = look("redis.reachable", scene_of(**settings))
    assert (found.level, found.message.startswith(said)) == (Level.FAIL, True), found.message
    assert "secret-word" not in f"{found.message} {found.fix}"


def test_tls_wanted_of_a_server_without(scene_of: SceneOf, redis_at: RedisServer) -> None:
    found = look("redis.tls", at(scene_of, redis_at.port, tls=True))
    assert found.message == f"127.0.0.1:{redis_at.port} speaks without TLS, and the settings want TLS"
    assert "set REDIS_TLS=false" in str(found.fix)


def test_tls_not_spoken_to_a_server_that_wants_it(scene_of: SceneOf, redis_tls: TlsRelay) -> None:
    found = look("redis.tls", at(scene_of, redis_tls.port, tls=False))
    assert found.message == f"127.0.0.1:{redis_tls.port} speaks TLS, and the settings do not"
    assert found.fix == "Turn TLS on: set REDIS_TLS=true."
    by_url = look("redis.tls", scene_of(redis_url=f"redis://:geheim@127.0.0.1:{redis_tls.port}"))
    assert by_url.fix == "Turn TLS on: begin REDIS_URL with rediss://."


def test_what_is_no_redis_server_is_told(scene_of: SceneOf, silent_port: int) -> None:
    scene = at(scene_of, silent_port, tls=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("src.operations.checks.redis_server.TIMEOUT_SECONDS", 0.2)
        found = look("redis.tls", scene)
    assert found.message == f"what listens at 127.0.0.1:{silent_port} speaks neither Redis nor TLS"


@pytest.mark.parametrize(
    ("options", "level", "said"),
    [
        ({"begins_in": -2 * HOUR, "ends_in": -HOUR}, Level.FAIL, "has expired"),
        ({"begins_in": HOUR, "ends_in": 2 * HOUR}, Level.FAIL, "is not valid yet"),
        ({"address": "127.0.0.2"}, Level.FAIL, "is for another name"),
        ({"ends_in": timedelta(days=13)}, Level.WARN, "is trusted and ends in 12 days"),
    ],
)
def test_certificates_are_judged(
    scene_of: SceneOf,
    redis_tls: TlsRelay,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, str | timedelta],
    level: Level,
    said: str,
) -> None:
    file = write_certificate(tmp_path / "other.pem", **options)  # type: ignore[arg-type]  # of one row of the table
    redis_tls.present(file)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    found = look("redis.tls", at(scene_of, redis_tls.port, tls=True))
    assert (found.level, found.message) == (level, f"the certificate of 127.0.0.1:{redis_tls.port} {said}")


def test_certificate_that_nobody_vouches_for_says_how_to_trust_it(
    scene_of: SceneOf, redis_tls: TlsRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    found = look("redis.tls", at(scene_of, redis_tls.port, tls=True))
    assert (found.level, "is not trusted" in found.message) == (Level.FAIL, True)
    assert "SSL_CERT_FILE=" in str(found.fix)


def test_missing_password_is_told_apart_from_a_wrong_one(scene_of: SceneOf, redis_at: RedisServer) -> None:
    place = f"127.0.0.1:{redis_at.port}"
    missing = look("redis.auth", at(scene_of, redis_at.port, tls=False, password=None))
    wrong = look("redis.auth", at(scene_of, redis_at.port, tls=False, password="falsch"))
    nobody = look("redis.auth", scene_of(redis_url=f"redis://bob:geheim@{place}"))
    assert missing.message == f"{place} asks for a password, and none is set"
    assert wrong.message == f"{place} refuses the password"
    assert nobody.message == f"{place} refuses user 'bob' or the password"
    assert {missing.level, wrong.level, nobody.level} == {Level.FAIL}


def test_server_that_lets_everybody_in_is_told(
    scene_of: SceneOf, redis_without_password: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = at(scene_of, redis_without_password.port, tls=False)
    assert look("redis.auth", scene).message.endswith("asks for no password, and is on this machine")
    monkeypatch.setattr("src.operations.checks.redis.is_loopback", lambda _: False)  # as seen from elsewhere
    found = look("redis.auth", scene)
    assert (found.level, found.message.endswith("asks nobody for a password")) == (Level.WARN, True)


def test_database_that_is_not_there_is_told(scene_of: SceneOf, redis_at: RedisServer) -> None:
    found = look("redis.auth", at(scene_of, redis_at.port, tls=False, redis_db=99))
    assert (found.level, found.fix) == (
        Level.FAIL,
        "Set REDIS_DB to a database that it has, mostly 0; 99 is not one.",
    )


def test_user_without_rights_is_told(scene_of: SceneOf, redis_at: RedisServer) -> None:
    redis_at.do("ACL", "SETUSER", "reader", "on", ">geheim", "~*", "+get", "+ping", "+hello")
    scene = scene_of(redis_url=f"redis://reader:geheim@127.0.0.1:{redis_at.port}")
    assert look("redis.auth", scene).level is Level.OK
    found = look("redis.operations", scene)
    assert (found.level, "ACL SETUSER" in str(found.fix)) == (Level.FAIL, True)
    assert look("redis.version", scene).level is Level.SKIP


def test_replica_is_told(scene_of: SceneOf, redis_at: RedisServer) -> None:
    redis_at.do("REPLICAOF", "127.0.0.1", str(free_port()))
    try:
        found = look("redis.operations", at(scene_of, redis_at.port, tls=False))
    finally:
        redis_at.do("REPLICAOF", "NO", "ONE")
    assert (found.level, found.fix) == (
        Level.FAIL,
        "That is a replica: set REDIS_HOST (or REDIS_URL) to the primary.",
    )


def test_full_server_is_told_and_keeps_nothing_of_ours(scene_of: SceneOf, redis_at: RedisServer) -> None:
    redis_at.do("CONFIG", "SET", "maxmemory", "1")
    try:
        found = look("redis.operations", at(scene_of, redis_at.port, tls=False))
    finally:
        redis_at.do("CONFIG", "SET", "maxmemory", "0")
    assert (found.level, "more memory" in str(found.fix)) == (Level.FAIL, True)
    assert redis_at.do("KEYS", f"{KEYS}*") == []


def test_connection_that_breaks_off_is_an_outage(scene_of: SceneOf, redis_tls: TlsRelay) -> None:
    scene = at(scene_of, redis_tls.port, tls=True)
    assert look("redis.reachable", scene).level is Level.OK
    redis_tls.stop()
    found = look("redis.auth", scene)
    assert (found.level, found.is_outage) == (Level.FAIL, True)
    assert found.message.startswith(f"127.0.0.1:{redis_tls.port} broke off")
