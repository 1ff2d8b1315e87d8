"""Cold start, idle memory, the help page, and the size of the environment."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import database
from benchmarks.machine import Window
from benchmarks.plan import Plan, say
from benchmarks.processes import (
    BACKEND,
    LAUNCHER,
    Memory,
    application,
    free_port,
    limit,
    memory,
    run_to_end,
    server,
    workplace,
)
from benchmarks.results import Results

IDLE_SECONDS = 3
_BARE_SERVER = "FastAPI + SQLAlchemy engine"

Command = Callable[[int, Path], list[str]]  # of a port and a database


def measure(plan: Plan, results: Results) -> None:
    with workplace() as folder:
        path = database.migrated(folder / "start.db")
        env = application(path)
        _first_answers(plan, results, folder, path, env)
        _help(plan, results, folder, env)
        _environment(plan, results, folder)


def _first_answers(plan: Plan, results: Results, folder: Path, path: Path, env: dict[str, str]) -> None:
    say("start: warming up")  # compiles what is not compiled yet, and fills the page cache
    _first_answer(_up, folder, path, env)
    _first_answer(_bare, folder, path, env)
    ours: list[tuple[float, float]] = []
    bare: list[tuple[float, float]] = []
    noise = []
    for count in range(plan.start_rounds):
        say(f"start: to the first answer, round {count + 1} of {plan.start_rounds}")
        with Window() as window:
            ours.append(_first_answer(_up, folder, path, env))
            bare.append(_first_answer(_bare, folder, path, env))
        noise.append(window.noise)
    what = "autoforge up, migrated database"
    for place, (key, metric) in enumerate(
        (("first_answer", "s to first 200"), ("cpu", "CPU s to first 200"))
    ):
        results.add(
            f"start.{key}",
            what,
            metric,
            [figures[place] for figures in ours],
            [figures[place] for figures in bare],
            limit_is=_BARE_SERVER,
            noise=noise,
        )
    say("start: idle memory")
    with Window() as window:
        idle, bare_idle = _idle(_up, folder, path, env), _idle(_bare, folder, path, env)
    for key, metric, mine, least in (
        ("idle_rss", "MiB RSS idle", idle.rss_mib, bare_idle.rss_mib),
        ("idle_pss", "MiB PSS idle", idle.pss_mib, bare_idle.pss_mib),
    ):
        results.add(
            f"start.{key}", what, metric, [mine], [least], limit_is=_BARE_SERVER, noise=[window.noise]
        )


def _help(plan: Plan, results: Results, folder: Path, env: dict[str, str]) -> None:
    say(f"start: the help page, {plan.help_rounds} rounds")
    commands = {
        "ours": [str(LAUNCHER), "--help"],
        "typer": [*limit("bare_help"), "--help"],
        "python": [sys.executable, "-c", "pass"],
    }
    taken: dict[str, list[float]] = {name: [] for name in commands}
    with Window() as window:
        for _ in range(plan.help_rounds + 1):
            for name, command in commands.items():
                taken[name].append(run_to_end(command, folder=folder, env=env).wall_seconds)
    ours, typer, python = (figures[1:] for figures in taken.values())  # the first round only warms up
    noise = [window.noise]
    what = "autoforge --help"
    results.add("start.help", what, "s", ours, typer, limit_is="Typer with one command", noise=noise)
    results.add("start.help_python", what, "s", ours, python, limit_is="python -c pass", noise=noise)


def _environment(plan: Plan, results: Results, folder: Path) -> None:
    venv = plan.runtime_venv or _runtime_venv()
    with Window() as window:
        if venv is None and plan.builds_environment:
            say("start: building an environment from the runtime lock")
            venv = folder / "venv"
            python = f"PYTHON={sys.executable}"
            make = ["make", "-C", str(BACKEND.parent), "environment-run", f"VENV={venv}", python]
            run_to_end(make, folder=folder, timeout_seconds=600)
    if venv is None:
        results.notes.append("environment: not measured; --full builds one, --runtime-venv names one")
        return
    size = _size_mb(venv)
    what = "environment without development tools"
    results.add("start.environment", what, "MB", [size], None, limit_is="", noise=[window.noise])


def _first_answer(command: Command, folder: Path, path: Path, env: dict[str, str]) -> tuple[float, float]:
    """Wall and CPU seconds from before the process exists to its first healthy answer."""
    port = free_port()
    with server(command(port, path), port=port, folder=folder, env=env) as started:
        return started.seconds_to_answer, started.cpu_seconds_to_answer


def _idle(command: Command, folder: Path, path: Path, env: dict[str, str]) -> Memory:
    port = free_port()
    with server(command(port, path), port=port, folder=folder, env=env) as started:
        time.sleep(IDLE_SECONDS)
        return memory(started.pid)


def _up(port: int, _path: Path) -> list[str]:
    return [str(LAUNCHER), "up", "--host", "127.0.0.1", "--port", str(port)]


def _bare(port: int, path: Path) -> list[str]:
    return limit("bare_server", port, path)


def _runtime_venv() -> Path | None:
    """An environment of this clone in which only the runtime lock was installed, by its Makefile's notes."""
    for state in BACKEND.glob(".venv*/.autoforge"):
        lines = state.read_text().splitlines()
        kinds = {line.partition(" ")[0] for line in lines[1:]}
        if "run" in kinds and "dev" not in kinds:
            return state.parent
    return None


def _size_mb(folder: Path) -> float:
    """What the files take on the disk, in 10^6 bytes; links count as links, a file with two names once."""
    blocks = {}
    for found in folder.rglob("*"):
        status = found.lstat()
        blocks[status.st_dev, status.st_ino] = status.st_blocks
    return sum(blocks.values()) * 512 / 1e6
