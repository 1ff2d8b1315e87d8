"""Several processes on one database: two at once, and one that is killed half-way. On both backends."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from src.core.config.settings.base import BACKEND_DIR, Settings
from src.infrastructure.shared.database.turso_connection import TursoConnection
from tests.integration.operations.migrations.databases import rows_and_schema, token_of
from tests.integration.operations.migrations.revisions import HEAD, Scripts

PATIENCE_SECONDS = 60
Start = Callable[..., "subprocess.Popen[str]"]


def half_way(signal: Path, go_on: Path) -> str:
    """A migration that does much, says so by the file `signal`, and does the rest when the file `go_on` is there."""
    return f"""
        from pathlib import Path
        from time import sleep
        with op.batch_alter_table("prompts", recreate="always"):
            pass
        op.execute("UPDATE prompts SET title = 'changed'")
        op.execute("DELETE FROM test_results")
        Path({str(signal)!r}).touch()
        while not Path({str(go_on)!r}).exists():
            sleep(0.02)
            op.execute("SELECT 1")  # libSQL ends a transaction that rests for 10 s
    """


@pytest.fixture
def start(filled_settings: Settings, scripts: Scripts) -> Iterator[Start]:
    """Starts processes that migrate the database with `scripts`."""
    processes: list[subprocess.Popen[str]] = []

    def start(*options: str) -> "subprocess.Popen[str]":
        module = f"{__package__}.migrating_process"
        command = [
            sys.executable,
            "-m",
            module,
            filled_settings.database_url,
            "--versions",
            str(scripts.folder),
            *options,
        ]
        environment = {**os.environ, "TURSO_AUTH_TOKEN": token_of(filled_settings)}
        pipe = subprocess.PIPE
        processes.append(
            subprocess.Popen(
                command, cwd=BACKEND_DIR, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True
            )
        )
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def wait_for(path: Path, process: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_of_two_runners_one_migrates_and_the_other_says_why_it_waits(
    filled: TursoConnection, scripts: Scripts, start: Start, tmp_path: Path
) -> None:
    signal, go_on = tmp_path / "signal", tmp_path / "go-on"
    scripts.write(half_way(signal, go_on), declared='may_lose_rows = ("test_results",)')

    first = start()
    wait_for(signal, first)
    leaving = start("--no-wait")
    said_on_leaving = leaving.communicate(timeout=PATIENCE_SECONDS)[1]
    second = start()
    assert second.stderr is not None
    said = second.stderr.readline()
    go_on.touch()
    done = [json.loads(process.communicate(timeout=PATIENCE_SECONDS)[0]) for process in (first, second)]

    holder = f"process {first.pid} on "
    assert said.startswith(f"Waiting for {holder}")
    assert said.endswith(f"(upgrade from {HEAD} to 9001), which is migrating the database.\n")
    assert (leaving.returncode, said_on_leaving.count("\n")) == (1, 1)
    assert said_on_leaving.startswith(f"The database is being migrated by {holder}")
    assert (done, first.returncode, second.returncode) == ([["9001"], []], 0, 0)
    assert rows_and_schema(filled)[0] == "9001"


def test_run_after_one_that_was_killed_half_way_finds_it_out_and_does_the_work(
    filled: TursoConnection, scripts: Scripts, start: Start, tmp_path: Path
) -> None:
    signal, go_on = tmp_path / "signal", tmp_path / "go-on"
    migrations = scripts.write(half_way(signal, go_on), declared='may_lose_rows = ("test_results",)')
    _, schema, rows = rows_and_schema(filled)

    first = start("--lease-seconds", "2")
    wait_for(signal, first)
    first.kill()
    first.communicate()

    assert rows_and_schema(filled) == (HEAD, schema, rows)
    assert str(migrations.holder()).startswith(f"process {first.pid} on ")
    go_on.touch()
    second = start("--lease-seconds", "2")
    applied, said = second.communicate(timeout=PATIENCE_SECONDS)

    assert second.returncode == 0, said
    assert json.loads(applied) == ["9001"]
    assert f"Taking over from process {first.pid} on " in said
    assert (
        f"which ended before it was done. Its open transaction was undone: the database is at {HEAD}" in said
    )
    revision, schema_after, rows_after = rows_and_schema(filled)
    assert (revision, schema_after, rows_after["test_results"]) == ("9001", schema, [])
    assert len(rows_after["prompts"]) == len(rows["prompts"])
    assert migrations.holder() is None
