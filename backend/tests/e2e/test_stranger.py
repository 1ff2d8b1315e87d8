"""What somebody does who has just cloned the repository: real processes, a real server, and things going wrong."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from tests.llm_server import FakeLlm

ROOT = Path(__file__).parents[3]
SUITE = "examples/support-triage/suite.yaml"
PATIENCE_SECONDS = 15
CASES = 40


class Autoforge:
    """Starts `autoforge` as the launcher does, in `folder` and on a database of its own."""

    def __init__(self, folder: Path, database: Path) -> None:
        self.folder, self.database = folder, database
        self._started: list[subprocess.Popen[str]] = []
        self._environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT / "backend"),
            "DATABASE_URL": f"sqlite:///{database}",
            "JWT_SECRET_KEY": "a secret of this test",  # else `up` writes one to backend/.env.local
            "APP_ENV": "local",
            "HOST": "127.0.0.1",
            "NO_COLOR": "1",
        }

    def start(self, *words: object) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-c", "from src.cli import main; main()", *map(str, words)],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._started.append(process)
        return process

    def run(self, *words: object, code: int = 0) -> str:
        """What a command printed on stdout, when it ended with `code`."""
        process = self.start(*words)
        out, err = process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == code, err
        return out

    def clean_up(self) -> None:
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.communicate()


@pytest.fixture
def autoforge(tmp_path: Path) -> Iterator[Autoforge]:
    autoforge = Autoforge(ROOT, tmp_path / "autoforge.db")
    yield autoforge
    autoforge.clean_up()


@pytest.fixture
def slow_suite(tmp_path: Path) -> Path:
    """Cases whose answer is their question."""
    (tmp_path / "p.md").write_text("{{word}}", encoding="utf-8")
    cases = "".join(f"w{number},w{number}\n" for number in range(CASES))
    (tmp_path / "cases.csv").write_text(f"word,__expected\n{cases}", encoding="utf-8")
    suite = tmp_path / "slow.yaml"
    suite.write_text("name: slow\nprompt: {file: p.md}\ncases: cases.csv\n", encoding="utf-8")
    return suite


@pytest.fixture
def llm() -> Iterator[FakeLlm]:
    with FakeLlm(latency_seconds=0.1) as server:
        yield server


def test_commands_of_the_readme_lead_to_a_verdict(autoforge: Autoforge, tmp_path: Path) -> None:
    (tmp_path / "prompt.md").write_text("Summarise: {{text}}\n", encoding="utf-8")

    created = autoforge.run("prompt", "create", "--title", "Summary", "--file", tmp_path / "prompt.md")
    first = autoforge.run("eval", "run", SUITE, "--prompt", "examples/support-triage/prompt-v1.md", code=1)
    second = autoforge.run("eval", "run", SUITE)
    compared = autoforge.run("eval", "compare", _id_in(first), _id_in(second))

    assert created == "Created prompt summary, version 1.\n"
    assert "FAIL  59.7 % passed" in first
    assert "PASS  94.4 % passed" in second
    assert "2 broken, 27 fixed" in compared


def test_provider_that_is_down_exits_4(autoforge: Autoforge) -> None:
    down = ("--base-url", "http://127.0.0.1:9/v1", "--model", "m", "--max-attempts", "1")
    assert "Connection refused" in autoforge.run("eval", "run", SUITE, *down, code=4)


def test_killed_run_is_resumed_without_asking_again(
    autoforge: Autoforge, slow_suite: Path, llm: FakeLlm
) -> None:
    killed = autoforge.start(
        "eval", "run", slow_suite, "--base-url", llm.base_url, "--model", "m", "--concurrency", "2"
    )
    _wait_for(lambda: _stored(autoforge.database) >= 5)
    killed.kill()
    killed.wait()
    stored = _stored(autoforge.database)
    evaluation = json.loads(autoforge.run("eval", "list", "--json"))["items"][0]

    assert stored < CASES
    assert evaluation["status"] == "running"
    autoforge.run("eval", "resume", evaluation["id"], code=1)  # its lease has not expired: it may be alive
    _expire_leases(autoforge.database)
    asked = len(llm.requests)
    resumed = json.loads(autoforge.run("eval", "resume", evaluation["id"], "--json"))

    assert (resumed["status"], resumed["metrics"]["passed"]) == ("completed", CASES)
    assert len(llm.requests) - asked == CASES - stored
    with _connected(autoforge.database) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        rows = database.execute("SELECT test_case_name FROM test_results").fetchall()
    assert len(rows) == len(set(rows)) == CASES


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_run_can_be_resumed_at_once(
    autoforge: Autoforge, slow_suite: Path, llm: FakeLlm, number: signal.Signals
) -> None:
    run = autoforge.start(
        "eval", "run", slow_suite, "--base-url", llm.base_url, "--model", "m", "--concurrency", "2"
    )
    _wait_for(lambda: _stored(autoforge.database) >= 3)
    run.send_signal(number)
    out, err = run.communicate(timeout=PATIENCE_SECONDS)

    assert (run.returncode, out) == (130, "")
    resume = err.splitlines()[-1].partition("autoforge ")[2].split()
    assert "PASS  100.0 % passed" in autoforge.run(*resume)
    prompts = [call.prompt for call in llm.requests]
    assert len(prompts) == len(set(prompts)) == CASES


def test_server_starts_answers_and_ends_in_order(autoforge: Autoforge) -> None:
    port = _free_port()
    server = autoforge.start("up", "--port", port)
    _wait_for(lambda: _status(f"http://127.0.0.1:{port}/healthz") == 200)
    assert _status(f"http://127.0.0.1:{port}/readyz") == 200
    assert _status(f"http://127.0.0.1:{port}/docs") == 200

    refused = autoforge.start("up", "--port", port)
    _, said = refused.communicate(timeout=PATIENCE_SECONDS)
    assert (refused.returncode, f"Port {port} of 127.0.0.1 is in use" in said) == (1, True)

    began = time.monotonic()
    server.send_signal(signal.SIGTERM)
    out, err = server.communicate(timeout=PATIENCE_SECONDS)

    assert server.returncode == 0
    assert time.monotonic() - began < 5
    assert out == (
        f"AutoForgeNexus serves http://127.0.0.1:{port} (API and its documentation: http://127.0.0.1:{port}/docs). "
        "Ctrl-C stops it.\n"
    )
    assert err == f"Created database {autoforge.database}\n"


def test_server_stopped_by_ctrl_c_is_a_success(autoforge: Autoforge) -> None:
    port = _free_port()
    server = autoforge.start("up", "--port", port, "--json")
    _wait_for(lambda: _status(f"http://127.0.0.1:{port}/healthz") == 200)
    server.send_signal(signal.SIGINT)
    out, _ = server.communicate(timeout=PATIENCE_SECONDS)
    assert server.returncode == 0
    assert json.loads(out) == {"url": f"http://127.0.0.1:{port}", "docs": f"http://127.0.0.1:{port}/docs"}


def test_reader_that_leaves_early_is_no_error(autoforge: Autoforge) -> None:
    process = autoforge.start("suite", "check", SUITE, "--json")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(timeout=PATIENCE_SECONDS) == 1


def _id_in(summary: str) -> str:
    return summary.split(maxsplit=2)[1].rstrip(",")


def _wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def _status(url: str) -> int:
    with suppress(OSError), urllib.request.urlopen(url, timeout=5) as answer:
        return int(answer.status)
    return 0


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def _connected(database: Path) -> Iterator[sqlite3.Connection]:
    """A connection that is closed at the end of the block, and not only committed."""
    with closing(sqlite3.connect(database, timeout=10)) as connection, connection:
        yield connection


def _stored(database: Path) -> int:
    if not database.exists():
        return 0
    with _connected(database) as connection, suppress(sqlite3.OperationalError):  # not migrated yet
        return int(connection.execute("SELECT count(*) FROM test_results").fetchone()[0])
    return 0


def _expire_leases(database: Path) -> None:
    with _connected(database) as connection:
        connection.execute("UPDATE evaluations SET lease_expires_at = '2020-01-01 00:00:00.000000'")
