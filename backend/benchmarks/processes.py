"""Processes of a benchmark: started, watched through /proc, and ended by pid."""

import http.client
import os
import resource
import secrets
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

BACKEND = Path(__file__).resolve().parents[1]
LAUNCHER = BACKEND.parent / "autoforge"
LIMITS = Path(__file__).resolve().parent / "limits"
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
MIB = 1024 * 1024
_SAMPLE_SECONDS = 0.02

_alive: dict[int, subprocess.Popen[bytes] | subprocess.Popen[str]] = {}


class BenchError(Exception):
    """The benchmark cannot go on, or what it measured is not what it should be."""


@dataclass(frozen=True, slots=True)
class Server:
    pid: int
    port: int
    seconds_to_answer: float
    cpu_seconds_to_answer: float


@dataclass(frozen=True, slots=True)
class Finished:
    """A process that ran to its end; `peak_mib` adds up the peaks of itself and its children."""

    wall_seconds: float
    cpu_seconds: float
    peak_mib: float
    output: str


@dataclass(frozen=True, slots=True)
class Memory:
    rss_mib: float
    pss_mib: float


def application(database: Path) -> dict[str, str]:
    """The environment in which the application runs on `database`, whatever the caller's own says.

    It has a secret, so that no server generates one into the clone's `.env.local`.
    """
    return {
        **os.environ,
        "APP_ENV": "local",
        "DATABASE_URL": f"sqlite:///{database}",
        "SQLITE_SYNCHRONOUS": "NORMAL",
        "DEBUG": "false",
        "LOG_LEVEL": "INFO",
        "JWT_SECRET_KEY": secrets.token_urlsafe(32),
        "AUTOFORGE_VENV": sys.prefix,
        "NO_COLOR": "1",
    }


def limit(name: str, *arguments: object) -> list[str]:
    """The command of the bare program `name` in the folder `limits`."""
    return [sys.executable, str(LIMITS / f"{name}.py"), *map(str, arguments)]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def workplace() -> Iterator[Path]:
    with TemporaryDirectory(prefix="autoforge-bench-") as folder:
        yield Path(folder)


@contextmanager
def server(
    command: Sequence[str],
    *,
    port: int,
    folder: Path,
    env: Mapping[str, str] | None = None,
    timeout_seconds: float = 30,
) -> Iterator[Server]:
    """Starts a server and waits for its first 200 on /healthz, timed from before the process exists."""
    log_path = folder / f"server-{port}.log"
    with log_path.open("wb") as log:
        began = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        )
    _alive[process.pid] = process
    try:
        while not _is_healthy(port):
            if process.poll() is not None or time.perf_counter() - began > timeout_seconds:
                raise BenchError(f"{_brief(command)} does not answer:\n{_tail(log_path)}")
            time.sleep(0.004)
        yield Server(process.pid, port, time.perf_counter() - began, cpu_seconds(process.pid))
    finally:
        _end(process)


class Talker:
    """A process that answers each line with a line."""

    def __init__(self, process: "subprocess.Popen[str]", command: Sequence[str]) -> None:
        self._process, self._command = process, command

    def ask(self, line: str) -> str:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self.line()

    def line(self) -> str:
        """Raises BenchError when the process ended instead."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise BenchError(f"{_brief(self._command)} ended with {self._process.wait()}")
        return line


@contextmanager
def talker(command: Sequence[str], *, env: Mapping[str, str] | None = None) -> Iterator[Talker]:
    process = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    _alive[process.pid] = process
    try:
        yield Talker(process, command)
    finally:
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            pipe.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        _end(process)


def run_to_end(
    command: Sequence[str],
    *,
    folder: Path,
    env: Mapping[str, str] | None = None,
    timeout_seconds: float = 120,
) -> Finished:
    """Raises BenchError, with the end of its output, when the process fails or takes too long."""
    out_path = folder / f"output-{time.monotonic_ns()}.log"
    with out_path.open("wb") as out:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        began = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
        )
    _alive[process.pid] = process
    try:
        peaks: dict[int, float] = {}
        for _ in _until_it_ends(process.pid):
            # Not `ru_maxrss` of wait4: after vfork it holds the parent's peak too.
            for pid in tree(process.pid):
                peaks[pid] = max(peaks.get(pid, 0.0), _status_mib(pid, "VmHWM:"))
            if time.perf_counter() - began > timeout_seconds:
                raise BenchError(f"{_brief(command)} took over {timeout_seconds:.0f} s")
        wall = time.perf_counter() - began
        code = process.wait()
    finally:
        _end(process)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if code != 0:
        raise BenchError(f"{_brief(command)} ended with {code}:\n{_tail(out_path)}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    output = out_path.read_text(encoding="utf-8", errors="replace")
    out_path.unlink()
    return Finished(wall, cpu, sum(peaks.values()), output)


def cpu_seconds(pid: int) -> float:
    """CPU time of a process, its children that ended and those that live."""
    return sum(_own_cpu_seconds(member) for member in tree(pid))


def all_cpu_seconds() -> float:
    """CPU time of this benchmark and of every process that it ever started."""
    ours = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in ours) + sum(map(cpu_seconds, list(_alive)))


def memory(pid: int) -> Memory:
    members = tree(pid)
    rss = sum(_status_mib(member, "VmRSS:") for member in members)
    return Memory(rss, sum(_field_mib(Path(f"/proc/{member}/smaps_rollup"), "Pss:") for member in members))


def tree(pid: int) -> list[int]:
    """The process and its living descendants."""
    found = [pid]
    try:
        for children in list(Path(f"/proc/{pid}/task").glob("*/children")):
            found += [member for child in children.read_text().split() for member in tree(int(child))]
    except OSError:  # it, or one of its threads, ended meanwhile
        pass
    return found


def _own_cpu_seconds(pid: int) -> float:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0.0
    utime, stime, cutime, cstime = stat.rpartition(")")[2].split()[11:15]
    return (int(utime) + int(stime) + int(cutime) + int(cstime)) / TICKS_PER_SECOND


def _status_mib(pid: int, field: str) -> float:
    return _field_mib(Path(f"/proc/{pid}/status"), field)


def _field_mib(path: Path, field: str) -> float:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) * 1024 / MIB for line in lines if line.startswith(field)), 0.0)


def _is_healthy(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _until_it_ends(pid: int) -> Iterator[None]:
    """Yields every 20 ms while the process lives, and returns the moment it ends."""
    descriptor = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        while not poll.poll(_SAMPLE_SECONDS * 1000):
            yield
    finally:
        os.close(descriptor)


def _end(process: subprocess.Popen[bytes] | subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    _alive.pop(process.pid, None)


def _brief(command: Sequence[str]) -> str:
    """The command without folders, which say nothing to others."""
    return " ".join(part if "://" in part else Path(part).name for part in command)


def _tail(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")[-3000:]
