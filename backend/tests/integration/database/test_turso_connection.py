"""Which database it is, and how it is opened."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError

from src.core.config.settings.base import Settings, SettingsError, get_settings, load_settings
from src.infrastructure.prompt.models.prompt_model import PromptModel
from src.infrastructure.shared.database.local_sqlite import EngineRole
from src.infrastructure.shared.database.turso_connection import (
    TursoConnection,
    get_db_session,
    get_turso_connection,
)
from tests.backends import on_libsql, on_sqlite

A_TOKEN = "e30.e30.sig"
PROMPT = {"title": "t", "content": "c", "user_id": "u", "status": "draft"}


def ping(database: TursoConnection) -> None:
    with database.engine(EngineRole.READ).connect() as connection:
        connection.exec_driver_sql("SELECT 1")


@pytest.fixture
def of_the_environment(
    database: TursoConnection, migrated_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TursoConnection]:
    """The migrated database, as the one that the environment names."""
    monkeypatch.setenv("DATABASE_URL", database.get_connection_url())
    if token := migrated_settings.turso_auth_token:
        monkeypatch.setenv("TURSO_AUTH_TOKEN", token.get_secret_value())
    get_settings.cache_clear()
    get_turso_connection.cache_clear()
    yield get_turso_connection()
    get_turso_connection().dispose()
    get_settings.cache_clear()
    get_turso_connection.cache_clear()


@on_sqlite
def test_url_of_a_local_file_is_absolute_and_fits_sqlalchemy(database: TursoConnection) -> None:
    assert database.is_local
    assert database.get_connection_url() == f"sqlite:///{database.path}"
    assert create_engine(database.get_connection_url()).url.database == str(database.path)


@pytest.mark.parametrize(
    ("setting", "url"),
    [
        ("libsql://db-org.turso.io", "libsql://db-org.turso.io"),
        ("https://db-org.turso.io/", "libsql://db-org.turso.io"),
        ("wss://db-org.turso.io", "libsql://db-org.turso.io"),
        ("http://127.0.0.1:8080/", "libsql://127.0.0.1:8080?tls=0"),
        ("libsql://127.0.0.1:8080?tls=0", "libsql://127.0.0.1:8080?tls=0"),
    ],
)
@pytest.mark.parametrize("name", ["turso_database_url", "database_url"])
def test_remote_database_has_one_form_that_sqlalchemy_takes(name: str, setting: str, url: str) -> None:
    settings = load_settings(app_env="staging", turso_auth_token=A_TOKEN, **{name: setting})
    remote = TursoConnection(settings)

    assert (remote.is_local, remote.get_connection_url()) == (False, url)
    assert create_engine(url).dialect.name == "sqlite"


@pytest.mark.parametrize(
    "setting", ["http://db-org.turso.io", "libsql://db-org.turso.io?tls=0", "libsql://db-org.turso.io/name"]
)
def test_address_that_cannot_be_used_is_an_error_in_words(setting: str) -> None:
    settings = load_settings(app_env="staging", turso_auth_token=A_TOKEN, turso_database_url=setting)

    with pytest.raises(SettingsError, match="TURSO_DATABASE_URL: "):
        ping(TursoConnection(settings))


@on_libsql
def test_token_is_not_in_what_is_shown_of_an_engine(
    database: TursoConnection, migrated_settings: Settings
) -> None:
    token = migrated_settings.turso_auth_token
    assert token is not None
    engine = database.engine(EngineRole.READ)

    shown = f"{engine!r} {engine.url!r} {engine.pool!r} {database.get_connection_url()} {vars(database)!r}"

    assert token.get_secret_value() not in shown


def test_engine_of_a_role_is_made_once(database: TursoConnection) -> None:
    engines = {role: database.engine(role) for role in EngineRole}

    assert len({id(engine) for engine in engines.values()}) == len(EngineRole)
    assert all(database.engine(role) is engine for role, engine in engines.items())


def test_folder_of_the_file_is_made(tmp_path: Path) -> None:
    database = TursoConnection(load_settings(database_url=f"sqlite:///{tmp_path}/a/b/x.db"))

    ping(database)
    database.dispose()

    assert (tmp_path / "a" / "b" / "x.db").exists()


def test_ping_tells_that_the_file_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "x.db").mkdir()
    database = TursoConnection(load_settings(database_url=f"sqlite:///{tmp_path}/x.db"))

    with pytest.raises(OperationalError):
        ping(database)
    database.dispose()


def test_disposed_connection_can_be_used_again(database: TursoConnection) -> None:
    ping(database)
    database.dispose()

    ping(database)


def test_synchronous_setting_reaches_the_file(tmp_path: Path) -> None:
    settings = load_settings(database_url=f"sqlite:///{tmp_path}/x.db", sqlite_synchronous="FULL")
    database = TursoConnection(settings)

    with database.write_transaction() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
    database.dispose()


def test_write_session_keeps_what_it_commits_and_no_more(database: TursoConnection) -> None:
    with database.write_session() as session:
        session.add(PromptModel(**PROMPT, name="kept"))
        session.commit()
        session.add(PromptModel(**PROMPT, name="forgotten"))
        session.flush()

    with database.read_sessions()() as session:
        assert [row.name for row in session.query(PromptModel)] == ["kept"]


def test_failure_in_a_write_gives_the_turn_back(database: TursoConnection) -> None:
    with pytest.raises(ZeroDivisionError), database.write_transaction():
        raise ZeroDivisionError

    with database.write_transaction() as connection:
        connection.exec_driver_sql("DELETE FROM prompts")


def test_guides_first_check_works(of_the_environment: TursoConnection) -> None:
    """`next(get_db_session())` drops its generator at once, and the session must survive that."""
    session = next(get_db_session())
    session.add(PromptModel(**PROMPT))
    session.commit()

    assert [row.title for row in session.query(PromptModel).all()] == ["t"]
    session.close()


def test_session_of_the_guide_is_closed_at_the_end_of_its_loop(of_the_environment: TursoConnection) -> None:
    for session in get_db_session():
        session.add(PromptModel(**PROMPT))

    assert not session.in_transaction()
    with of_the_environment.read_sessions()() as reading:
        assert reading.query(PromptModel).all() == []


def test_connection_of_the_environment_is_one(of_the_environment: TursoConnection) -> None:
    assert get_turso_connection() is of_the_environment
