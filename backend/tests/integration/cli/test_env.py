import json
import stat
from pathlib import Path

import pytest

from src.core.config.settings import base
from src.core.config.settings.declaration import AppEnv
from tests.env_values import RANDOM, sound_values, sources
from tests.integration.cli.env_world import EnvWorld
from tests.integration.cli.harness import Cli

LOCAL, STAGING, PRODUCTION = AppEnv.LOCAL, AppEnv.STAGING, AppEnv.PRODUCTION
TEMPLATE = (base.BACKEND_DIR / ".env.staging.template").read_text(encoding="utf-8")


@pytest.fixture
def world(fresh_cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EnvWorld:
    folder = tmp_path / "backend"
    folder.mkdir()
    monkeypatch.setattr(base, "BACKEND_DIR", folder)
    monkeypatch.delenv("DATABASE_URL")
    (folder / ".env.staging.template").write_text(TEMPLATE, encoding="utf-8")
    return EnvWorld(folder)


@pytest.fixture
def given_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in sources(STAGING).items():
        monkeypatch.setenv(name, value)


def test_init_makes_the_local_file_once(fresh_cli: Cli, world: EnvWorld) -> None:
    planned = fresh_cli.done("env", "init", "--dry-run", "--json").json
    assert (planned["made"], planned["is_new"], planned["dry_run"]) == (["JWT_SECRET_KEY"], True, True)
    assert not (world.folder / ".env.local").exists()

    said = fresh_cli.done("env", "init").out
    before = (world.folder / ".env.local").read_bytes()
    again = fresh_cli.done("env", "init").out

    assert said.startswith("Wrote ")
    assert "with 1 secret: JWT_SECRET_KEY" in said
    assert "was left as it is" in again
    assert (world.folder / ".env.local").read_bytes() == before
    fresh_cli.done("env", "check")


def test_init_adds_what_is_missing(fresh_cli: Cli, world: EnvWorld) -> None:
    world.write(LOCAL, PORT="8001")

    assert "Would add 1 secret to" in fresh_cli.done("env", "init", "--dry-run").out
    assert "Added 1 secret to" in fresh_cli.done("env", "init").out
    assert (world.folder / ".env.local").read_text().startswith("PORT=8001\nJWT_SECRET_KEY=")


@pytest.mark.usefixtures("given_sources")
def test_render_writes_the_file_and_prints_nothing_but_names(fresh_cli: Cli, world: EnvWorld) -> None:
    outcome = fresh_cli.done("env", "render", "--env", "staging")

    assert outcome.out == ""
    assert "Left out OPENAI_API_KEY: STAGING_OPENAI_API_KEY is not set." in outcome.err
    assert "mode 600" in outcome.err
    assert stat.S_IMODE((world.folder / ".env.staging").stat().st_mode) == 0o600
    rows = {
        row["name"]: row for row in fresh_cli.done("env", "show", "--env", "staging", "--json").json["items"]
    }
    assert all(rows[name]["source"] == ".env.staging" for name in sound_values(STAGING))


@pytest.mark.usefixtures("given_sources")
def test_render_check_says_what_it_would_do_and_does_not(fresh_cli: Cli, world: EnvWorld) -> None:
    assert "Would render" in fresh_cli.done("env", "render", "--env", "staging", "--check").err

    found = fresh_cli.done("env", "render", "--env", "staging", "--check", "--json").json

    assert set(sound_values(STAGING)) <= set(found["written"])
    assert found["left_out"]["REDIS_URL"] == "STAGING_REDIS_URL is not set"
    assert not (world.folder / ".env.staging").exists()


@pytest.mark.usefixtures("given_sources")
def test_render_writes_json_for_wrangler(fresh_cli: Cli, world: EnvWorld, tmp_path: Path) -> None:
    output = tmp_path / "secrets.json"

    outcome = fresh_cli.done(
        *("env", "render", "--env", "staging", "--format", "json", "--secrets-only", "--output", output)
    )

    assert outcome.out == ""
    written = json.loads(output.read_text())
    assert written == {name: value for name, value in sound_values(STAGING).items() if name != "APP_ENV"}


def test_render_tells_every_fault_and_leaves_the_old_file(fresh_cli: Cli, world: EnvWorld) -> None:
    file = world.write(STAGING)
    before = file.read_bytes()

    for more in ((), ("--check",)):
        outcome = fresh_cli("env", "render", "--env", "staging", *more)
        assert (outcome.code, outcome.out) == (1, "")
        assert outcome.err.count(" is required, and STAGING_") == len(sound_values(STAGING)) - 1

    assert file.read_bytes() == before


def test_local_has_nothing_to_render(fresh_cli: Cli, world: EnvWorld) -> None:
    assert "autoforge env init" in fresh_cli.refused("env", "render", "--env", "local", code=2)
    assert fresh_cli("env", "render").code == 2


def test_check_is_green_where_nothing_is_wrong(fresh_cli: Cli, world: EnvWorld) -> None:
    assert "Nothing is wrong" in fresh_cli.done("env", "check").out

    world.write(STAGING, TURSO_AUTH_TOKEN="eyJhbGciOiJFZERTQSJ9.eyJhIjoicncifQ.c2ln")
    assert "Nothing is wrong" in fresh_cli.done("env", "check", "--env", "staging").out


def test_check_tells_each_fault_with_its_mend(fresh_cli: Cli, world: EnvWorld) -> None:
    world.write(STAGING, REDIS_PASSWORD=RANDOM[:5], PORT="http", CLERK_PUBLIC_KEY="x").chmod(0o644)

    outcome = fresh_cli("env", "check", "--env", "staging", "--json")
    found = {(fault["kind"], fault["name"]): fault for fault in outcome.json["faults"]}

    assert (outcome.code, outcome.json["healthy"], outcome.json["env"]) == (1, False, "staging")
    assert {("mode", "backend/.env.staging"), ("weak", "REDIS_PASSWORD"), ("invalid", "PORT")} <= set(found)
    assert all(fault["message"] and fault["fix"] for fault in found.values())
    said = fresh_cli("env", "check", "--env", "staging")
    assert said.code == 1
    assert "fail  weak: REDIS_PASSWORD has fewer than 16 characters." in said.out


def test_check_passes_with_warnings_only(fresh_cli: Cli, world: EnvWorld) -> None:
    world.write(LOCAL, COMPOSE_PROJECT_NAME="x")

    outcome = fresh_cli.done("env", "check")

    assert "warn  unknown: COMPOSE_PROJECT_NAME is no setting" in outcome.out
    assert "local: 0 faults, 1 warning." in outcome.out


def test_check_closes_files_when_told_and_mends_nothing_else(fresh_cli: Cli, world: EnvWorld) -> None:
    file = world.write(LOCAL, PORT="http")
    file.chmod(0o644)
    before = file.read_bytes()

    outcome = fresh_cli("env", "check", "--fix", "--json")

    assert [fault["kind"] for fault in outcome.json["faults"]] == ["invalid"]
    assert f"Closed {file} to others" in outcome.err
    assert (stat.S_IMODE(file.stat().st_mode), file.read_bytes()) == (0o600, before)


def test_check_works_where_the_settings_cannot_be_read(
    fresh_cli: Cli, world: EnvWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    (world.folder / ".env.local").write_bytes(b"PORT=http\n\x83\n")
    assert "byte 11 is no UTF-8" in fresh_cli("env", "check").out
    fresh_cli.done("env", "show")

    monkeypatch.setenv("APP_ENV", "stagign")
    assert "APP_ENV is none of local, staging, production" in fresh_cli.refused("env", "check", code=1)
    fresh_cli.done("env", "check", "--env", "production", "--help")


def test_environment_of_the_process_is_checked_when_none_is_named(
    fresh_cli: Cli, world: EnvWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.write(PRODUCTION)
    monkeypatch.setenv("APP_ENV", "production")

    assert fresh_cli("env", "check", "--json").json["env"] == "production"


def test_show_and_diff_tell_of_files_that_are_not_there(fresh_cli: Cli, world: EnvWorld) -> None:
    assert f"{world.folder}/.env.local is not there" in fresh_cli.done("env", "show").err
    assert fresh_cli.done("env", "diff", "staging", "production").err.count("is not there") == 2


def test_diff_tells_results_and_sources(fresh_cli: Cli, world: EnvWorld) -> None:
    world.write(LOCAL, JWT_SECRET_KEY=sound_values(STAGING)["JWT_SECRET_KEY"], OPENAI_API_KEY=RANDOM)
    world.write(STAGING)

    outcome = fresh_cli.done("env", "diff", "local", "staging")
    rows = {
        row["name"]: row for row in fresh_cli.done("env", "diff", "local", "staging", "--json").json["items"]
    }

    assert rows["JWT_SECRET_KEY"]["result"] == "same"
    assert rows["OPENAI_API_KEY"] == {
        "name": "OPENAI_API_KEY",
        "result": "only in local",
        "sources": {"local": ".env.local", "staging": None},
    }
    assert "only in local" in outcome.out


def test_show_tells_value_source_and_old_name(fresh_cli: Cli, world: EnvWorld) -> None:
    world.write(LOCAL, CLERK_PUBLIC_KEY=f"pk_test_{RANDOM}", PORT="8123", STRANGE="x")

    lines = {
        line.split()[0]: line.split(maxsplit=1)[1] for line in fresh_cli.done("env", "show").out.splitlines()
    }

    assert lines["PORT"].split() == ["8123", ".env.local"]
    assert lines["CLERK_PUBLISHABLE_KEY"].split() == ["set", ".env.local,", "as", "CLERK_PUBLIC_KEY"]
    assert "is no setting" in lines["STRANGE"]
