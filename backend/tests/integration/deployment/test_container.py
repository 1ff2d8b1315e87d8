"""The commands of the image and of the compose files, run by hand: no engine is needed, and none is there."""

import http.client
import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.deployment import image
from tests.integration.deployment.image import Container
from tests.libsql_server import LibsqlServer

PATIENCE_SECONDS = 30


@pytest.fixture
def server(libsql_binary: None) -> Iterator[LibsqlServer]:
    with LibsqlServer() as server:
        yield server


@pytest.fixture
def container(server: LibsqlServer, unused_port: int) -> Iterator[Container]:
    settings = {
        "APP_ENV": "staging",
        "PORT": str(unused_port),
        "TURSO_DATABASE_URL": server.url,
        "TURSO_AUTH_TOKEN": server.token(),
        "REDIS_HOST": "127.0.0.1",
        "REDIS_PASSWORD": "pass-of-the-redis-of-this-test",
        "CLERK_SECRET_KEY": "sk_test_Zm9yIHRoaXMgdGVzdCBvbmx5",
        "CLERK_PUBLISHABLE_KEY": "pk_test_dGVzdC5jbGVyay5hY2NvdW50cy5kZXYk",
        "JWT_SECRET_KEY": "8vT2mQwZr4Kp9Xc1Lb6Ns3Hd7Gf5Jy0Ae2Ru8Wi4To6Pq1Zx9Cv3Bn5Mm7Kl0Jh2",
    }
    with tempfile.TemporaryDirectory() as folder:  # pytest's own is closed to other users
        Path(folder).chmod(0o755)
        with Container(Path(folder), settings) as container:
            yield container


def test_the_migrations_and_then_the_server_run_without_rights_on_a_tree_that_is_not_theirs(
    container: Container, unused_port: int
) -> None:
    seen = container.run("python", "-c", "import os, src; print(os.geteuid() != 0, src.__file__)")
    assert seen.split() == ["True", str(container.app / "src" / "__init__.py")]
    container.run("touch", "/app/x", "x", code=1)
    before = container.files()

    (container.app / "data").chmod(0o1777)  # the volume of the service `migrate`
    container.run("autoforge", "db", "upgrade", "--yes")
    (container.app / "data").chmod(0o555)

    with container.running(*image.command()) as process:
        assert _answer(unused_port, "/healthz", process) == (200, {"status": "ok"})
        assert _answer(unused_port, "/readyz", process) == (200, {"status": "ok"})
        container.run(*image.health_check())
        assert _answer(unused_port, "/api/v1/prompts", process)[0] == 200
    assert process.returncode == 0
    container.run(*image.health_check(), code=1)
    assert [path for path in container.files() if path.parts[0] != "data"] == [
        path for path in before if path.parts[0] != "data"
    ]


def test_the_server_ends_at_once_and_says_why_when_the_migrations_have_not_run(container: Container) -> None:
    with container.running(*image.command()) as process:
        _, said = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 1
    assert "autoforge db upgrade" in said


def _answer(port: int, path: str, process: "subprocess.Popen[str]") -> tuple[int, object]:
    """Waits for a server that is starting, and for none that has ended."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        except ConnectionRefusedError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        finally:
            connection.close()
