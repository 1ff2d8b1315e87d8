"""`python -m benchmarks [start] [http] [evaluation] [libsql]`, from backend/; or `make bench ARGS="…"`."""

import argparse
import json
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from benchmarks import evaluation, http, libsql, machine, start, tables
from benchmarks.load import generators
from benchmarks.machine import Window
from benchmarks.plan import Plan
from benchmarks.processes import LAUNCHER, BenchError
from benchmarks.results import Results

_SUBJECTS = {
    "start": start.measure,
    "http": http.measure,
    "evaluation": evaluation.measure,
    "libsql": libsql.measure,
}
_RESULTS = Path(__file__).resolve().parent / "results"


def main() -> int:
    given = _parser().parse_args()
    if sys.platform != "linux" or not LAUNCHER.exists():
        print(
            "The benchmarks read /proc and start ./autoforge: they run on Linux, in a clone.", file=sys.stderr
        )
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers are ended and folders removed
    plan = _plan(given)
    subjects = given.subject or list(_SUBJECTS)
    size = "quick" if given.quick else "full" if given.full else "default"
    results = Results(
        {**machine.describe(), "load by": plan.generator, "run": f"{size}: {', '.join(subjects)}"}
    )
    began = time.perf_counter()
    with Window() as window:
        for subject in subjects:
            try:
                _SUBJECTS[subject](plan, results)
            except BenchError as exc:
                results.faults.append(f"{subject}: {exc}")
    results.machine["noise"] = (
        f"{window.noise:.2f} cores burned by others, in {time.perf_counter() - began:.0f} s"
    )
    if given.markdown:
        print(tables.markdown(results), end="")
    else:
        console = Console()
        tables.print_table(results, console if console.is_terminal else Console(width=200))
    if given.json is not None:
        _write(results, Path(given.json) if given.json else None)
    return 1 if results.has_failed else 0


def _plan(given: argparse.Namespace) -> Plan:
    common = {
        "generator": given.load or generators()[0],
        "runtime_venv": given.runtime_venv,
        "builds_environment": given.full,
        "with_published": given.published,
        "flat_cases": given.cases or (100_000 if given.full else None),
    }
    if given.quick:
        return Plan(start_rounds=2, help_rounds=3, http_rounds=1, seconds=1, evaluation_rounds=1, **common)
    return Plan(**common)


def _write(results: Results, path: Path | None) -> None:
    if path is None:
        path = _RESULTS / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results.to_json(), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    print(f"written: {path}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measures AutoForgeNexus, each figure beside its bare limit in the same run. "
        "Exit 1: an error, lost data, or a target missed on a quiet machine.",
        epilog="docs/benchmarks.md tells what each row means.",
    )
    subjects = ", ".join(_SUBJECTS)
    parser.add_argument(
        "subject",
        nargs="*",
        type=_subject,
        metavar="SUBJECT",
        help=f"of {subjects}; all of them when none is named",
    )
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="one short round each, under 90 s: does it run?")
    size.add_argument(
        "--full",
        action="store_true",
        help="also builds a runtime environment and runs 100,000 cases (10 minutes more)",
    )
    parser.add_argument(
        "--cases", type=_case_count, metavar="N", help="also N cases against N/10: is memory flat?"
    )
    parser.add_argument(
        "--runtime-venv", type=Path, metavar="FOLDER", help="environment whose size is measured"
    )
    parser.add_argument(
        "--published",
        action="store_true",
        help="libsql: also sqlalchemy-libsql, in an environment made for it (downloads packages)",
    )
    parser.add_argument("--load", choices=generators(), help="load generator; the first there is by default")
    parser.add_argument("--markdown", action="store_true", help="print the table for docs/benchmarks.md")
    parser.add_argument(
        "--json",
        nargs="?",
        const="",
        metavar="FILE",
        help="write the figures (default: benchmarks/results/<time>.json)",
    )
    return parser


def _subject(name: str) -> str:
    if name not in _SUBJECTS:
        raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(_SUBJECTS)}")
    return name


def _case_count(text: str) -> int:
    count = int(text)
    if count < 1000:
        raise argparse.ArgumentTypeError("1000 cases at least")
    return count


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
