"""`autoforge db backup`, `db restore` and `db plan` as a person and a script meet them."""

import json
import re
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from src.core.config.settings import base
from tests.backends import on_libsql, on_sqlite
from tests.fake_turso_platform import FakeTursoPlatform
from tests.integration.cli.harness import Cli
from tests.integration.operations.migrations.revisions import HEAD
from tests.libsql_server import LibsqlServer


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Backups of a remote database go to a folder of the project; here it is another one."""
    monkeypatch.setattr(base, "BACKEND_DIR", tmp_path)


def titles(cli: Cli) -> list[str]:
    return sorted(prompt["title"] for prompt in cli.done("prompt", "list", "--json").json["items"])


def create(cli: Cli, title: str) -> None:
    cli.done("prompt", "create", "--title", title, "--content", "Hi {{user}}")


# --- backup -----------------------------------------------------------------------------------------------------------


def test_backup_tells_what_it_made(cli: Cli, backend: str) -> None:
    create(cli, "日本")

    said = cli.done("db", "backup", "--reason", "by hand")
    listed = cli.done("db", "backup", "--list").out.splitlines()
    (record,) = cli.done("db", "backup", "--list", "--json").json

    suffix = ".db" if backend == "sqlite" else ".sql.gz"
    assert re.search(rf"^Backup +/.*-{HEAD}{re.escape(suffix)}$", said.out, re.MULTILINE)
    assert re.search(r"^Rows +2 \(prompt_versions 1, prompts 1\)$", said.out, re.MULTILINE)
    assert re.search(r"^Checked +pages, references, rows$", said.out, re.MULTILINE)
    assert listed[0].split() == ["Backup", "Made", "Revision", "Rows", "Size", "Why"]
    assert listed[1].startswith(record["name"])
    assert listed[1].endswith("by hand")
    assert (record["kind"], record["revision"]) == ("file" if backend == "sqlite" else "dump", HEAD)
    assert (record["rows"]["prompts"], record["is_there"]) == (1, True)
    assert stat.S_IMODE(Path(record["path"]).stat().st_mode) == 0o600


def test_backup_for_machines_is_its_record(cli: Cli, tmp_path: Path) -> None:
    made = cli.done("db", "backup", "--json", "--folder", tmp_path / "elsewhere").json

    assert Path(made["path"]).parent == tmp_path / "elsewhere"
    assert cli.done("db", "backup", "--list", "--json", "--folder", tmp_path / "elsewhere").json == [made]
    assert (
        cli.done("db", "backup", "--list").err == "There are no backups yet. Make one: autoforge db backup\n"
    )


def test_backup_whose_file_is_gone_is_marked(cli: Cli) -> None:
    made = cli.done("db", "backup", "--json").json
    Path(made["path"]).unlink()

    assert f"{made['name']} (its file is gone)" in cli.done("db", "backup", "--list").out


@on_libsql
def test_dump_can_be_left_plain(cli: Cli) -> None:
    made = cli.done("db", "backup", "--plain", "--json").json

    assert made["name"].endswith(".sql")
    assert Path(made["path"]).read_text().startswith("PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n")


def test_absent_database_is_not_backed_up(fresh_cli: Cli, database_file: Path) -> None:
    said = fresh_cli.refused("db", "backup", code=1)

    assert said == f"Error: There is no database at {database_file}."
    assert not database_file.parent.exists()


@on_libsql
def test_unreachable_server_is_exit_code_4(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, start_libsql: Callable[..., LibsqlServer]
) -> None:
    gone = start_libsql()
    gone.stop()
    monkeypatch.setenv("DATABASE_URL", gone.url)

    for words in (("db", "backup"), ("db", "ping"), ("db", "plan"), ("db", "shell", "-c", "SELECT 1")):
        said = cli.refused(*words, code=4)
        assert re.search(r"does not answer|cannot be asked", said)


# --- restore ----------------------------------------------------------------------------------------------------------


@on_sqlite
def test_restoring_yesterdays_backup_gives_yesterdays_prompts(cli: Cli, database_file: Path) -> None:
    create(cli, "yesterday")
    backup = cli.done("db", "backup", "--json").json
    create(cli, "today")

    assert "repeat with --yes" in cli.refused("db", "restore", backup["name"], code=3)
    dry = cli.done("db", "restore", backup["name"], "--dry-run")
    assert dry.out.startswith("The backup is sound, and would be restored:\n")
    assert titles(cli) == ["today", "yesterday"]

    done = cli.done("db", "restore", backup["name"], "--yes")

    assert titles(cli) == ["yesterday"]
    assert done.out.startswith(f"Restored {backup['name']}:\n")
    kept = re.search(r"What was there before is kept: (.+)\n", done.err)
    assert kept is not None
    again = cli.done("db", "restore", kept[1], "--yes", "--json").json
    assert again["restored"]
    assert titles(cli) == ["today", "yesterday"]


@on_sqlite
def test_backup_that_is_not_there_is_told_before_anybody_is_asked(cli: Cli) -> None:
    assert "no backup 'nope'" in cli.refused("db", "restore", "nope", code=1)
    assert "There is no file" in cli.refused("db", "restore", "./nope.db", code=1)


@on_sqlite
def test_database_in_use_is_exit_code_1(cli: Cli, database_file: Path) -> None:
    backup = cli.done("db", "backup", "--json").json
    command = ["-m", "tests.integration.operations.backup.holding_process", str(database_file), "reading"]
    with closing(sqlite3.connect(database_file)) as connection:
        connection.execute("CREATE TABLE odd (id)")
    with subprocess.Popen(
        [sys.executable, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        said = cli.refused("db", "restore", backup["name"], "--yes", code=1)
        process.communicate()

    assert f"{database_file} is in use by process {process.pid} (" in said


@on_sqlite
def test_other_commands_go_on_after_a_restore(cli: Cli) -> None:
    backup = cli.done("db", "backup", "--json").json
    cli.done("db", "restore", backup["name"], "--yes")

    create(cli, "after")

    assert cli.done("db", "check").code == 0
    assert titles(cli) == ["after"]


@on_libsql
def test_remote_database_is_not_replaced(cli: Cli) -> None:
    backup = cli.done("db", "backup", "--json").json

    said = cli.refused("db", "restore", backup["name"], "--yes", code=2)

    assert "is remote, and is not replaced. Restore into a new database: --create NAME" in said


def test_backup_goes_into_another_database(
    cli: Cli, start_libsql: Callable[..., LibsqlServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a laptop to a server, and from one server to another."""
    create(cli, "moved")
    backup = cli.done("db", "backup", "--json").json
    new = start_libsql()
    token = cli.write("token", new.token() + "\n")
    into = ("--into", new.http_url, "--token-file", token)

    checked = cli.done("db", "restore", backup["name"], *into, "--dry-run", "--json").json
    done = cli.done("db", "restore", backup["name"], *into)
    twice = cli.refused("db", "restore", backup["name"], *into, code=1)

    assert (checked["restored"], checked["rows"]["prompts"]) == (False, 1)
    assert done.out.startswith(f"Restored {backup['name']} into {new.url}:\n")
    assert "set TURSO_DATABASE_URL and TURSO_AUTH_TOKEN" in done.err
    assert "is not empty" in twice
    assert new.token() not in done.out + done.err + twice
    monkeypatch.setenv("DATABASE_URL", new.url)
    monkeypatch.setenv("TURSO_AUTH_TOKEN", new.token())
    assert titles(cli) == ["moved"]


@on_sqlite
@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--into", "ftp://x"), "names no libSQL server"),
        (("--into", "http://elsewhere.example"), "Plain HTTP would send the token"),
        (("--into", "libsql://x", "--token-file", "nope"), "--token-file: nope cannot be read"),
        (("--into", "libsql://x", "--token-file", "two"), "--token-file: two does not hold one token"),
        (("--into", "libsql://x", "--create", "y"), "--create: --into is given as well"),
        (("--create", "y"), "--save-to: name a file"),
    ],
)
def test_options_that_do_not_fit_are_refused(cli: Cli, options: tuple[str, ...], complaint: str) -> None:
    backup = cli.done("db", "backup", "--json").json
    cli.write("two", "one two")

    outcome = cli("db", "restore", backup["name"], *options)

    assert outcome.code in (1, 2)
    assert complaint in outcome.err


@on_sqlite
def test_backup_goes_into_a_database_that_is_made_for_it(
    cli: Cli, fake_turso: FakeTursoPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TURSO_API_TOKEN", fake_turso.token)
    monkeypatch.setenv("TURSO_API_BASEURL", fake_turso.base_url)
    fake_turso.groups["default"] = "aws-ap-northeast-1"
    create(cli, "to Turso")
    backup = cli.done("db", "backup", "--json").json

    done = cli.done("db", "restore", backup["name"], "--create", "autoforge-new", "--save-to", "new.env")

    made = fake_turso.databases["autoforge-new"]
    assert made.column("SELECT title FROM prompts") == ["to Turso"]
    kept = cli.folder / "new.env"
    assert kept.read_text().splitlines() == [
        f"TURSO_DATABASE_URL={made.url}",
        f"TURSO_AUTH_TOKEN={made.tokens[-1]}",
    ]
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert "They are in new.env." in done.err
    assert [secret for secret in fake_turso.secrets if secret in done.out + done.err] == []


# --- plan -------------------------------------------------------------------------------------------------------------


def test_plan_of_a_current_database_is_short(cli: Cli) -> None:
    assert cli.done("db", "plan").out == f"Nothing to do: the database is at {HEAD}.\n"
    assert cli.done("db", "plan", "--json").json["steps"] == []


@on_sqlite
def test_plan_of_an_older_database_tells_every_step(cli: Cli, database_file: Path) -> None:
    cli.done("db", "downgrade", "base", "--yes")
    before = database_file.read_bytes()

    said = cli.done("db", "plan")
    found = cli.done("db", "plan", "--json").json

    assert re.search(rf"^From, to +nothing → {HEAD}$", said.out, re.MULTILINE)
    assert re.search(r"^Tried on +a copy in a SQLite file, made in \d+ ms$", said.out, re.MULTILINE)
    assert "  + table prompts (" in said.out
    assert "Nothing here destroys or refuses anything." in said.err
    assert [step["id"] for step in found["steps"]] == [revision["id"] for revision in found["pending"]]
    assert found["failure"] is None
    assert database_file.read_bytes() == before


@on_sqlite
def test_plan_that_fails_is_exit_code_1(cli: Cli, database_file: Path) -> None:
    cli.done("db", "downgrade", "base", "--yes")
    with closing(sqlite3.connect(database_file)) as connection:
        connection.execute("CREATE TABLE prompts (id)")  # in the way of the migration

    outcome = cli("db", "plan")

    assert outcome.code == 1
    assert "it fails" in outcome.out
    assert "table prompts already exists" in outcome.out
    assert json.loads(cli("db", "plan", "--json").out)["failure"]


def test_plan_of_an_unknown_revision_is_refused(cli: Cli) -> None:
    assert "no revision 'nope'" in cli.refused("db", "plan", "nope", code=2)
