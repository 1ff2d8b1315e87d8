"""Where the figures come from, and how much other processes disturbed them."""

import os
import platform
import sqlite3
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.processes import TICKS_PER_SECOND, all_cpu_seconds

NOISY_CORES = 0.5
_LIBRARIES = (
    "fastapi",
    "starlette",
    "uvicorn",
    "uvloop",
    "httptools",
    "sqlalchemy",
    "pydantic",
    "pycurl",
    "aiohttp",
    "typer",
)


class Window:
    """A stretch of time; afterwards `noise` is how many cores others (and the hypervisor) burned in it on average."""

    def __enter__(self) -> Self:
        self.noise = 0.0
        self._busy, self._ours, self._began = _busy_seconds(), all_cpu_seconds(), time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        seconds = time.perf_counter() - self._began
        others = (_busy_seconds() - self._busy) - (all_cpu_seconds() - self._ours)
        self.noise = max(0.0, others / seconds)


def describe() -> dict[str, str]:
    cpu = _first_value(Path("/proc/cpuinfo"), "model name") or platform.processor() or "unknown"
    memory_kib = (_first_value(Path("/proc/meminfo"), "MemTotal") or "0 kB").split()[0]
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": f"{os.cpu_count()} cores ({len(os.sched_getaffinity(0))} usable), {cpu}, "
        f"{int(memory_kib) / 1024 / 1024:.0f} GiB, {platform.system()} {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}, SQLite {sqlite3.sqlite_version}",
        "libraries": ", ".join(f"{name} {_version(name)}" for name in _LIBRARIES),
        "load average": " ".join(f"{load:.2f}" for load in os.getloadavg()),
    }


def _busy_seconds() -> float:
    """All cores' time so far, but idle and waiting for disks; guest time is in user time already."""
    with Path("/proc/stat").open() as stat:
        user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, stat.readline().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / TICKS_PER_SECOND


def _first_value(path: Path, name: str) -> str | None:
    for line in path.read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return None


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "-"
