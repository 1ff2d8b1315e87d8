"""`make dev-turso`: the application on a real libSQL server of this machine."""

import http.client
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

BACKEND = Path(__file__).parents[2]
SCRIPT = """
import sys
from pathlib import Path
from tools.dev_turso import main
sys.exit(main(["--port", "0", "--json"], folder=Path(sys.argv[1])))
"""


@contextmanager
def dev_turso(folder: Path) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """The address that the application serves at, and the process that started all."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(BACKEND),
        "HOST": "127.0.0.1",
        "JWT_SECRET_KEY": "a secret of this test",  # else `up` writes one to backend/.env.local
    }
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(folder)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        served = next((line for line in process.stdout if line.startswith('{"url"')), None)
        assert served is not None, process.stderr and process.stderr.read()
        yield json.loads(served)["url"], process
    finally:
        process.terminate()
        process.communicate(timeout=30)


def prompts(url: str) -> list[str]:
    with urllib.request.urlopen(f"{url}/api/v1/prompts") as answer:
        return [item["name"] for item in json.load(answer)["items"]]


def command_lines(process: "subprocess.Popen[str]") -> list[list[str]]:
    """What anybody on this machine can read of the process and of those that it started."""
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    family = {process.pid}
    for _generation in range(4):
        family |= {child for child, parent in parents.items() if parent in family}
    return [Path(f"/proc/{pid}/cmdline").read_text().split("\0") for pid in family]


@pytest.mark.usefixtures("libsql_binary")
def test_application_runs_on_a_libsql_server_and_finds_its_rows_the_next_time(tmp_path: Path) -> None:
    body = json.dumps({"name": "kept", "title": "Kept", "content": "Hi {{user}}"}).encode()
    with dev_turso(tmp_path) as (url, process):
        assert prompts(url) == []
        request = urllib.request.Request(
            f"{url}/api/v1/prompts", body, {"Content-Type": "application/json"}, method="POST"
        )
        assert urllib.request.urlopen(request).status == 201
        seen = command_lines(process)

    assert process.returncode == 0
    assert "eyJ" not in str(seen)  # the token
    [server] = [words for words in seen if "--http-listen-addr" in words]
    address = server[server.index("--http-listen-addr") + 1]
    connection = http.client.HTTPConnection(address, timeout=5)
    with pytest.raises(ConnectionRefusedError):
        connection.request("GET", "/health")
    with dev_turso(tmp_path) as (url, _process):
        assert prompts(url) == ["kept"]
