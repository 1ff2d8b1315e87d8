"""A whole `autoforge eval run`, from exec to exit, over an endpoint that answers after 50 ms."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import database
from benchmarks.machine import Window
from benchmarks.plan import Plan, say
from benchmarks.processes import (
    LAUNCHER,
    BenchError,
    Finished,
    application,
    free_port,
    limit,
    run_to_end,
    server,
    workplace,
)
from benchmarks.results import Results

CASES = 1_000
ANSWER_SECONDS = 0.05
_BARE_LOOP = "aiohttp loop"
_BARE_LIBRARIES = "our libraries loaded, libcurl loop"
_WARM_UP_CASES = 40
_FLAT_CONCURRENCY = 100
_PROMPT = "Answer this question of a customer in one sentence: {{question}}\n"
_SUITE = """\
name: bench
provider: openai
defaults:
  assertions:
    - {type: contains, value: "{{expected}}"}
cases: cases.jsonl
"""


def measure(plan: Plan, results: Results) -> None:
    with workplace() as folder:
        bench = _Bench(folder, database.migrated(folder / "empty.db"))
        port = free_port()
        with server(limit("stub_model", port, ANSWER_SECONDS), port=port, folder=folder):
            bench.run(port, bench.suite(_WARM_UP_CASES), 20)
            for concurrency in (20, 100):
                _timed(plan, results, bench, port, concurrency)
        if plan.flat_cases:
            _memory(plan.flat_cases, results, bench)
        results.notes.append(
            "evaluation: every run stored one passed result for each case; integrity_check ok"
        )


def _timed(plan: Plan, results: Results, bench: "_Bench", port: int, concurrency: int) -> None:
    suite = bench.suite(CASES)
    ours, bare, loaded, noise = [], [], [], []
    for number in range(plan.evaluation_rounds):
        say(
            f"evaluation: {CASES:,} cases, concurrency {concurrency}, round {number + 1} of {plan.evaluation_rounds}"
        )
        with Window() as window:
            ours.append(bench.run(port, suite, concurrency))
            bare.append(bench.run_bare("bare_calls", port, suite, concurrency))
            loaded.append(bench.run_bare("bare_libraries", port, suite, concurrency))
        noise.append(window.noise)
    ideal = CASES * ANSWER_SECONDS / concurrency
    metrics: list[tuple[str, str, Callable[[Finished], float]]] = [
        ("wall", "s", lambda run: run.wall_seconds),
        ("ideal", f"× ideal {ideal:g} s", lambda run: run.wall_seconds / ideal),
        ("cpu", "ms CPU/case", lambda run: run.cpu_seconds / CASES * 1000),
        ("peak", "MiB peak RSS", lambda run: run.peak_mib),
    ]
    what = f"eval run, {CASES:,} cases of 50 ms, concurrency {concurrency}"
    for name, metric, of in metrics:
        key, mine, least = f"evaluation.c{concurrency}.{name}", list(map(of, ours)), list(map(of, bare))
        results.add(key, what, metric, mine, least, limit_is=_BARE_LOOP, noise=noise)
        if name in ("wall", "cpu"):
            results.add(
                f"{key}.loaded",
                what,
                metric,
                mine,
                list(map(of, loaded)),
                limit_is=_BARE_LIBRARIES,
                noise=noise,
            )


def _memory(cases: int, results: Results, bench: "_Bench") -> None:
    """Ten times the cases must not need more memory."""
    port, fewer = free_port(), cases // 10
    runs, noise = [], []
    with server(limit("stub_model", port, 0), port=port, folder=bench.folder):
        for count in (fewer, cases):
            say(f"evaluation: {count:,} cases without delay, concurrency {_FLAT_CONCURRENCY}")
            with Window() as window:
                seconds = 60 + count * 0.02
                runs.append(bench.run(port, bench.suite(count), _FLAT_CONCURRENCY, timeout_seconds=seconds))
            noise.append(window.noise)
    few, many = runs
    what = f"eval run, {cases:,} cases of 0 ms, concurrency {_FLAT_CONCURRENCY}"
    beside = f"the same with {fewer:,} cases"
    growth = many.peak_mib / few.peak_mib
    for name, metric, mine, least in (
        ("peak", "MiB peak RSS", many.peak_mib, few.peak_mib),
        ("growth", "× peak RSS", growth, None),
        ("rate", "cases/s", cases / many.wall_seconds, fewer / few.wall_seconds),
        ("cpu", "ms CPU/case", many.cpu_seconds / cases * 1000, few.cpu_seconds / fewer * 1000),
    ):
        given = None if least is None else [least]
        results.add(f"evaluation.flat.{name}", what, metric, [mine], given, limit_is=beside, noise=noise)


@dataclass(slots=True)
class _Bench:
    """`empty` is a migrated database; each run gets a copy of it."""

    folder: Path
    empty: Path

    def suite(self, cases: int) -> Path:
        """The folder of a suite with so many cases, and a prompt."""
        folder = self.folder / f"suite-{cases}"
        if folder.exists():
            return folder
        folder.mkdir()
        (folder / "suite.yaml").write_text(_SUITE, encoding="utf-8")
        (folder / "prompt.md").write_text(_PROMPT, encoding="utf-8")
        with (folder / "cases.jsonl").open("w", encoding="utf-8") as file:
            for number in range(cases):
                expected = f"order {number:06}"
                question = f"Where is my {expected}? 注文した商品がまだ届きません。"
                case = {
                    "name": f"case-{number:06}",
                    "variables": {"question": question},
                    "expected": expected,
                }
                file.write(json.dumps(case, ensure_ascii=False) + "\n")
        return folder

    def run(self, port: int, suite: Path, concurrency: int, *, timeout_seconds: float = 120) -> Finished:
        """Raises BenchError when a result is missing or wrong."""
        path = database.copy(self.empty, self.folder / "run.db")
        command = [
            str(LAUNCHER),
            "eval",
            "run",
            str(suite / "suite.yaml"),
            "--prompt",
            str(suite / "prompt.md"),
        ]
        command += ["--base-url", _base_url(port), "--model", "stub", "--concurrency", str(concurrency)]
        env = application(path)
        run = run_to_end(command, folder=self.folder, env=env, timeout_seconds=timeout_seconds)
        database.require_results(path, int(suite.name.rpartition("-")[2]))
        for left in self.folder.glob("run.db*"):
            left.unlink()
        return run

    def run_bare(self, program: str, port: int, suite: Path, concurrency: int) -> Finished:
        command = limit(program, _base_url(port), suite / "cases.jsonl", concurrency)
        run = run_to_end(command, folder=self.folder)
        passed = json.loads(run.output)["passed"]
        if passed != int(suite.name.rpartition("-")[2]):
            raise BenchError(f"{program} got {passed} right answers")
        return run


def _base_url(port: int) -> str:
    return f"http://127.0.0.1:{port}/v1"
