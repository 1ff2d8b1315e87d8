from pathlib import Path

import pytest

from src.core.config.settings.catalogue import Setting, all_settings
from src.core.config.settings.declaration import AppEnv, Home
from src.operations.env_files.showing import Compared, Shown, compare, show, visible

LOCAL, STAGING, PRODUCTION = AppEnv.LOCAL, AppEnv.STAGING, AppEnv.PRODUCTION


def shown(folder: Path, env: AppEnv = LOCAL, **process: str) -> dict[str, Shown]:
    return {row.name: row for row in show(env, folder, process)}


def test_each_setting_is_shown_with_where_its_value_comes_from(folder: Path) -> None:
    (folder / ".env").write_text("PORT=1\nHOST=h\nAPP_NAME=mine\n")
    (folder / ".env.local").write_text("HOST=i\nAPP_NAME=\n")

    found = shown(folder, LOG_LEVEL="ERROR")

    assert found["PORT"] == Shown("PORT", "1", ".env")
    assert found["HOST"] == Shown("HOST", "i", ".env.local")
    assert found["APP_NAME"] == Shown("APP_NAME", "mine", ".env")
    assert found["LOG_LEVEL"] == Shown("LOG_LEVEL", "ERROR", "environment")
    assert found["DEBUG"] == Shown("DEBUG", "true", "default")
    assert found["OPENAI_API_KEY"] == Shown("OPENAI_API_KEY", None, None)


def test_default_is_that_of_the_environment(folder: Path) -> None:
    assert shown(folder, STAGING)["LOG_LEVEL"].value == "INFO"
    assert shown(folder, PRODUCTION)["LOG_LEVEL"].value == "WARNING"


def test_settings_without_a_place_there_are_not_shown_unless_they_are_set(folder: Path) -> None:
    assert "SQLITE_SYNCHRONOUS" not in shown(folder, STAGING)
    assert shown(folder, STAGING, SQLITE_SYNCHRONOUS="FULL")["SQLITE_SYNCHRONOUS"].value == "FULL"


def test_old_name_is_told(folder: Path) -> None:
    (folder / ".env.staging").write_text("TURSO_STAGING_AUTH_TOKEN=x\n")

    found = shown(folder, STAGING)

    assert found["TURSO_AUTH_TOKEN"] == Shown(
        "TURSO_AUTH_TOKEN", "set", ".env.staging", "TURSO_STAGING_AUTH_TOKEN"
    )


def test_name_that_is_no_setting_is_shown_without_its_value(folder: Path) -> None:
    (folder / ".env.local").write_text("OPENAI_APIKEY=sk-secret\n")

    assert shown(folder, NOT_OURS="x")["OPENAI_APIKEY"] == Shown(
        "OPENAI_APIKEY", "set", ".env.local", is_known=False
    )
    assert "NOT_OURS" not in shown(folder, NOT_OURS="x")


@pytest.mark.parametrize("setting", all_settings(), ids=lambda one: one.name)
def test_value_of_a_secret_is_never_visible(setting: Setting) -> None:
    is_kept_secret = setting.is_secret or setting.home is Home.SECRET

    assert (visible(setting, "a value") == "set") == is_kept_secret
    assert visible(setting, "https://user:word@host/path") == "set"
    assert visible(setting, "libsql://host?authToken=eyJ") == "set"
    assert visible(setting, "https://host,https://user:word@[bad") == "set"


def test_environments_are_compared_by_value_and_told_by_source(folder: Path) -> None:
    (folder / ".env.local").write_text("JWT_SECRET_KEY=same\nOPENAI_API_KEY=one\nMINE=x\nPORT=8000\n")
    (folder / ".env.staging").write_text("JWT_SECRET_KEY=same\nOPENAI_API_KEY=other\nREDIS_PASSWORD=x\n")

    found = {row.name: row for row in compare(LOCAL, STAGING, folder)}

    assert found["JWT_SECRET_KEY"] == Compared("JWT_SECRET_KEY", "same", ".env.local", ".env.staging")
    assert found["OPENAI_API_KEY"].result == "different"
    assert found["REDIS_PASSWORD"] == Compared("REDIS_PASSWORD", "only second", None, ".env.staging")
    assert found["MINE"] == Compared("MINE", "only first", ".env.local", None)
    assert found["PORT"] == Compared("PORT", "same", ".env.local", "default")
    assert found["LOG_LEVEL"] == Compared("LOG_LEVEL", "different", "default", "default")
    assert found["DATABASE_URL"] == Compared("DATABASE_URL", "only first", "default", None)
    assert "ANTHROPIC_API_KEY" not in found


def test_comparison_is_not_about_this_process(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "9")

    assert all(row.result == "same" for row in compare(LOCAL, LOCAL, folder))
