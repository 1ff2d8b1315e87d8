"""`autoforge db shell` and `db ping`."""

import json
import os
import re
import select
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from src.core.config.settings.base import BACKEND_DIR
from tests.backends import on_sqlite
from tests.integration.cli.harness import Cli

try:
    import pty
except ImportError:  # Windows
    pty = None  # type: ignore[assignment]


@pytest.fixture
def filled(cli: Cli) -> Cli:
    cli.done("prompt", "create", "--title", "日本", "--content", "Hi {{user}}")
    return cli


def test_rows_are_a_table(filled: Cli) -> None:
    said = filled.done("db", "shell", "-c", "SELECT title, version, description, x'00ff' AS b FROM prompts")

    assert said.out.splitlines() == [
        "title  version  description  b",
        "日本         1  NULL         x'00ff'",
    ]


def test_rows_are_json_for_machines(filled: Cli) -> None:
    said = filled.done(
        "db", "shell", "--json", "-c", "SELECT title, NULL AS n, 1.5 AS f, x'00ff' AS b FROM prompts"
    )

    assert said.json == {
        "columns": ["title", "n", "f", "b"],
        "rows": [["日本", None, 1.5, {"base64": "AP8="}]],
        "changed": None,
    }


def test_statements_come_from_standard_input(filled: Cli) -> None:
    script = "SELECT 1 AS a; -- one\nSELECT ';' AS b;\n"

    said = filled.done("db", "shell", stdin=script)

    assert said.out.split() == ["a", "1", "b", ";"]
    assert filled.done("db", "shell", stdin="").out == ""


def test_reading_is_all_that_is_allowed(filled: Cli) -> None:
    said = filled.refused("db", "shell", "-c", "DELETE FROM prompts", code=2)

    assert "start the shell with --write" in said
    assert len(filled.done("prompt", "list", "--json").json["items"]) == 1


def test_writing_is_possible_when_it_is_asked_for(filled: Cli) -> None:
    said = filled.done("db", "shell", "--write", "-c", "UPDATE prompts SET title = 'new'")

    assert (said.out, said.err) == ("", "1 row changed.\n")
    assert filled.done("prompt", "list", "--json").json["items"][0]["title"] == "new"


def test_mistake_ends_a_script(filled: Cli) -> None:
    outcome = filled("db", "shell", "-c", "SELECT 1 AS a; SELECT nope; SELECT 2 AS b")

    assert (outcome.code, outcome.out.split()) == (1, ["a", "1"])
    assert outcome.err == "Error: no such column: nope\n"


def test_rows_beyond_the_limit_are_told_of(filled: Cli) -> None:
    said = filled.done("db", "shell", "--limit", "2", "-c", "VALUES (1), (2), (3)")

    assert said.out.splitlines()[1:] == ["      1", "      2"]
    assert said.err == "There are more rows than these 2; see more with --limit.\n"


def test_texts_cannot_command_the_terminal(filled: Cli) -> None:
    said = filled.done("db", "shell", "-c", "SELECT char(27) || '[2J' AS x")

    assert "\x1b" not in said.out
    assert "\\x1b[2J" in said.out


@on_sqlite
def test_changing_production_takes_its_name(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TURSO_DATABASE_URL", "libsql://ours-acme.turso.example")
    monkeypatch.setenv("TURSO_AUTH_TOKEN", "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9.eyJhIjoicncifQ.c3RyYW5nZXI")
    words = ("db", "shell", "--env", "production", "--write", "-c", "DELETE FROM prompts")

    assert "--yes --database ours-acme" in cli(*words).err
    assert cli(*words, "--yes").code == 3
    assert cli(*words, "--yes", "--database", "other").code == 2


@on_sqlite
@pytest.mark.skipif(pty is None, reason="there are no pseudo-terminals here")
def test_person_types_at_a_prompt(filled: Cli, database_file: Path) -> None:
    typed = [
        "SELECT title,",
        "  version FROM prompts;",
        "nonsense;",
        "SELECT nope;",
        ".tables",
        ".schema alembic_version",
        ".help",
        "SELECT 1; SELECT 2 AS last;",
        ".quit",
    ]

    said, code = at_a_terminal(["db", "shell"], typed, database_file)

    assert code == 0
    assert "autoforge.db> " in said
    assert re.search(r"\.\.\.> ", said)
    assert re.search(r"日本 +1", said)
    assert "'nonsense' is not known to only read" in said
    assert "Error: no such column: nope" in said
    assert re.search(r"prompts +table", said)
    assert "CREATE TABLE alembic_version" in said
    assert "the SQL that made them" in said
    assert "last" in said


@on_sqlite
@pytest.mark.skipif(pty is None, reason="there are no pseudo-terminals here")
def test_prompt_shows_an_open_transaction(filled: Cli, database_file: Path) -> None:
    typed = ["BEGIN;", "DELETE FROM prompts;", "ROLLBACK;", "SELECT count(*) FROM prompts;", "\x04"]

    said, code = at_a_terminal(["db", "shell", "--write"], typed, database_file)

    assert code == 0
    assert "autoforge.db*> " in said
    assert "1 row changed." in said
    assert filled.done("db", "shell", "-c", "SELECT count(*) AS n FROM prompts").out.split() == ["n", "1"]


@on_sqlite
@pytest.mark.skipif(pty is None, reason="there are no pseudo-terminals here")
@pytest.mark.parametrize("options", [[], ["--write"]])
def test_ctrl_c_ends_what_is_running_and_not_the_shell(
    filled: Cli, database_file: Path, options: list[str]
) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n;"

    said, code = at_a_terminal(
        ["db", "shell", *options], [f"{endless}\n\x03", "SELECT 6 * 7;", ".quit"], database_file
    )

    assert code == 0
    assert "42" in said


# The first thing that a new session opens becomes its terminal, and Ctrl-C there a signal.
_TAKES_TERMINAL = """
import os, sys
os.open(sys.argv[1], os.O_RDWR)
from src.cli import main
main(sys.argv[2:])
"""
_PATIENCE_SECONDS = 60


def at_a_terminal(words: list[str], typed: list[str], file: Path) -> tuple[str, int]:
    """What the terminal shows, and the exit code. A line is typed when the prompt for it is there."""
    ours, theirs = pty.openpty()
    environment = {
        **os.environ,
        "PYTHONPATH": str(BACKEND_DIR),
        "DATABASE_URL": f"sqlite:///{file}",
        "TERM": "dumb",
    }
    with subprocess.Popen(
        [sys.executable, "-c", _TAKES_TERMINAL, os.ttyname(theirs), *words],
        cwd=BACKEND_DIR,
        env=environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        try:
            said = _converse(ours, typed)
            process.wait(timeout=_PATIENCE_SECONDS)
        finally:
            process.kill()  # it would wait for more to be typed, and we for it
            os.close(ours)
    return said, process.returncode


def _converse(terminal: int, typed: list[str]) -> str:
    said = ""
    for before, line in pairwise(["", *typed]):
        begin = len(said)
        while not re.search(r"> $", said[begin:]):
            # A Ctrl-C that comes just before Python begins to read goes unnoticed: one presses it again.
            if "\x03" in before and not select.select([terminal], [], [], 3)[0]:
                os.write(terminal, b"\x03")
            said += (piece := _read(terminal))
            assert piece, f"it ended before a prompt came:\n{said}"
        text, control, _ = line.partition("\x03") if "\x03" in line else (line, "", "")
        os.write(terminal, (text if text == "\x04" else text.rstrip("\n") + "\n").encode())
        if control:  # when the line is there, as its echo tells
            while text.rstrip("\n")[-20:] not in said[begin:]:
                said += (piece := _read(terminal))
                assert piece, f"it ended before its echo came:\n{said}"
            os.write(terminal, control.encode())
    while piece := _read(terminal):
        said += piece
    return said


def _read(terminal: int) -> str:
    """What comes next; nothing at the end."""
    if not select.select([terminal], [], [], _PATIENCE_SECONDS)[0]:
        pytest.fail("the terminal stays silent")
    try:
        return os.read(terminal, 4096).decode("utf-8", "replace")
    except OSError:  # Linux says so when the other end is closed
        return ""


# --- ping -------------------------------------------------------------------------------------------------------------


def test_ping_tells_times_and_versions(cli: Cli, backend: str) -> None:
    said = cli.done("db", "ping", "--count", "3").out
    found = cli.done("db", "ping", "--json").json

    assert re.search(
        r"^Round trip +[\d.]+ / [\d.]+ / [\d.]+ ms \(least, median, most of 3\)$", said, re.MULTILINE
    )
    assert re.search(r"^Foreign keys +enforced$", said, re.MULTILINE)
    assert ("Server" in said) == (backend == "libsql")
    assert found["count"] == 10
    assert found["min_ms"] <= found["median_ms"] <= found["max_ms"]
    assert json.dumps(found["server"]).startswith('"sqld' if backend == "libsql" else "null")


def test_ping_of_nothing_is_told(fresh_cli: Cli, database_file: Path) -> None:
    assert f"There is no database at {database_file}" in fresh_cli.refused("db", "ping", code=1)
    assert not database_file.exists()
