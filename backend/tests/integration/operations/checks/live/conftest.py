"""An environment whose services are real, and the checks on it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from src.core.config.settings.base import AppEnv, load_settings
from src.operations.checks.all_checks import ALL_CHECKS
from src.operations.checks.scene import Scene
from src.operations.verdict import Verdict
from tests import redis_server
from tests.certificates import write_certificate
from tests.libsql_server import LibsqlServer
from tests.redis_server import RedisServer
from tests.tls_relay import TlsRelay

SceneOf = Callable[..., Scene]
CHECKS = {check.id: check for check in ALL_CHECKS}


def look(id_: str, scene: Scene) -> Verdict:
    return CHECKS[id_].look(scene)


@pytest.fixture
def scene_of() -> Iterator[SceneOf]:
    """Makes the scene of an environment whose settings are those that are given and, for the rest, defaults."""
    with ExitStack() as scenes:

        def scene_of(env: str = "staging", now: datetime | None = None, **settings: object) -> Scene:
            app_env = AppEnv(env)
            scene = Scene(
                app_env,
                now=now or datetime.now(UTC),
                read_settings=lambda: load_settings(app_env=app_env, **settings),
            )
            scenes.callback(scene.close)
            return scene

        yield scene_of


@pytest.fixture
def on_database(scene_of: SceneOf) -> Callable[..., Scene]:
    """A scene of staging whose database is the one on `server`."""

    def on_database(server: LibsqlServer, token: str | None = None, **more: object) -> Scene:
        options = {
            "turso_database_url": server.url,
            "turso_auth_token": server.token() if token is None else token,
        }
        return scene_of(**{**options, **more})

    return on_database


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_certificate(tmp_path_factory.mktemp("tls") / "server.pem")


@pytest.fixture(scope="module")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server.running(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis_without_password(shared_redis: RedisServer) -> Iterator[RedisServer]:
    shared_redis.require(None)
    yield shared_redis
    shared_redis.require(None)


@pytest.fixture
def redis_at(redis_without_password: RedisServer) -> RedisServer:
    """A Redis server that requires the password "geheim", without TLS."""
    redis_without_password.require("geheim")
    return redis_without_password


@pytest.fixture
def redis_tls(
    redis_at: RedisServer, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TlsRelay]:
    """The same behind TLS, of an authority that this process trusts."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with TlsRelay(redis_at.port, certificate) as relay:
        yield relay
