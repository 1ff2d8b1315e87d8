"""What the wrapper around every command makes of errors."""

import errno
import sqlite3
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from src import cli as command_line
from tests.integration.cli.harness import Cli


@pytest.fixture
def failing(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes every command fail with an error, and gives the line that it says."""

    def fail(error: BaseException, *, code: int = 1) -> str:
        def raise_it() -> None:
            raise error

        monkeypatch.setattr(command_line, "_open_container", raise_it)
        return cli.refused("prompt", "list", code=code)

    return fail


@pytest.mark.parametrize(
    ("said", "meaning"),
    [
        ("database or disk is full", "The disk is full"),
        ("database is locked", "keeps the database locked"),
        ("unable to open database file", "Check DATABASE_URL"),
        ("attempt to write a readonly database", "cannot be written"),
        ("database disk image is malformed", "damaged"),
        ("no such table: prompts", "autoforge db upgrade"),
        ("something new", "The database refused (something new). Run: autoforge doctor"),
    ],
)
def test_database_trouble_is_explained(failing: Any, said: str, meaning: str) -> None:
    assert meaning in failing(OperationalError("SELECT 1", {}, sqlite3.OperationalError(said)))


def test_busy_database_is_explained(failing: Any) -> None:
    assert "busy for too long" in failing(PoolTimeoutError("queue"))


def test_system_errors_name_the_file(failing: Any) -> None:
    assert failing(PermissionError(errno.EACCES, "Permission denied", "/x")) == "Error: Permission denied: /x"
    assert failing(OSError("odd")) == "Error: odd"


def test_remote_database_that_is_not_there_is_told_in_words(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "libsql://127.0.0.1:1?tls=0")
    said = cli.refused("prompt", "list", code=4)
    assert "The database cannot be asked now (" in said
    assert "Connection refused" in said


def test_unknown_error_is_called_a_bug_without_a_traceback(failing: Any) -> None:
    line = failing(ZeroDivisionError("oops\nmore"))
    assert line == "Error: Unexpected ZeroDivisionError: oops (a bug; AUTOFORGE_DEBUG=1 shows where)"


def test_traceback_is_shown_on_demand(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOFORGE_DEBUG", "1")
    assert "Traceback" in cli("prompt", "show", "nobody").err


def test_interruption_exits_130(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command_line, "_open_container", interrupt)
    assert cli("prompt", "list").code == 130


def test_settings_that_are_wrong_name_the_variable(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_PORT", "none")
    outcome = cli("prompt", "list")
    assert outcome.code == 1
    assert "REDIS_PORT" in outcome.err
    assert "Traceback" not in outcome.err


@pytest.mark.parametrize(
    "words", [["promt"], ["prompt", "lst"], ["prompt", "list", "--nope"], ["eval", "compare", "a"]]
)
def test_wrong_words_are_usage_errors(cli: Cli, words: list[str]) -> None:
    outcome = cli(*words)
    assert (outcome.code, outcome.out) == (2, "")
    assert "Usage: autoforge" in outcome.err


def test_mistyped_command_gets_a_suggestion(cli: Cli) -> None:
    assert "Did you mean 'prompt'?" in cli("promt").err


def test_help_and_version_need_no_database(fresh_cli: Cli) -> None:
    helped = fresh_cli.done("--help")
    assert "Run a prompt over a suite" in helped.out
    assert "NAME" in fresh_cli.done("prompt", "show", "--help").out
    assert fresh_cli.done("--version").out.startswith("autoforge ")
    assert list(fresh_cli.folder.iterdir()) == []
