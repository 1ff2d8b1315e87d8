"""What stops the start, each with a line of its own, before anything is asked of a database."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from src.core.config.settings.base import SettingsError, load_settings
from src.core.config.settings.database_access import DatabaseAccess, database_access
from tests.builders import NOW
from tests.unit.core.test_auth_token import a_token

TURSO = "libsql://db-org.turso.io"
GOOD = a_token({"a": "rw"})
PAST = a_token({"exp": int((NOW - timedelta(days=1)).timestamp())})
COMING = a_token({"exp": int((NOW + timedelta(days=1)).timestamp())})


def access(**given: Any) -> DatabaseAccess:
    return database_access(load_settings(**given), now=NOW)


def problems(**given: Any) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        access(**given)
    return [line.strip() for line in str(caught.value).splitlines()[1:]]


def test_local_environment_needs_nothing(folder: Path) -> None:
    found = access()

    assert (found.address, found.token, found.is_file) == ("sqlite:///./data/autoforge_dev.db", None, True)


def test_local_environment_uses_its_own_file_even_when_a_remote_database_is_named(folder: Path) -> None:
    assert access(turso_database_url=TURSO, turso_auth_token=PAST).is_file


def test_local_environment_may_use_a_server_of_this_machine_without_a_token(folder: Path) -> None:
    found = access(database_url="libsql://127.0.0.1:8080?tls=0")

    assert (found.is_file, found.token) == (False, None)


@pytest.mark.parametrize("app_env", ["staging", "production"])
@pytest.mark.parametrize("token", [GOOD, COMING])
def test_remote_environment_uses_turso(folder: Path, app_env: str, token: str) -> None:
    found = access(app_env=app_env, turso_database_url=TURSO, turso_auth_token=token)

    assert (found.address, found.is_file) == (TURSO, False)
    assert found.token is not None
    assert found.token.get_secret_value() == token
    assert token not in repr(found)


@pytest.mark.parametrize("app_env", ["staging", "production"])
def test_everything_that_is_missing_is_told_at_once(folder: Path, app_env: str) -> None:
    assert problems(app_env=app_env) == [
        "TURSO_DATABASE_URL is not set. It names the database, as libsql://host.",
        "TURSO_AUTH_TOKEN is not set. Make one: autoforge turso token create",
    ]


@pytest.mark.parametrize("app_env", ["staging", "production"])
@pytest.mark.parametrize("field", ["turso_database_url", "database_url"])
def test_sqlite_is_for_the_local_environment_only(folder: Path, app_env: str, field: str) -> None:
    given: dict[str, Any] = {field: "sqlite:///./data/x.db"}

    line, token = problems(app_env=app_env, **given)

    assert token.startswith("TURSO_AUTH_TOKEN is not set.")
    assert line.startswith(f"{field.upper()} names a SQLite file, which is for APP_ENV=local only.")


@pytest.mark.parametrize(
    ("token", "line"),
    [
        ("${PROD_TURSO_AUTH_TOKEN}", "TURSO_AUTH_TOKEN still holds a placeholder."),
        ("eyJ...", "TURSO_AUTH_TOKEN still holds a placeholder."),
        ("hunter2", "TURSO_AUTH_TOKEN cannot be used: it does not have"),
        (PAST, "TURSO_AUTH_TOKEN expired at 2026-"),
    ],
)
def test_token_that_cannot_work_is_told_and_not_shown(folder: Path, token: str, line: str) -> None:
    [said] = problems(app_env="production", turso_database_url=TURSO, turso_auth_token=token)

    assert said.startswith(line)
    assert token not in said


@pytest.mark.parametrize("url", ["${PROD_TURSO_DATABASE_URL}", "libsql://your-db.turso.io", "<url>"])
def test_placeholder_for_the_address_is_an_error_that_names_it(folder: Path, url: str) -> None:
    with pytest.raises(SettingsError, match=r"TURSO_DATABASE_URL: .*still holds a placeholder"):
        load_settings(app_env="production", turso_database_url=url)


def test_settings_can_be_read_where_no_database_is_named(folder: Path) -> None:
    assert load_settings(app_env="production").database_address is None
