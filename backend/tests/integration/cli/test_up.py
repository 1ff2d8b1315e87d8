import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from src.core.config.settings import base
from src.core.config.settings.declaration import AppEnv
from tests.backends import on_sqlite
from tests.env_values import sound_values
from tests.integration.cli.harness import Cli


@pytest.fixture
def busy_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture(autouse=True)
def with_secret(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("JWT_SECRET_KEY", "a secret of this test")  # else one is written to backend/.env.local
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def test_busy_port_is_refused_with_the_way_out(fresh_cli: Cli, busy_port: int, database_file: Path) -> None:
    said = fresh_cli.refused("up", "--port", busy_port, code=1)
    assert f"Port {busy_port} of 127.0.0.1 is in use" in said
    assert f"autoforge up --port {busy_port + 1}" in said
    assert not database_file.exists()


def test_port_of_the_environment_is_the_default(
    fresh_cli: Cli, busy_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORT", str(busy_port))
    assert f"Port {busy_port}" in fresh_cli.refused("up", code=1)


def test_address_that_is_not_ours_is_refused(fresh_cli: Cli) -> None:
    assert "Cannot listen on 192.0.2.1, port 0" in fresh_cli.refused(
        "up", "--host", "192.0.2.1", "--port", 0, code=1
    )


def test_port_that_is_none_is_a_usage_error(fresh_cli: Cli) -> None:
    assert fresh_cli("up", "--port", 70000).code == 2


@on_sqlite
def test_database_is_migrated_without_being_asked_when_the_server_starts(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    import uvicorn

    monkeypatch.setattr(uvicorn.Server, "run", lambda self, sockets: setattr(self, "started", True))
    cli.done("db", "downgrade", "base", "--yes")

    started = cli.done("up", "--port", 0)

    assert "Migrated database" in started.err
    cli.done("prompt", "list")


def test_open_host_comes_with_a_warning(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    import uvicorn

    monkeypatch.setattr(uvicorn.Server, "run", lambda self, sockets: setattr(self, "started", True))
    assert "there are no API keys yet" in cli.done("up", "--host", "0.0.0.0", "--port", 0).err


def test_server_that_does_not_start_is_a_failure(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    import uvicorn

    monkeypatch.setattr(uvicorn.Server, "run", lambda self, sockets: None)
    assert cli("up", "--port", 0).code == 1


def test_alembic_is_imported_only_to_migrate(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "alembic"]:
        monkeypatch.delitem(sys.modules, name)
    cli.done("prompt", "list")
    assert "alembic" not in sys.modules


def test_server_outside_local_does_not_start_with_values_that_are_wrong(
    fresh_cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL")
    values = sound_values(AppEnv.PRODUCTION) | {"DEBUG": "true", "REDIS_HOST": "", "PORT": "http"}
    for name, value in values.items():
        monkeypatch.setenv(name, value)

    outcome = fresh_cli("up", "--port", 0)

    assert (outcome.code, outcome.out) == (1, "")
    first, *lines = outcome.err.splitlines()
    assert first == "Error: The server does not start as production."
    assert [line.split()[0] for line in lines] == ["REDIS_HOST", "PORT", "DEBUG"]


def test_server_starts_though_a_value_should_be_seen_to(
    fresh_cli: Cli, busy_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL")
    local = {"TURSO_DATABASE_URL": "libsql://127.0.0.1:8080?tls=0", "REDIS_HOST": "127.0.0.1"}
    for name, value in (sound_values(AppEnv.STAGING) | local).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(base, "BACKEND_DIR", tmp_path)
    (tmp_path / ".env.staging").write_text("REDIS_PASWORD=x\n")

    assert f"Port {busy_port} of" in fresh_cli.refused(
        "up", "--host", "127.0.0.1", "--port", busy_port, code=1
    )
