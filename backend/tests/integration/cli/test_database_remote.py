"""`autoforge db` on a database behind a server: what it asks before it changes something, and what it does."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from sqlalchemy import inspect, text

from src.bootstrap import Container
from src.core.config.settings.base import BACKEND_DIR, AppEnv, load_settings
from src.infrastructure.shared.database.local_sqlite import EngineRole
from tests.env_values import sound_values
from tests.integration.cli.harness import Cli, Outcome
from tests.integration.operations.migrations.revisions import HEAD
from tests.libsql_server import LibsqlServer

try:
    import pty
except ImportError:  # Windows
    pty = None  # type: ignore[assignment]


class RemoteCli:
    """The command line with an empty database behind a server. Whatever it says, it never says the token."""

    def __init__(self, cli: Cli, server: LibsqlServer, token: str) -> None:
        self._cli, self._token, self.name = cli, token, f"127.0.0.1:{server.port}"

    def __call__(self, *words: str) -> Outcome:
        outcome = self._cli(*words)
        assert self._token not in outcome.out + outcome.err
        return outcome

    def done(self, *words: str) -> Outcome:
        outcome = self(*words)
        assert outcome.code == 0, outcome.err
        return outcome


@pytest.fixture
def server(libsql_database: LibsqlServer) -> LibsqlServer:
    return libsql_database


@pytest.fixture
def remote(fresh_cli: Cli, server: LibsqlServer, monkeypatch: pytest.MonkeyPatch) -> RemoteCli:
    token = server.token()
    monkeypatch.setenv("TURSO_DATABASE_URL", server.http_url)
    monkeypatch.setenv("TURSO_AUTH_TOKEN", token)
    return RemoteCli(fresh_cli, server, token)


@pytest.fixture
def container(remote: RemoteCli) -> Iterator[Container]:
    container = Container(load_settings(app_env=AppEnv.STAGING))
    yield container
    container.close()


def tables(container: Container) -> list[str]:
    with container.database.engine(EngineRole.READ).connect() as connection:
        return inspect(connection).get_table_names()


# --- consent ----------------------------------------------------------------------------------------------------------


def test_staging_is_migrated_with_yes_only(remote: RemoteCli, container: Container) -> None:
    refused = remote("db", "upgrade", "--env", "staging")

    assert (refused.code, refused.out, tables(container)) == (3, "", [])
    assert refused.err.startswith(
        f"{remote.name} (staging), {remote.name}\n  nothing → {HEAD}: 0001 Initial schema"
    )
    assert refused.err.endswith("Nothing was changed; repeat with --yes to do it.\n")

    done = remote.done("db", "upgrade", "--env", "staging", "--yes", "--json").json

    assert [found["id"] for found in done["applied"]] == [HEAD]
    assert (done["current"], done["backup"]) == (HEAD, None)
    assert (
        remote.done("db", "upgrade", "--env", "staging").out == f"Nothing to do: the database is at {HEAD}.\n"
    )


def test_production_is_migrated_with_its_name_only(remote: RemoteCli, container: Container) -> None:
    unnamed = remote("db", "upgrade", "--env", "production", "--yes")
    misnamed = remote("db", "upgrade", "--env", "production", "--yes", "--database", "staging")

    assert (unnamed.code, misnamed.code, tables(container)) == (3, 2, [])
    assert f"repeat with --yes --database {remote.name} to do it" in unnamed.err
    assert f"--database 'staging': this one is {remote.name}. Nothing was changed." in misnamed.err

    remote.done("db", "upgrade", "--env", "production", "--yes", "--database", remote.name)

    assert "prompts" in tables(container)


@pytest.mark.skipif(pty is None, reason="there are no pseudo-terminals here")
@pytest.mark.parametrize("is_named", [True, False])
def test_person_at_a_terminal_types_the_name(
    remote: RemoteCli, server: LibsqlServer, container: Container, is_named: bool
) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "src.cli", "db", "upgrade", "--env", "production"]
    environment = {**os.environ, "PYTHONPATH": str(BACKEND_DIR)}
    with subprocess.Popen(
        command, cwd=BACKEND_DIR, env=environment, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs
    ) as process:
        os.close(theirs)
        said = b""
        while b"to go on" not in said:
            said += os.read(ours, 1000)
        os.write(ours, (remote.name if is_named else "production").encode() + b"\n")
        process.communicate(timeout=60)
    os.close(ours)

    assert f"Type {remote.name} to go on" in said.decode()
    assert process.returncode == (0 if is_named else 3)
    assert ("prompts" in tables(container)) == is_named


def test_dry_run_asks_nothing_and_changes_nothing(remote: RemoteCli, container: Container) -> None:
    dry = remote.done("db", "upgrade", "--env", "production", "--dry-run", "--json").json

    assert ([found["id"] for found in dry["pending"]], dry["applied"]) == ([HEAD], [])
    assert tables(container) == []


def test_server_that_does_not_answer_is_an_outage(remote: RemoteCli, server: LibsqlServer) -> None:
    server.stop()

    for words in (("status",), ("upgrade", "--yes"), ("check",), ("history",), ("stamp", "head", "--yes")):
        refused = remote("db", *words, "--env", "staging")
        assert (refused.code, refused.out) == (4, ""), words
        assert "The database cannot be asked now" in refused.err


# --- never on the side ------------------------------------------------------------------------------------------------


def test_remote_database_is_never_migrated_on_the_side(
    remote: RemoteCli, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL")  # a SQLite file, with which no server of staging starts
    for name, value in sound_values(AppEnv.STAGING).items():
        if not name.startswith("TURSO_"):  # whose values are those of the server
            monkeypatch.setenv(name, value)

    for words in (("prompt", "list"), ("up", "--port", "0")):
        refused = remote(*words)
        assert (refused.code, refused.out) == (1, "")
        assert "has no tables of ours. Run: autoforge db upgrade --env staging" in refused.err
    assert tables(container) == []


# --- which environment ------------------------------------------------------------------------------------------------


def test_option_wins_over_the_process_and_says_so(remote: RemoteCli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_ENV", "staging")
    monkeypatch.delenv("TURSO_DATABASE_URL")
    monkeypatch.delenv("TURSO_AUTH_TOKEN")

    refused = remote("db", "status", "--env", "production")

    assert refused.err.splitlines()[0] == "APP_ENV is staging here; --env production wins."
    assert (refused.code, "The database of APP_ENV=production cannot be used" in refused.err) == (
        1,
        True,
    )


def test_database_of_another_environment_is_never_taken_for_the_chosen_one(
    remote: RemoteCli, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APP_ENV", "production")

    refused = remote("db", "upgrade", "--env", "staging", "--yes")

    assert refused.code == 1
    assert (
        "APP_ENV=production is set here together with TURSO_DATABASE_URL and TURSO_AUTH_TOKEN" in refused.err
    )
    assert tables(container) == []


# --- the other verbs --------------------------------------------------------------------------------------------------


@pytest.fixture
def migrated(remote: RemoteCli) -> RemoteCli:
    remote.done("db", "upgrade", "--env", "staging", "--yes")
    return remote


def test_status_tells_who_migrates(migrated: RemoteCli, container: Container) -> None:
    quiet = migrated.done("db", "status", "--env", "staging", "--json").json
    with container.migrations.locked("upgrade from here to there", notice=print, wait=True):
        busy = migrated.done("db", "status", "--env", "staging", "--json").json["migrating"]
        shown = migrated.done("db", "status", "--env", "staging").out

    assert (quiet["app_env"], quiet["database"], quiet["migrating"]) == ("staging", migrated.name, None)
    assert "(upgrade from here to there)" in busy["who"]
    assert busy["is_over"] is False
    assert busy["who"] in shown


def test_beginning_is_refused_whatever_is_said(migrated: RemoteCli, container: Container) -> None:
    for env in ("staging", "production"):
        refused = migrated("db", "downgrade", "base", "--env", env, "--yes", "--database", migrated.name)
        assert (refused.code, refused.out) == (1, "")
        assert "Going back to the beginning would drop every table" in refused.err
    assert "prompts" in tables(container)


def test_check_finds_what_was_changed_by_hand(migrated: RemoteCli, container: Container) -> None:
    assert "No drift" in migrated.done("db", "check", "--env", "staging").out
    with container.database.engine(EngineRole.WRITE).begin() as connection:
        connection.execute(text("ALTER TABLE prompts ADD COLUMN by_hand TEXT"))

    found = migrated("db", "check", "--env", "staging", "--json")
    shown = migrated("db", "check", "--env", "staging")

    assert (found.code, found.json["live"]) == (1, ["+ column prompts.by_hand TEXT"])
    assert (shown.code, "Somebody changed it by hand" in shown.out) == (1, True)


def test_stamp_takes_the_same_consent_as_a_migration(migrated: RemoteCli, container: Container) -> None:
    with container.database.engine(EngineRole.WRITE).begin() as connection:
        connection.execute(text("DROP TABLE alembic_version"))

    unnamed = migrated("db", "stamp", "head", "--env", "production", "--yes")
    done = migrated.done("db", "stamp", "head", "--env", "production", "--yes", "--database", migrated.name)

    assert unnamed.code == 3
    assert done.out == f"The schema is that of {HEAD}, and the database says so now.\n"


def test_history_tells_what_the_database_has(remote: RemoteCli) -> None:
    before = remote.done("db", "history", "--env", "staging", "--json").json
    remote.done("db", "upgrade", "--env", "staging", "--yes")
    after = remote.done("db", "history", "--env", "staging", "--json").json

    assert [found["state"] for found in before if found["id"] == HEAD] == ["pending"]
    assert [found["state"] for found in after if found["id"] == HEAD] == ["current"]
    assert "current" in remote.done("db", "history", "--env", "staging").out
