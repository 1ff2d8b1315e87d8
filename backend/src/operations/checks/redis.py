"""Whether the Redis server that the settings name can be used, and if not, which of the many reasons it is."""

import ipaddress
import secrets
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from src.core.config.settings.base import SettingsError
from src.core.config.settings.values import is_loopback
from src.infrastructure.shared.redis.connection import RedisAddress, open_redis
from src.infrastructure.shared.redis.probe import Speech, certificate_end
from src.operations.checks import live_certificates
from src.operations.checks.check import Check
from src.operations.checks.live_told import told
from src.operations.checks.redis_server import TIMEOUT_SECONDS, RedisServer
from src.operations.checks.scene import Scene
from src.operations.verdict import Verdict, fail, ok, outage, skip, warn

if TYPE_CHECKING:
    from redis import Redis

KEYS = "af:verify:"
KEY_SECONDS = 60
LEAST_VERSION = (7, 0)
_SETTINGS = ("REDIS_URL", "REDIS_HOST", "REDIS_PASSWORD")


def _where_needed(look: Callable[[Scene, RedisServer], Verdict]) -> Callable[[Scene], Verdict]:
    """Answers for settings that name no server, and for a laptop that needs none."""

    def look_where_needed(scene: Scene) -> Verdict:
        server = scene.outside.redis
        try:
            place = server.address.place
        except SettingsError as exc:
            said = str(exc).splitlines()[-1].strip()
            return told(scene, *_SETTINGS) or fail(said, "Correct it where it is set.")
        if not server.is_needed:
            return skip(f"locally no Redis is needed, and {place} has none for us")
        return look(scene, server)

    return look_where_needed


def _where_answering(look: Callable[[Scene, RedisServer], Verdict]) -> Callable[[Scene], Verdict]:
    """Answers for what the server says instead of doing what it was asked."""

    def look_where_answering(scene: Scene, server: RedisServer) -> Verdict:
        import redis

        try:
            return look(scene, server)
        except (redis.ConnectionError, redis.TimeoutError) as exc:
            return outage(
                f"{server.address.place} broke off ({_first_line(exc)})",
                "Repeat in a moment; if it stays so, look into the log of the Redis server.",
            )
        except redis.RedisError as exc:
            return fail(f"{server.address.place} says: {_first_line(exc)}", _way_out(exc, server.address))

    return _where_needed(look_where_answering)


@_where_needed
def _look_reachable(_: Scene, server: RedisServer) -> Verdict:
    place, failed = server.address.place, server.speech
    names = "REDIS_HOST and REDIS_PORT (or REDIS_URL)"
    if isinstance(failed, socket.gaierror):
        return fail(f"{server.address.host} is no known host", f"Correct {names}, or mend the name service.")
    if isinstance(failed, ConnectionRefusedError):
        start = "docker compose -f docker-compose.dev.yml up -d redis"
        fix = f"Start the server, locally with: {start}. Or correct {names}."
        return outage(f"connection refused: nothing listens at {place}", fix)
    if isinstance(failed, OSError):
        why = "no answer in time" if isinstance(failed, TimeoutError) else failed.strerror or str(failed)
        return outage(f"{place} cannot be reached ({why})", f"Check {names}, the network and its firewall.")
    return ok(f"{server.address} takes connections")


@_where_needed
def _look_tls(scene: Scene, server: RedisServer) -> Verdict:
    address, speech = server.address, server.speech
    if speech is Speech.NEITHER:
        fix = "Correct REDIS_HOST and REDIS_PORT (or REDIS_URL): another service listens there."
        return fail(f"what listens at {address.place} speaks neither Redis nor TLS", fix)
    if not address.tls:
        return _judge_plain(scene, address, speech)
    if speech is not Speech.TLS:
        return fail(
            f"{address.place} speaks without TLS, and the settings want TLS",
            f"Use the port at which the server speaks TLS. On a network of your own: {_tls_setting(scene, on=False)}.",
        )
    try:
        end = certificate_end(address, timeout_seconds=TIMEOUT_SECONDS)
    except ssl.SSLCertVerificationError as exc:
        return live_certificates.refused(address.place, exc)
    except OSError as exc:
        return fail(
            f"{address.place} cannot agree on TLS with us ({exc})", "Let the server offer TLS 1.2 or newer."
        )
    return live_certificates.judged(address.place, end, now=scene.now)


def _judge_plain(scene: Scene, address: RedisAddress, speech: object) -> Verdict:
    turn_on = f"Turn TLS on: {_tls_setting(scene, on=True)}."
    if speech is Speech.TLS:
        wrong = fail(f"{address.place} speaks TLS, and the settings do not", turn_on)
        return told(scene, "REDIS_TLS", "REDIS_URL") or wrong
    if _is_private(address.host):
        return ok(f"without TLS, which {address.place} on a private network can do without")
    return warn(f"password and values cross the network to {address.place} for everybody to read", turn_on)


@_where_answering
def _look_auth(scene: Scene, server: RedisServer) -> Verdict:
    import redis

    address = server.address
    try:
        server.client.ping()
    except redis.AuthenticationError:
        if address.password is None:
            wrong = fail(
                f"{address.place} asks for a password, and none is set",
                "Set REDIS_PASSWORD (or REDIS_URL with it).",
            )
            return told(scene, "REDIS_PASSWORD") or wrong
        who = "the password" if address.username is None else f"user {address.username!r} or the password"
        return fail(
            f"{address.place} refuses {who}", "Set REDIS_PASSWORD (or REDIS_URL) as the server has it."
        )
    if not _lets_anybody_in(address):
        return ok(f"{address.place} takes the password, and asks for it")
    if is_loopback(address.host):
        return ok(f"{address.place} asks for no password, and is on this machine")
    return warn(
        f"{address.place} asks nobody for a password", "Let the server require one (requirepass, or an ACL)."
    )


@_where_answering
def _look_operations(_: Scene, server: RedisServer) -> Verdict:
    if wrong := _operate(server.client):
        return fail(f"{server.address.place}: {wrong}", "Look what stands between us and the Redis server.")
    return ok("set, get, expire and delete")


@_where_answering
def _look_version(_: Scene, server: RedisServer) -> Verdict:
    import redis

    try:
        told = server.client.info("server")
    except redis.ResponseError:
        return skip(f"{server.address.place} does not tell its version")
    name, version = "Valkey", told.get("valkey_version")
    if version is None:
        name, version = "Redis", told.get("redis_version", "")
    numbers = tuple(int(part) for part in str(version).split(".")[:2] if part.isdigit())
    if not numbers:
        return skip(f"{server.address.place} does not tell its version")
    said = f"{name} {version}"
    return (
        ok(said) if numbers >= LEAST_VERSION else warn(f"{said} is old", "Use Redis 7 or Valkey 8, or newer.")
    )


@_where_answering
def _look_ping(_: Scene, server: RedisServer) -> Verdict:
    return ok("PONG") if server.client.ping() else fail("no PONG", "Look who answers there.")


def _operate(client: "Redis") -> str | None:
    """What went wrong with a key of our own, which is gone afterwards; at the latest after a minute."""
    key, value = f"{KEYS}{secrets.token_hex(16)}", "値"
    try:
        client.set(key, value, ex=KEY_SECONDS)
        if client.get(key) != value:
            return "a value that was set reads as another"
        if not 0 < int(client.ttl(key)) <= KEY_SECONDS:
            return "a value that was to end does not end"
        if client.delete(key) != 1 or client.exists(key):
            return "a value that was deleted is still there"
        return None
    except BaseException:
        with suppress(Exception):
            client.delete(key)
        raise


def _lets_anybody_in(address: RedisAddress) -> bool:
    import redis

    stranger = open_redis(replace(address, username=None, password=None), timeout_seconds=TIMEOUT_SECONDS)
    try:
        return bool(stranger.ping())
    except redis.RedisError:
        return False
    finally:
        stranger.close()


def _is_private(host: str) -> bool:
    """This machine, an address of a private network, or a name without a dot, as in a network of containers."""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host


def _tls_setting(scene: Scene, *, on: bool) -> str:
    if scene.settings.redis_url is not None:
        return f"begin REDIS_URL with {'rediss' if on else 'redis'}://"
    return f"set REDIS_TLS={str(on).lower()}"


def _way_out(exc: Exception, address: RedisAddress) -> str:
    import redis

    if isinstance(exc, redis.exceptions.NoPermissionError):
        return f"Let the user read, set and delete {KEYS}* and the keys of the application (ACL SETUSER)."
    if isinstance(exc, redis.exceptions.ReadOnlyError):
        return "That is a replica: set REDIS_HOST (or REDIS_URL) to the primary."
    if isinstance(exc, redis.exceptions.OutOfMemoryError):
        return "Give the server more memory, or an eviction policy (maxmemory-policy allkeys-lru)."
    if "DB index" in str(exc):
        return f"Set REDIS_DB to a database that it has, mostly 0; {address.db} is not one."
    return "Look into the log and the configuration of the Redis server."


def _first_line(exc: Exception) -> str:
    return (str(exc).splitlines() or [type(exc).__name__])[0][:200]


REDIS = (
    Check(
        id="redis.reachable",
        phase="4-6",
        title="The Redis server takes connections",
        why="What several processes share (cache, queue) is kept there.",
        needs=("settings.valid",),
        look=_look_reachable,
    ),
    Check(
        id="redis.tls",
        phase="4-6",
        title="The Redis server and the settings agree on TLS",
        why="Without TLS, password and values can be read on the way; with a wrong certificate, by whoever has it.",
        needs=("redis.reachable",),
        look=_look_tls,
    ),
    Check(
        id="redis.auth",
        phase="4-6",
        title="The Redis server takes our password, and nobody without one",
        why="A Redis server without a password is open to everybody who reaches it.",
        needs=("redis.tls",),
        look=_look_auth,
    ),
    Check(
        id="redis.operations",
        phase="4-6",
        title="A key can be set, read and deleted",
        why="A replica, a full server or a user without rights connects well and then refuses.",
        needs=("redis.auth",),
        look=_look_operations,
    ),
    Check(
        id="redis.version",
        phase="4-6",
        title="The Redis server is new enough",
        why="Versions before 7 get no corrections.",
        needs=("redis.auth",),
        look=_look_version,
    ),
    Check(
        id="live.redis-ping",
        phase="4-6",
        title="Redis answers PING (the guide's test_redis_ping)",
        why="The first of the guide's two tests of Redis.",
        needs=("redis.auth",),
        look=_look_ping,
    ),
    Check(
        id="live.redis-operations",
        phase="4-6",
        title="Redis sets, gets and deletes (the guide's test_redis_operations)",
        why="The second of the guide's two tests of Redis.",
        needs=("redis.operations",),
        look=_look_operations,
    ),
)
