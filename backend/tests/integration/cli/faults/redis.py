"""Faults of the Redis server."""

from collections.abc import Iterator

import pytest

from tests.certificates import HOUR, write_certificate
from tests.integration.cli.faults.fault import tells, written
from tests.integration.cli.staging_world import REDIS_HOST, World

written(
    "wrong_redis_password", "redis.auth", "Set REDIS_PASSWORD", REDIS_PASSWORD="canary-7f3b-another-password"
)
written("redis_without_tls", "settings.wrong-environment", "Set REDIS_TLS=true", REDIS_TLS="false")
written("redis_database_that_is_not_there", "redis.auth", "Set REDIS_DB", REDIS_DB="99")
written(
    "redis_url_that_is_none",
    "settings.valid",
    "Set STAGING_REDIS_URL",
    REDIS_URL="rediss://:canary-7f3b@host:port",
)


@tells("redis.reachable", "Start the server")
def stopped_redis(world: World, _: object) -> Iterator[None]:
    world.relay.stop()
    yield
    world.relay.start()


@tells("redis.auth", "Set REDIS_PASSWORD")
def redis_password_was_changed(world: World, _: object) -> Iterator[None]:
    password = world.redis.password
    world.redis.require("canary-7f3b-changed-password")
    yield
    world.redis.require(password)


@tells("redis.tls", "Use the port at which the server speaks TLS")
def redis_that_speaks_no_tls(world: World, _: object) -> Iterator[None]:
    world.write(REDIS_PORT=str(world.redis.port))
    yield


@tells("redis.tls", "SSL_CERT_FILE=")
def redis_that_nobody_vouches_for(world: World, _: object) -> Iterator[None]:
    world.relay.present(write_certificate(world.project.parent / "other.pem", names=[REDIS_HOST]))
    yield
    world.relay.present(world.certificate)


@tells("redis.tls", "Renew it at the server")
def redis_with_an_old_certificate(world: World, patch: pytest.MonkeyPatch) -> Iterator[None]:
    folder = world.project.parent
    old = write_certificate(folder / "old.pem", names=[REDIS_HOST], begins_in=-2 * HOUR, ends_in=-HOUR)
    (folder / "both.pem").write_bytes(old.read_bytes() + world.certificate.read_bytes())
    patch.setenv("SSL_CERT_FILE", str(folder / "both.pem"))
    world.relay.present(old)
    yield
    world.relay.present(world.certificate)


@tells("redis.operations", "more memory")
def full_redis(world: World, _: object) -> Iterator[None]:
    world.redis.do("CONFIG", "SET", "maxmemory", "1")
    yield
    world.redis.do("CONFIG", "SET", "maxmemory", "0")


@tells("redis.operations", "the primary")
def replica_of_redis(world: World, _: object) -> Iterator[None]:
    world.redis.do("REPLICAOF", "127.0.0.1", str(world.redis.port))
    yield
    world.redis.do("REPLICAOF", "NO", "ONE")
