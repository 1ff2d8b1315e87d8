"""Load on a server: closed-loop clients on kept-alive connections, by wrk or by a generator of our own."""

import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.processes import BenchError, run_to_end

COUNTER = "@@"
_HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Request:
    """Requests go to `paths` in turn, in a shuffled order; the counter in `body` makes each body another one."""

    method: str
    paths: Sequence[str]
    body: str = ""


@dataclass(frozen=True, slots=True)
class Load:
    """`errors` are answers outside 2xx, broken connections and timeouts."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    errors: int

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


def generators() -> list[str]:
    """What can generate load here, the best first."""
    return (["wrk"] if shutil.which("wrk") else []) + ["built-in"]


def generate(
    generator: str, port: int, request: Request, *, clients: int, seconds: int, series: str, folder: Path
) -> Load:
    """`series` begins every body's counter: two rounds never send the same body."""
    plan = folder / "plan"
    plan.mkdir(exist_ok=True)
    (plan / "paths").write_text("\n".join(request.paths), encoding="utf-8")
    (plan / "body").write_text(request.body, encoding="utf-8")
    arguments = [request.method, str(plan / "paths"), str(plan / "body"), series]
    if generator == "wrk":
        address = f"http://127.0.0.1:{port}"
        options = ["-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "5s", "-s", str(_HERE / "wrk.lua")]
        command = ["wrk", *options, address, "--", *arguments]
    else:
        command = [
            sys.executable,
            str(_HERE / "load_client.py"),
            str(port),
            str(clients),
            str(seconds),
            *arguments,
        ]
    finished = run_to_end(command, folder=folder, timeout_seconds=seconds + 30)
    last = finished.output.strip().rpartition("\n")[2]
    try:
        load = Load(**json.loads(last))
    except (ValueError, TypeError) as exc:
        raise BenchError(f"{generator} did not say what it measured:\n{finished.output[-2000:]}") from exc
    if not load.requests:
        raise BenchError(f"{generator} got no answer at all: {asdict(load)}")
    return load
