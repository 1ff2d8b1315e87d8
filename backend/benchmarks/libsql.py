"""The remote database: requests, round trips and writers, beside the bare protocol and the published drivers."""

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.machine import Window
from benchmarks.plan import Plan, say
from benchmarks.processes import BenchError, Talker, limit, talker, workplace
from benchmarks.results import Results
from tests.libsql_server import is_installed

DELAY_MS = 10  # each way
ROUND_TRIP = 2 * DELAY_MS / 1000
WRITERS, WRITES_EACH = 32, 10
READERS = 100
_PUBLISHED = "sqlalchemy-libsql==0.2.0"
_BESIDE = {
    "ideal": "its round trips alone",
    "bare": "http.client, same requests",
    "driver": "plain turso-serverless 0.1.0",
    "published": "sqlalchemy-libsql 0.2.0",
}
_WHAT = {
    "read": "read a row",
    "write": "insert a row and commit",
    "bulk": "1,000 rows by executemany and commit",
}
_A_REQUEST_EACH = ("driver", "published")
_TIMES = {"read": 30, "write": 20, "bulk": 3}


def measure(plan: Plan, results: Results) -> None:
    if not is_installed():
        raise BenchError("no libSQL server is installed; `make setup` says why")
    with workplace() as folder, talker(limit("slow_server", DELAY_MS)) as server:
        bench = _Bench(json.loads(server.line()), server, _environment_of_published(plan, folder))
        bench.prepare()
        _operations(plan, results, bench)
        _together(plan, results, bench)


def _operations(plan: Plan, results: Results, bench: "_Bench") -> None:
    for name, what in _WHAT.items():
        found = _rounds(plan, bench, name)
        way = f"{what}, round trip {ROUND_TRIP * 1000:.0f} ms"
        ideal = [count * ROUND_TRIP * 1000 for count in found.requests["bare"]]
        rows = [
            *(("requests", what, "requests", found.requests, kind) for kind in bench.kinds[1:]),
            ("slow", way, "ms p50", {**found.slow, "ideal": ideal}, "ideal"),
            *(("slow", way, "ms p50", found.slow, kind) for kind in bench.kinds[2:]),
            *(("direct", f"{what}, loopback", "ms p50", found.direct, kind) for kind in bench.kinds[1:]),
        ]
        for figure, title, metric, by_kind, kind in rows:
            key, ours, beside = f"libsql.{name}.{figure}", by_kind["ours"], by_kind[kind]
            results.add(key, title, metric, ours, beside, limit_is=_BESIDE[kind], noise=found.noise)


@dataclass(slots=True)
class _Figures:
    """By kind of client, one of each round."""

    slow: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    direct: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    requests: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    noise: list[float] = field(default_factory=list)

    def sample(self, bench: "_Bench", kind: str, name: str, times: int) -> None:
        with bench.client(kind, "direct") as client:
            self.direct[kind].append(median(client(name, times)) * 1000)
        with bench.client(kind, "slow") as client:
            client("read", 1)  # the first makes its connection
            bench.count()
            self.slow[kind].append(median(client(name, times)) * 1000)
            self.requests[kind].append(bench.count() / times)


def _rounds(plan: Plan, bench: "_Bench", name: str) -> _Figures:
    figures = _Figures()
    for number in range(plan.http_rounds):
        say(f"libsql: {_WHAT[name]}, round {number + 1} of {plan.http_rounds}")
        with Window() as window:
            for kind in bench.kinds:
                is_slow = name == "bulk" and kind in _A_REQUEST_EACH
                if number == 0 or not is_slow:  # one of half a minute is enough
                    figures.sample(bench, kind, name, 1 if is_slow else _TIMES[name])
        figures.noise.append(window.noise)
    return figures


def _together(plan: Plan, results: Results, bench: "_Bench") -> None:
    """Without the published dialect, which holds the interpreter while it waits."""
    read, add = f"together read {READERS} 1", f"together add {WRITERS} {WRITES_EACH}"
    total = WRITERS * WRITES_EACH
    for kind in ("bare", "driver"):
        what = f"{READERS} reads at once, round trip {ROUND_TRIP * 1000:.0f} ms"
        ours, other, noise = _both(plan, results, bench, kind, read, "slow")
        results.add("libsql.burst.slow", what, "s", ours, other, limit_is=_BESIDE[kind], noise=noise)
    for kind in ("bare", "driver"):
        before = bench.counter()
        ours, other, noise = _both(plan, results, bench, kind, add, "direct")
        kept, done = bench.counter() - before, (len(ours) + len(other)) * total
        if kept != done and len(other) == len(ours):
            results.faults.append(
                f"libsql: {done - kept} of {done} increments by {WRITERS} writers were lost"
            )
        mine, least = ([total / seconds for seconds in side] for side in (ours, other))
        what, key = f"{WRITERS} writers read, change and commit one row, loopback", "libsql.writers.rate"
        results.add(key, what, "transactions/s", mine, least, limit_is=_BESIDE[kind], noise=noise)


def _both(
    plan: Plan, results: Results, bench: "_Bench", kind: str, line: str, way: str
) -> tuple[list[float], list[float], list[float]]:
    """Seconds of ours and of `kind`, and noise; what others cannot do is a note."""
    ours: list[float] = []
    other: list[float] = []
    noise = []
    for number in range(plan.http_rounds):
        say(f"libsql: {line} beside {kind}, round {number + 1} of {plan.http_rounds}")
        with Window() as window:
            ours += bench.seconds("ours", way, line)
            try:
                other += bench.seconds(kind, way, line)
            except BenchError as exc:
                results.notes.append(f"libsql: {_BESIDE[kind]} did not finish {line!r}: {exc}")
        noise.append(window.noise)
    return ours, other, noise


class _Client:
    def __init__(self, talker: Talker) -> None:
        self._talker = talker

    def __call__(self, *words: object) -> list[float]:
        """The seconds of each time."""
        seconds: list[float] = json.loads(self._talker.ask(" ".join(map(str, words))))
        return seconds


class _Bench:
    """`where` has the ports of the server and its token; `published` is a Python with the published dialect."""

    def __init__(self, where: dict[str, str], server: Talker, published: Path | None) -> None:
        self._where, self._server, self._published = where, server, published
        self.kinds = ["ours", "bare", "driver", *(["published"] if published else [])]

    def prepare(self) -> None:
        with self._session() as execute:
            execute("CREATE TABLE bench (id INTEGER PRIMARY KEY, x TEXT)")
            execute("INSERT INTO bench (x) VALUES ('first')")
            execute("CREATE TABLE counter (n INTEGER)")
            execute("INSERT INTO counter VALUES (0)")

    def counter(self) -> int:
        with self._session() as execute:
            return int(execute("SELECT n FROM counter").scalar_one())

    def seconds(self, kind: str, way: str, line: str) -> list[float]:
        with self.client(kind, way) as client:
            client("read", 1)  # the first makes its connection
            return client(line)

    def count(self) -> int:
        """Requests that came the slow way since it was last asked."""
        return int(json.loads(self._server.ask("count"))["requests"])

    @contextmanager
    def client(self, kind: str, way: str) -> Iterator[_Client]:
        python = str(self._published) if kind == "published" else sys.executable
        command = [python, *limit("libsql_client", kind, self._where[way])[1:]]
        env = {**os.environ, "TURSO_AUTH_TOKEN": self._where["token"]}
        with talker(command, env=env) as process:
            process.line()
            yield _Client(process)

    @contextmanager
    def _session(self) -> Iterator[object]:
        from sqlalchemy import create_engine

        engine = create_engine(
            f"libsql://127.0.0.1:{self._where['direct']}?tls=0",
            connect_args={"auth_token": self._where["token"]},
        )
        with ExitStack() as stack:
            stack.callback(engine.dispose)
            connection = stack.enter_context(engine.begin())
            yield connection.exec_driver_sql


def _environment_of_published(plan: Plan, folder: Path) -> Path | None:
    """A Python with the published dialect, made for this run when it was asked for."""
    if not plan.with_published:
        return None
    say(f"libsql: an environment with {_PUBLISHED}")
    subprocess.run([sys.executable, "-m", "venv", folder / "published"], check=True)
    python = folder / "published" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-qq", "--only-binary", ":all:", _PUBLISHED], check=True)
    return python
