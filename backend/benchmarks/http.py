"""Reads, lists and writes over HTTP, at 10,000 prompts with three versions each."""

import http.client
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import database
from benchmarks.load import COUNTER, Load, Request, generate
from benchmarks.machine import Window
from benchmarks.plan import Plan, say
from benchmarks.processes import (
    LAUNCHER,
    BenchError,
    Server,
    application,
    cpu_seconds,
    free_port,
    limit,
    run_to_end,
    server,
    workplace,
)
from benchmarks.results import Results

_PROMPTS = "/api/v1/prompts"
_LIST = f"{_PROMPTS}?limit=50"
_BARE_ASGI = "plain ASGI, same bytes"
_BARE_SQLITE = "sqlite3, a commit each"
_BY_SERVER = {"date", "server", "content-length", "connection", "transfer-encoding"}


@dataclass(frozen=True, slots=True)
class Workload:
    """`fresh` names the prompts of round n: each round of writes to one prompt begins with a short history."""

    key: str
    what: str
    clients: int
    method: str
    fresh: Callable[[int], list[str]]
    on_list: bool = False

    def request(self, number: int) -> Request:
        if self.on_list:
            return Request("GET", [_LIST])
        if self.method == "GET":
            return Request("GET", [f"{_PROMPTS}/{prompt}" for prompt in self.fresh(number)])
        body = json.dumps({"content": f"{COUNTER}\n{database.text(0, 'new')}"}, ensure_ascii=False)
        return Request("POST", [f"{_PROMPTS}/{prompt}/versions" for prompt in self.fresh(number)], body)


@dataclass(frozen=True, slots=True)
class Round:
    load: Load
    cpu_us: float


_METRICS: list[tuple[str, str, Callable[[Round], float]]] = [
    ("rate", "requests/s", lambda taken: taken.load.rate),
    ("p50", "ms p50", lambda taken: taken.load.p50_ms),
    ("p99", "ms p99", lambda taken: taken.load.p99_ms),
    ("cpu", "µs CPU/request", lambda taken: taken.cpu_us),
]


def measure(plan: Plan, results: Results) -> None:
    with workplace() as folder:
        say(f"http: making {plan.prompts:,} prompts of {database.VERSIONS_EACH} versions")
        path = database.migrated(folder / "http.db")
        ids = database.fill(path, plan.prompts)
        bare_path = database.copy(path, folder / "bare.db")
        up = [str(LAUNCHER), "up", "--host", "127.0.0.1", "--port"]
        port, bare_port = free_port(), free_port()
        with server([*up, str(port)], port=port, folder=folder, env=application(path)) as ours:
            answers = folder / "answers.json"
            answers.write_text(json.dumps(_answers(port, ids[0]), ensure_ascii=False), encoding="utf-8")
            bare = limit("bare_asgi", bare_port, answers)
            with server(bare, port=bare_port, folder=folder) as least:
                bench = _Bench(plan, results, folder, ours, least, path, bare_path)
                for workload in _workloads(ids):
                    bench.measure(workload)
            results.notes.append(f"http: {bench.answered:,} requests to ours, {bench.errors:,} errors")
            if broken := database.gaps(path):
                results.faults.append(f"http: {broken} prompts have a gap in their history")


def _workloads(ids: list[str]) -> list[Workload]:
    every = lambda _number: ids  # noqa: E731
    one = lambda number: [ids[number]]  # noqa: E731
    spread = "any of all prompts"
    found = [
        Workload("get.one.c1", "get a prompt, 1 client", 1, "GET", one),
        Workload("get.one.c16", "get a prompt, 16 clients", 16, "GET", one),
        Workload("get.spread.c16", f"get {spread}, 16 clients", 16, "GET", every),
        Workload("list.c1", "list page of 50, 1 client", 1, "GET", every, on_list=True),
        Workload("list.c16", "list page of 50, 16 clients", 16, "GET", every, on_list=True),
    ]
    for clients, who in ((1, "1 writer"), (8, "8 writers")):
        own = lambda number, first=100 * clients: [ids[first + number]]  # noqa: E731
        found.append(
            Workload(f"create.one.c{clients}", f"add versions to one prompt, {who}", clients, "POST", own)
        )
    for clients, who in ((1, "1 writer"), (8, "8 writers")):
        what = f"add versions to {spread}, {who}"
        found.append(Workload(f"create.spread.c{clients}", what, clients, "POST", every))
    return found


@dataclass(slots=True)
class _Bench:
    plan: Plan
    results: Results
    folder: Path
    ours: Server
    bare: Server
    path: Path
    bare_path: Path
    answered: int = 0
    errors: int = 0

    def measure(self, workload: Workload) -> None:
        ours, bare, sqlite, noise = [], [], [], []
        for number in range(self.plan.http_rounds):
            say(f"http: {workload.what}, round {number + 1} of {self.plan.http_rounds}")
            with Window() as window:
                ours.append(self._round(self.ours, workload, number, counts=True))
                bare.append(self._round(self.bare, workload, number, counts=False))
                if workload.method == "POST":
                    sqlite.append(self._sqlite(workload.fresh(number)))
            noise.append(window.noise)
        key, what = f"http.{workload.key}", workload.what
        for name, metric, of in _METRICS:
            mine, least = list(map(of, ours)), list(map(of, bare))
            self.results.add(f"{key}.{name}", what, metric, mine, least, limit_is=_BARE_ASGI, noise=noise)
            if name == "rate" and sqlite:
                commits = [load.rate for load in sqlite]
                self.results.add(
                    f"{key}.sqlite", what, metric, mine, commits, limit_is=_BARE_SQLITE, noise=noise
                )

    def _round(self, target: Server, workload: Workload, number: int, *, counts: bool) -> Round:
        is_write = counts and workload.method == "POST"
        stored = database.version_count(self.path) if is_write else 0
        used = cpu_seconds(target.pid)
        load = generate(
            self.plan.generator,
            target.port,
            workload.request(number),
            clients=workload.clients,
            seconds=self.plan.seconds,
            series=f"{workload.key}-{number}",
            folder=self.folder,
        )
        taken = Round(load, (cpu_seconds(target.pid) - used) / load.requests * 1e6)
        where = f"http: {workload.what}, {'ours' if counts else 'limit'}, round {number + 1}"
        if counts:
            self.answered += load.requests
            self.errors += load.errors
        if load.errors:
            self.results.faults.append(f"{where}: {load.errors} errors in {load.requests} requests")
        if is_write:
            added = database.version_count(self.path) - stored
            # What was under way when the time was up is stored, though nobody waited for the answer.
            if not load.requests <= added <= load.requests + workload.clients:
                self.results.faults.append(f"{where}: {load.requests} acknowledged, {added} stored")
        return taken

    def _sqlite(self, ids: list[str]) -> Load:
        chosen = self.folder / "ids"
        chosen.write_text("\n".join(ids))
        command = limit("bare_sqlite", self.bare_path, chosen, self.plan.seconds)
        return Load(**json.loads(run_to_end(command, folder=self.folder).output))


def _answers(port: int, prompt: str) -> dict[str, dict[str, object]]:
    """One answer of each kind, looked at: the bare server will send the same bytes."""
    body = json.dumps({"content": database.text(0, "first")}, ensure_ascii=False).encode()
    asked = {
        "get": ("GET", f"{_PROMPTS}/{prompt}", None, 200),
        "list": ("GET", _LIST, None, 200),
        "create": ("POST", f"{_PROMPTS}/{prompt}/versions", body, 201),
    }
    answers: dict[str, dict[str, object]] = {}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    for kind, (method, path, sent, expected) in asked.items():
        connection.request(method, path, sent, {"Content-Type": "application/json"} if sent else {})
        answer = connection.getresponse()
        text = answer.read().decode()
        if answer.status != expected or (kind == "list" and len(json.loads(text)["items"]) != 50):
            raise BenchError(f"{method} {path} answered {answer.status}: {text[:300]}")
        headers = [
            (name.lower(), value) for name, value in answer.getheaders() if name.lower() not in _BY_SERVER
        ]
        headers.append(("content-length", str(len(text.encode()))))
        answers[kind] = {"status": answer.status, "headers": headers, "body": text}
    connection.close()
    return answers
