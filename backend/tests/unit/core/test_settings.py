from pathlib import Path

import pytest
from pydantic import ValidationError

from src.core.config.settings.base import (
    BACKEND_DIR,
    AppEnv,
    SettingsError,
    get_settings,
    load_settings,
    old_names_in_use,
    read_env_files,
)
from src.infrastructure.shared.database.turso_connection import TursoConnection

TURSO = "libsql://db-org.turso.io"
VALUE = "hunter2-and-more"


def write(folder: Path, name: str, *lines: str) -> None:
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


# --- where values come from -------------------------------------------------------------------------------------------


def test_local_environment_works_without_any_setting(folder: Path) -> None:
    settings = load_settings()

    assert (settings.app_env, settings.is_local, settings.port) == (AppEnv.LOCAL, True, 8000)
    assert settings.database_url == "sqlite:///./data/autoforge_dev.db"
    assert settings.cors_origins == ("http://localhost:3000", "http://127.0.0.1:3000")
    assert (settings.redis_cache_ttl, settings.jwt_access_token_expire_minutes) == (3600, 30)


@pytest.mark.parametrize(
    ("app_env", "found"),
    [
        ("local", (True, "DEBUG", "127.0.0.1", False, 30, "AutoForgeNexus-Backend-Dev")),
        ("staging", (False, "INFO", "0.0.0.0", True, 30, "AutoForgeNexus-Backend-Staging")),
        ("production", (False, "WARNING", "0.0.0.0", True, 15, "AutoForgeNexus-Backend-Production")),
    ],
)
@pytest.mark.parametrize("source", ["file", "environment", "argument"])
def test_each_environment_has_defaults_of_its_own(
    folder: Path, monkeypatch: pytest.MonkeyPatch, app_env: str, found: tuple[object, ...], source: str
) -> None:
    if source == "file":
        write(folder, ".env", f"APP_ENV={app_env}")
    elif source == "environment":
        monkeypatch.setenv("APP_ENV", app_env)

    settings = load_settings(app_env=app_env) if source == "argument" else load_settings()

    assert found == (
        settings.debug,
        settings.log_level,
        settings.host,
        settings.redis_tls,
        settings.jwt_access_token_expire_minutes,
        settings.app_name,
    )


def test_default_of_an_environment_gives_way_to_any_value(folder: Path) -> None:
    write(folder, ".env.production", "LOG_LEVEL=ERROR")

    assert load_settings(app_env="production").log_level == "ERROR"


def test_later_sources_win(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, ".env", "APP_NAME=common", "LOG_LEVEL=ERROR", "PORT=1001", "REDIS_DB=1")
    write(folder, ".env.local", "APP_NAME=local", "PORT=1002", "REDIS_DB=2")
    monkeypatch.setenv("PORT", "1003")
    monkeypatch.setenv("REDIS_DB", "3")

    settings = load_settings(redis_db=4)

    found = (settings.log_level, settings.app_name, settings.port, settings.redis_db)
    assert found == ("ERROR", "local", 1003, 4)


def test_environment_decides_which_file_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, ".env.local", "APP_NAME=local")
    write(folder, ".env.staging", "APP_NAME=staging", f"TURSO_DATABASE_URL={TURSO}")
    monkeypatch.setenv("APP_ENV", "staging")

    assert load_settings().app_name == "staging"


def test_common_file_may_name_the_environment(folder: Path) -> None:
    write(folder, ".env", "APP_ENV=production")
    write(folder, ".env.production", f"TURSO_DATABASE_URL={TURSO}")

    assert load_settings().app_env is AppEnv.PRODUCTION


@pytest.mark.parametrize("value", ["", '""'])
def test_empty_value_counts_as_unset_in_a_file(folder: Path, value: str) -> None:
    write(folder, ".env", "PORT=1001", "OPENAI_API_KEY=key")
    write(folder, ".env.local", f"PORT={value}", f"OPENAI_API_KEY={value}")

    settings = load_settings()

    assert settings.port == 1001
    assert settings.require_secret("OPENAI_API_KEY") == "key"


def test_empty_value_counts_as_unset_in_the_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, ".env.local", "PORT=1002")
    monkeypatch.setenv("PORT", "")
    monkeypatch.setenv("APP_ENV", "")
    monkeypatch.setenv("JWT_SECRET_KEY", "")

    settings = load_settings()

    assert (settings.port, settings.app_env, settings.jwt_secret_key) == (1002, AppEnv.LOCAL, None)


def test_reference_in_a_file_is_not_filled_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTHER", "filled")
    write(folder, ".env", "A=${OTHER}", "B=${UNSET}", 'C="$OTHER"')

    assert read_env_files(folder) == {"A": "${OTHER}", "B": "${UNSET}", "C": "$OTHER"}


def test_values_with_blanks_quotes_and_hashes_survive(folder: Path) -> None:
    write(folder, ".env", "A='two words # no comment'", "B=\"日本 '語'\"", "C=plain # a comment")

    assert read_env_files(folder) == {"A": "two words # no comment", "B": "日本 '語'", "C": "plain"}


@pytest.mark.parametrize(
    ("alias", "field"),
    [
        ("TURSO_STAGING_DATABASE_URL", "turso_database_url"),
        ("TURSO_STAGING_AUTH_TOKEN", "turso_auth_token"),
        ("CLERK_PUBLIC_KEY", "clerk_publishable_key"),
    ],
)
@pytest.mark.parametrize("source", ["file", "environment"])
def test_old_names_are_accepted(
    folder: Path, monkeypatch: pytest.MonkeyPatch, alias: str, field: str, source: str
) -> None:
    if source == "file":
        write(folder, ".env.local", f"{alias}={TURSO}")
    else:
        monkeypatch.setenv(alias, TURSO)

    found = getattr(load_settings(), field)

    assert (found.get_secret_value() if field == "turso_auth_token" else found) == TURSO


def test_old_name_that_says_something_else_than_the_new_one_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, ".env.local", "TURSO_DATABASE_URL=libsql://file")
    monkeypatch.setenv("TURSO_STAGING_DATABASE_URL", "libsql://environment")

    with pytest.raises(SettingsError, match="remove TURSO_STAGING_DATABASE_URL") as caught:
        load_settings()

    assert "libsql://" not in str(caught.value)


def test_old_name_that_says_the_same_as_the_new_one_is_accepted(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, ".env.local", "CLERK_PUBLIC_KEY=pk", "CLERK_PUBLISHABLE_KEY=pk")

    assert load_settings().clerk_publishable_key == "pk"


def test_old_name_of_staging_is_refused_in_production(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TURSO_STAGING_AUTH_TOKEN", VALUE)

    with pytest.raises(SettingsError, match="TURSO_STAGING_AUTH_TOKEN is of staging") as caught:
        load_settings(app_env="production")

    assert VALUE not in str(caught.value)


@pytest.mark.parametrize("source", ["file", "environment"])
def test_old_names_in_use_are_told_with_their_new_ones(
    folder: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    if source == "file":
        write(folder, ".env.local", "CLERK_PUBLIC_KEY=pk\nTURSO_DATABASE_URL=libsql://host")
    else:
        monkeypatch.setenv("CLERK_PUBLIC_KEY", "pk")

    assert old_names_in_use() == {"CLERK_PUBLIC_KEY": "CLERK_PUBLISHABLE_KEY"}


def test_file_that_is_no_text_is_named(folder: Path) -> None:
    (folder / ".env.local").write_bytes(b"OPENAI_API_KEY=\xff" + VALUE.encode())

    with pytest.raises(SettingsError, match=r"\.env\.local is no text in UTF-8") as caught:
        load_settings()

    assert VALUE not in str(caught.value)


def test_unknown_variables_are_nobodys_business(folder: Path) -> None:
    write(folder, ".env", "SOMETHING_ELSE=1")

    assert not hasattr(load_settings(), "something_else")


def test_settings_of_the_process_are_read_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    get_settings.cache_clear()
    first = get_settings()
    monkeypatch.setenv("PORT", "1003")

    assert get_settings() is first
    get_settings.cache_clear()


# --- lists ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "origins"),
    [
        ("https://a.example", ("https://a.example",)),
        ("https://a.example, https://b.example ,", ("https://a.example", "https://b.example")),
        (" , ", ()),
    ],
)
def test_lists_are_separated_by_commas(
    folder: Path, monkeypatch: pytest.MonkeyPatch, written: str, origins: tuple[str, ...]
) -> None:
    monkeypatch.setenv("CORS_ORIGINS", written)
    write(folder, ".env.local", f'LLM_BASE_URLS="{written}"')

    settings = load_settings()

    assert (settings.cors_origins, settings.llm_base_urls) == (origins, origins)


# --- wrong values -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", VALUE),
        ("PORT", "70000"),
        ("LOG_LEVEL", VALUE),
        ("DEBUG", VALUE),
        ("APP_ENV", VALUE),
        ("SQLITE_SYNCHRONOUS", VALUE),
        ("REDIS_CACHE_TTL", "0"),
        ("JWT_ALGORITHM", VALUE),
        ("MAX_BODY_BYTES", "-1"),
        ("DATABASE_URL", f"libsql://host?authToken={VALUE}"),
        ("TURSO_DATABASE_URL", f"libsql://:{VALUE}@host"),
    ],
)
@pytest.mark.parametrize("source", ["file", "environment"])
def test_wrong_value_is_an_error_that_names_the_variable_and_never_the_value(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, source: str
) -> None:
    if source == "file":
        write(folder, ".env", f"{name}={value}")
    else:
        monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError) as caught:
        load_settings()

    assert f"\n  {name}: " in str(caught.value)
    assert value not in str(caught.value)
    assert value not in repr(caught.value.__context__)


def test_all_wrong_values_are_told_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "x")
    monkeypatch.setenv("DEBUG", "x")

    with pytest.raises(SettingsError, match=r"(?s)DEBUG: .*PORT: "):
        load_settings()


def test_settings_do_not_change(folder: Path) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load_settings().port = 1  # type: ignore[misc]


# --- databases --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        f"libsql://host?authToken={VALUE}",
        f"libsql://host?auth_token={VALUE}",
        f"libsql://host?tls=0&jwt={VALUE}",
        f"libsql://host?PASSWORD={VALUE}",
        f"libsql://user:{VALUE}@host",
        f"libsql://{VALUE}@host",
    ],
)
@pytest.mark.parametrize("name", ["DATABASE_URL", "TURSO_DATABASE_URL"])
def test_token_in_a_url_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, url: str
) -> None:
    monkeypatch.setenv(name, url)

    with pytest.raises(SettingsError, match=f"{name}: .*put it into TURSO_AUTH_TOKEN") as caught:
        load_settings()

    assert VALUE not in str(caught.value)


def test_relative_file_lies_under_backend_whatever_the_working_directory(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)

    database = TursoConnection(load_settings())

    assert database.path == BACKEND_DIR / "data" / "autoforge_dev.db"
    assert Path(__file__).is_relative_to(BACKEND_DIR)
    assert not (folder / "data").exists()
