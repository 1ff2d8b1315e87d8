"""`autoforge doctor`: the quick checks, on whatever there is."""

import socket
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from src.core.config.settings import base
from tests.backends import on_sqlite
from tests.integration.cli.harness import Cli, Outcome


@pytest.fixture(autouse=True)
def free_port(monkeypatch: pytest.MonkeyPatch) -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    monkeypatch.setenv("PORT", str(port))
    return port


def levels(outcome: Outcome) -> dict[str, str]:
    return {found["id"]: found["level"] for found in outcome.json["findings"]}


def bad(outcome: Outcome) -> dict[str, str]:
    return {name: level for name, level in levels(outcome).items() if level in ("warn", "fail", "blocked")}


def finding(outcome: Outcome, name: str) -> Any:
    [found] = [found for found in outcome.json["findings"] if found["id"] == name]
    return found


def test_healthy_installation_is_told_in_one_line_for_each_phase(cli: Cli, backend: str) -> None:
    said = cli.done("doctor").out
    found = cli.done("doctor", "--json")

    assert "ok      4-5 Migrations are applied" in said
    assert "All is well: " in said
    assert "migrations.current" not in said
    assert bad(found) == {}
    assert (found.json["env"], found.json["healthy"]) == ("local", True)
    assert found.json["summary"]["fail"] == 0
    assert found.json["database"].startswith("sqlite:" if backend == "sqlite" else "libsql:")
    assert levels(found)["machine.write"] == ("ok" if backend == "sqlite" else "skip")


@on_sqlite
def test_every_check_is_shown_when_all_are_asked_for(cli: Cli) -> None:
    said = cli.done("doctor", "--all").out
    assert "4-5.1" in said
    assert "migrations.current: at 0001, the newest" in said


def test_nothing_is_made_where_nothing_is_yet(fresh_cli: Cli, database_file: Path) -> None:
    found = fresh_cli.done("doctor", "--json")
    assert levels(found)["migrations.current"] == "skip"
    assert list(fresh_cli.folder.iterdir()) == []
    assert not database_file.parent.exists()


@on_sqlite
def test_wrong_settings_are_a_finding_and_hide_nothing_else(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORT", "many")
    found = cli("doctor", "--json")
    assert found.code == 1
    assert [name for name, level in bad(found).items() if level == "fail"] == ["settings.valid"]
    assert "PORT" in finding(found, "settings.valid")["message"]
    assert finding(found, "migrations.current")["message"] == "blocked by settings.valid"
    assert levels(found)["machine.python"] == "ok"
    assert found.json["database"] is None


def test_environment_that_there_is_not_is_a_finding(fresh_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_ENV", "stage")
    found = fresh_cli("doctor", "--json")
    assert (found.code, found.json["env"]) == (1, "local")
    assert "APP_ENV" in finding(found, "settings.valid")["message"]


def test_address_that_names_no_file_is_a_finding(fresh_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "sqlite:///:memory:")
    found = fresh_cli("doctor", "--json")
    assert [name for name, level in bad(found).items() if level == "fail"] == ["turso.url"]
    assert "DATABASE_URL" in finding(found, "turso.url")["fix"]


@on_sqlite
def test_pending_migrations_fail_with_the_command_that_helps(cli: Cli) -> None:
    cli.done("db", "downgrade", "base", "--yes")
    said = cli("doctor")
    assert said.code == 1
    assert "fail    4-5 Migrations are applied" in said.out
    assert "migrations.current: 1 pending" in said.out
    assert "Run: autoforge db upgrade" in said.out
    assert "Something needs mending: " in said.out
    assert "autoforge doctor --fix mends migrations.current." in said.out


@on_sqlite
def test_fix_is_not_promised_for_a_database_that_is_newer(cli: Cli, database_file: Path) -> None:
    with closing(sqlite3.connect(database_file)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0999'")
        connection.commit()
    said = cli("doctor", "--fix")
    assert "Update the software" in said.out
    assert "--fix mends" not in cli("doctor").out
    assert "not mended" not in said.err


@on_sqlite
def test_fix_applies_pending_migrations_to_a_local_file_and_looks_again(cli: Cli) -> None:
    cli.done("db", "downgrade", "base", "--yes")
    mended = cli.done("doctor", "--fix", "--json")
    assert mended.json["mended"] == [
        {"id": "migrations.current", "done": True, "message": "autoforge db upgrade: applied 0001"}
    ]
    assert levels(mended)["migrations.current"] == "ok"
    assert mended.err.strip() == "migrations.current: autoforge db upgrade: applied 0001"
    assert cli.done("doctor", "--fix", "--json").json["mended"] == []


@on_sqlite
def test_file_that_is_no_database_fails(cli: Cli, database_file: Path) -> None:
    database_file.write_bytes(b"this is not a database, it only has its name" * 100)
    found = cli("doctor", "--json")
    assert bad(found) == {
        "machine.write": "fail",
        "migrations.current": "blocked",
        "migrations.unlocked": "blocked",
    }
    assert "names a file that is no SQLite database" in cli.refused("prompt", "list", code=1)


def test_file_that_cannot_be_read_is_a_finding_and_hides_nothing_else(
    fresh_cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "BACKEND_DIR", fresh_cli.folder)
    path = fresh_cli.folder / ".env.local"
    path.write_bytes(b"PORT=\xff\n")
    path.chmod(0o600)
    found = fresh_cli("doctor", "--json")
    assert (found.code, found.json["env"]) == (1, "local")
    assert [name for name, level in bad(found).items() if level == "fail"] == ["env-file.unreadable"]
    assert levels(found)["machine.python"] == "ok"
    assert "as UTF-8" in fresh_cli("doctor").out


def test_mode_is_mended_and_looked_at_again(fresh_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "BACKEND_DIR", fresh_cli.folder)
    path = fresh_cli.folder / ".env.local"
    path.write_text("LOG_LEVEL=INFO\n")
    path.chmod(0o644)
    said = fresh_cli("doctor")
    assert (said.code, "autoforge doctor --fix mends env-file.mode." in said.out) == (1, True)
    assert fresh_cli.done("doctor", "--fix").err.strip() == "env-file.mode: chmod 600 backend/.env.local"
    assert path.stat().st_mode & 0o777 == 0o600


def test_doctor_works_in_a_folder_that_is_gone(fresh_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = fresh_cli.folder / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    found = fresh_cli("doctor", "--json")
    assert [name for name, level in bad(found).items() if level == "fail"] == ["machine.imports"]


def test_what_one_fault_blocks_is_told_in_one_line_for_each_phase(
    fresh_cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORT", "many")
    said = fresh_cli("doctor").out
    assert " checks blocked by settings.valid" in said
    assert "migrations.current" not in said
    assert "migrations.current: blocked by settings.valid" in fresh_cli("doctor", "--all").out


def test_each_thing_to_do_has_a_line_of_its_own(fresh_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.setenv("APP_ENV", "staging")
    lines = [line.strip() for line in fresh_cli("doctor").out.splitlines()]
    assert [line for line in lines if line.startswith("Set STAGING_TURSO_DATABASE_URL (a secret at GitHub")]
    assert [line for line in lines if line.startswith("Set STAGING_JWT_SECRET_KEY (a secret at GitHub")]
