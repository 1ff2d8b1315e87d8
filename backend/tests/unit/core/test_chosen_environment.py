"""`--env` reads the files of that environment, and never takes another one's database for it."""

from pathlib import Path

import pytest

from src.core.config.settings.base import AppEnv, SettingsError, load_settings, read_env_files
from src.core.config.settings.chosen import overruled

STAGING, PRODUCTION = "libsql://staging-acme.turso.example", "libsql://production-acme.turso.example"


def write(folder: Path, name: str, *lines: str) -> None:
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_chosen_environment_has_its_own_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, ".env", "APP_NAME=common")
    write(folder, ".env.staging", f"TURSO_DATABASE_URL={STAGING}")
    write(folder, ".env.production", f"TURSO_DATABASE_URL={PRODUCTION}")
    monkeypatch.setenv("APP_ENV", "staging")

    settings = load_settings(app_env=AppEnv.PRODUCTION)

    assert (settings.app_env, settings.database_address) == (AppEnv.PRODUCTION, PRODUCTION)
    assert settings.app_name == "common"
    assert load_settings().database_address == STAGING


def test_process_wins_over_the_file_of_the_chosen_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, ".env.staging", "TURSO_DATABASE_URL=libsql://old.turso.example")
    monkeypatch.setenv("TURSO_DATABASE_URL", STAGING)

    assert load_settings(app_env=AppEnv.STAGING).database_address == STAGING


def test_common_file_of_another_environment_is_left_out(folder: Path) -> None:
    """Its database would be taken for that of the chosen one."""
    write(folder, ".env", "APP_ENV=staging", f"TURSO_DATABASE_URL={STAGING}")

    assert read_env_files(folder, AppEnv.PRODUCTION) == {}
    assert read_env_files(folder, AppEnv.STAGING)["TURSO_DATABASE_URL"] == STAGING
    assert load_settings(app_env=AppEnv.PRODUCTION).database_address is None


@pytest.mark.parametrize("own", [None, "", "production"])
def test_nothing_is_overruled_where_the_process_says_nothing_or_the_same(
    own: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if own is not None:
        monkeypatch.setenv("APP_ENV", own)
    monkeypatch.setenv("TURSO_DATABASE_URL", PRODUCTION)

    assert overruled(AppEnv.PRODUCTION) is None


def test_process_of_another_environment_is_overruled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_ENV", "staging")
    monkeypatch.setenv("DATABASE_URL", "sqlite:///./data/of-local-only.db")

    assert overruled(AppEnv.PRODUCTION) == "staging"


@pytest.mark.parametrize("name", ["TURSO_DATABASE_URL", "turso_auth_token", "DATABASE_URL"])
def test_process_that_names_the_database_of_another_environment_is_refused(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APP_ENV", "production")
    monkeypatch.setenv(name, PRODUCTION)

    with pytest.raises(SettingsError) as refused:
        overruled(AppEnv.STAGING)

    assert f"APP_ENV=production is set here together with {name.upper()}" in str(refused.value)
    assert "APP_ENV=staging" in str(refused.value)
    assert PRODUCTION not in str(refused.value)
