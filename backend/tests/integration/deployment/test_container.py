"""The commands of the image and of the compose files, run by hand: no engine is needed, and none is there."""

import http.client
import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.integration.deployment import image
from tests.integration.deployment.image import BACKEND, Container
from tests.libsql_server import LibsqlServer

PATIENCE_SECONDS = 30


@pytest.fixture
def server(libsql_binary: None) -> Iterator[LibsqlServer]:
    with LibsqlServer() as server:
        yield server


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:  # pytest's own is closed to other users
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def container(folder: Path, server: LibsqlServer, unused_port: int) -> Iterator[Container]:
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
    with Container(folder, settings) as container:
        yield container


def test_the_migrations_and_then_the_server_run_without_rights_on_a_tree_that_is_not_theirs(
    container: Container, unused_port: int
) -> None:
    seen = container.run("python", "-c", "import os, src; print(os.geteuid() != 0, src.__file__)")
    assert seen.split() == ["True", str(container.app / "src" / "__init__.py")]
    container.run("touch", "/app/x", "x", code=1)
    before = container.files()

    _migrate(container)

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


def test_a_release_that_was_taken_back_serves_the_database_that_its_successor_has_migrated(
    container: Container, server: LibsqlServer, unused_port: int
) -> None:
    _migrate(container)
    _execute(server, "UPDATE alembic_version SET version_num = '9999'")
    with container.running(*image.command()) as process:
        assert _answer(unused_port, "/readyz", process) == (200, {"status": "ok"})
        assert _answer(unused_port, "/api/v1/prompts", process)[0] == 200
        process.terminate()
        assert "at revision '9999'" in process.communicate(timeout=PATIENCE_SECONDS)[1]
    container.run("autoforge", "db", "upgrade", "--yes", code=1)


def test_the_development_server_makes_its_database_and_reloads(folder: Path, unused_port: int) -> None:
    compose = yaml.safe_load((BACKEND.parent / "docker-compose.dev.yml").read_text("utf-8"))
    service = compose["services"]["backend"]
    command = [word.replace("--port 8000", f"--port {unused_port}") for word in service["command"]]
    with Container(folder, service["environment"]) as container:
        (container.app / "data").chmod(0o1777)
        with container.running(*command) as process:
            assert _answer(unused_port, "/readyz", process) == (200, {"status": "ok"})
            process.terminate()
            assert "reloader" in process.communicate(timeout=PATIENCE_SECONDS)[1]
        assert [path.name for path in (container.app / "data").glob("*.db")] == ["autoforge_dev.db"]


def _migrate(container: Container) -> None:
    """The service `migrate`, which has a volume for the backups."""
    data = container.app / "data"
    data.chmod(0o1777)
    container.run("autoforge", "db", "upgrade", "--yes")
    data.chmod(0o555)


def _execute(server: LibsqlServer, sql: str) -> None:
    requests = [{"type": "execute", "stmt": {"sql": sql}}, {"type": "close"}]
    connection = http.client.HTTPConnection(server.host, server.port, timeout=10)
    headers = {"Authorization": f"Bearer {server.token()}", "Content-Type": "application/json"}
    connection.request("POST", "/v2/pipeline", json.dumps({"requests": requests}), headers)
    answered = json.loads(connection.getresponse().read())
    connection.close()
    assert [result["type"] for result in answered["results"]] == ["ok", "ok"]


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
