import shutil
import socket
import sqlite3
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from src.bootstrap import Container
from src.operations.doctor import doctor
from src.operations.verdict import Level
from tests.backends import on_sqlite
from tests.integration.cli.harness import Cli
from tests.llm_server import FakeLlm


@pytest.fixture(autouse=True)
def free_port(monkeypatch: pytest.MonkeyPatch) -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    monkeypatch.setenv("PORT", str(port))
    return port


def levels(findings: Any) -> dict[str, str]:
    return {found["check"]: found["level"] for found in findings["findings"]}


def test_healthy_installation_passes(cli: Cli, backend: str) -> None:
    said = cli.done("doctor")
    found = cli.done("doctor", "--json").json

    assert "All is well." in said.out
    assert found["healthy"] is True
    assert list(levels(found)) == [
        "python", "sqlite", "settings", "env file", "folder" if backend == "sqlite" else "database",
        "migrations", "write test", "port",
    ]  # fmt: skip
    assert set(levels(found).values()) <= {"ok", "warn"}


def test_nothing_is_made_where_nothing_is_yet(fresh_cli: Cli, database_file: Path) -> None:
    assert fresh_cli.done("doctor", "--json").json["healthy"] is True
    assert not database_file.parent.exists()


def test_wrong_settings_are_a_finding(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "many")
    found = cli("doctor", "--json")
    assert found.code == 1
    assert levels(found.json) == {"settings": "fail"}
    assert "PORT" in found.out


def test_database_url_that_names_no_file_is_a_finding(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "sqlite:///:memory:")
    assert levels(cli("doctor", "--json").json)["database"] == "fail"
    assert "DATABASE_URL" in cli.refused("prompt", "list", code=1)


def test_server_that_is_not_there_fails(fresh_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "libsql://127.0.0.1:1?tls=0")
    found = fresh_cli("doctor", "--json")
    assert (found.code, levels(found.json)["database"]) == (1, "fail")
    assert "Connection refused" in found.out


def test_remote_environment_without_a_database_is_a_finding(
    fresh_cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.setenv("APP_ENV", "production")
    found = fresh_cli("doctor", "--json")
    assert levels(found.json)["database"] == "fail"
    assert "TURSO_DATABASE_URL is not set" in found.out
    assert "TURSO_AUTH_TOKEN is not set" in found.out


def test_pending_migrations_fail_with_the_command_that_helps(cli: Cli) -> None:
    cli.done("db", "downgrade", "base", "--yes")
    said = cli("doctor")
    assert said.code == 1
    assert "migrations: Run: autoforge db upgrade" in said.out
    assert "Something needs mending." in said.out


@on_sqlite
def test_file_that_is_no_database_fails(cli: Cli, database_file: Path) -> None:
    database_file.write_bytes(b"this is not a database, it only has its name" * 100)
    found = cli("doctor", "--json").json
    assert (levels(found)["migrations"], levels(found)["write test"]) == ("fail", "fail")
    assert "names a file that is no SQLite database" in cli.refused("prompt", "list", code=1)


def test_port_that_is_taken_fails_unless_it_is_ours(
    cli: Cli, free_port: int, llm: FakeLlm, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", free_port)):
        assert levels(cli("doctor", "--json").json)["port"] == "fail"
    monkeypatch.setattr(doctor, "serves_us", lambda *_: True)
    with socket.create_server(("127.0.0.1", free_port)):
        assert levels(cli("doctor", "--json").json)["port"] == "ok"
    monkeypatch.undo()
    assert doctor.serves_us("127.0.0.1", int(llm.base_url.rpartition(":")[2])) is False


@pytest.mark.parametrize(
    ("version", "has_it"),
    [
        ((3, 6, 23), False),
        ((3, 7, 0), True),
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 45, 0), True),
        ((3, 50, 6), True),
        ((3, 50, 7), False),
        ((3, 51, 0), True),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 53, 0), False),
    ],
)
def test_sqlite_versions_with_the_wal_reset_bug_are_known(version: tuple[int, ...], has_it: bool) -> None:
    assert doctor.has_wal_reset_bug(version) is has_it
    assert doctor.check_sqlite(version).level == (Level.WARN if has_it else Level.OK)


@pytest.mark.parametrize(
    ("version", "level"), [((3, 10, 9), "fail"), ((3, 11, 0), "ok"), ((3, 14, 0), "warn")]
)
def test_python_versions_are_judged(version: tuple[int, ...], level: str) -> None:
    assert doctor.check_python(version).level == level


def test_env_file_must_be_private_and_a_plain_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / ".env.local"
    assert doctor.check_env_file(path).level == Level.OK
    path.write_text("A=1\n")
    path.chmod(0o640)
    assert "mode 640" in doctor.check_env_file(path).message
    path.chmod(0o600)
    assert doctor.check_env_file(path).level == Level.OK
    link = tmp_path / "link"
    link.symlink_to(path)
    assert doctor.check_env_file(link).level == Level.FAIL
    monkeypatch.setattr(doctor.os, "getuid", lambda: 12345)
    assert "another user" in doctor.check_env_file(path).message


@pytest.mark.parametrize(("free", "level"), [(5e9, "ok"), (5e8, "warn"), (1e6, "fail")])
def test_room_on_the_disk_is_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: float, level: str
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    assert doctor.check_folder(tmp_path / "absent" / "autoforge.db").level == level


def test_folder_that_is_a_file_fails(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    assert doctor.check_folder(tmp_path / "data" / "autoforge.db").level == Level.FAIL


@on_sqlite
def test_write_test_leaves_nothing_behind(container: Container) -> None:
    assert doctor.check_write(container.database).level == Level.OK
    connection = sqlite3.connect(container.database.path)
    assert connection.execute("SELECT * FROM sqlite_master WHERE name LIKE 'doctor%'").fetchall() == []
    connection.close()


@on_sqlite
def test_write_that_fails_is_a_finding(container: Container) -> None:
    holder = sqlite3.connect(container.database.path)
    holder.execute("CREATE TABLE doctor_was_here (id)")
    holder.close()
    found = doctor.check_write(container.database)
    assert (found.level, "already exists" in found.message) == (Level.FAIL, True)
