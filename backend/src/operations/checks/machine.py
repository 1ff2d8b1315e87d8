"""Whether this machine has what the software needs: Python, SQLite, the environment it was installed into, a port."""

import http.client
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path

from src.core.config.settings.base import SettingsError
from src.operations.checks.check import Check
from src.operations.checks.scene import Scene
from src.operations.verdict import Verdict, fail, ok, skip, warn

LEAST_PYTHON, BEYOND_PYTHON = (3, 11), (3, 14)
PROBE_SECONDS = 0.5
_RUN_SECONDS = 10
ANEW = "Run: make clean setup"  # make setup alone takes what it installed once as still there
_OPTIONAL_TOOLS = ("turso", "redis-cli", "gh", "docker")
_LOCKED = re.compile(r"^(?P<name>[A-Za-z0-9][\w.-]*)==(?P<version>[^\s;\\]+)(?P<marker>\s*;)?", re.MULTILINE)


def judge_python(version: Sequence[int]) -> Verdict:
    said = ".".join(map(str, version))
    if LEAST_PYTHON <= tuple(version) < BEYOND_PYTHON:
        return ok(said)
    fix = "Use Python 3.11, 3.12 or 3.13: make setup PYTHON=python3.13"
    judge = fail if tuple(version) < LEAST_PYTHON else warn
    return judge(f"{said} is not supported", fix)


def judge_sqlite(version: Sequence[int], *, is_guarded: bool) -> Verdict:
    """`is_guarded`: the system has the file locks with which our processes keep out of each other's way."""
    said = ".".join(map(str, version))
    if not has_wal_reset_bug(tuple(version)):
        return ok(said)
    if is_guarded:
        return ok(f"{said}; of its WAL-reset bug (fixed in 3.51.3) a file lock keeps all our processes clear")
    return warn(
        f"{said} has the WAL-reset bug (fixed in 3.51.3): commits can get lost when processes checkpoint at once",
        "Let one process only use the database, or use a Python whose SQLite is newer.",
    )


def has_wal_reset_bug(version: tuple[int, ...]) -> bool:
    """3.7.0 to 3.51.2, but for the corrected 3.44.6 and 3.50.7. Source: sqlite.org/wal.html, "The WAL-Reset Bug"."""
    is_corrected = (3, 44, 6) <= version < (3, 45) or (3, 50, 7) <= version < (3, 51)
    return (3, 7) <= version < (3, 51, 3) and not is_corrected


def judge_environment(*, prefix: Path, is_virtual: bool, scene: Scene) -> Verdict:
    """`prefix` is the folder that the running Python installs into."""
    if not is_virtual:
        if scene.project is None:
            return skip("an image has its Python for itself")
        return warn(
            f"{prefix} is no virtual environment: other programs' packages are mixed in",
            "Run: make setup, then use ./autoforge",
        )
    if prefix == scene.backend / ".venv":
        return ok("the project's own, backend/.venv")
    return ok(f"another than backend/.venv: {prefix}")


def _look_at_packages(scene: Scene) -> Verdict:
    lock = scene.backend / "requirements.lock"
    try:
        wrong = list(not_as_locked(lock.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return skip(f"there is no {lock.name} here")
    if not wrong:
        return ok("installed as the lock says")
    more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
    return fail(f"{', '.join(wrong[:3])}{more}", ANEW)


def not_as_locked(lock: str) -> Iterator[str]:
    """What of the `lock` is installed in another version, or not at all."""
    for found in _LOCKED.finditer(lock):
        name, version = found["name"], found["version"]
        try:
            installed = metadata.version(name)
        except metadata.PackageNotFoundError:
            if found["marker"] is None:  # with a marker it may be for another system
                yield f"{name} {version} is not installed"
        else:
            if installed != version:
                yield f"{name} is {installed}, not {version}"


def _look_at_driver(scene: Scene) -> Verdict:
    from sqlalchemy.dialects import registry
    from sqlalchemy.exc import NoSuchModuleError

    try:
        version = metadata.version("turso-serverless")
        registry.load("libsql")
    except (ImportError, NoSuchModuleError) as exc:  # a package that is not found is an ImportError too
        judge = warn if _works_on_a_file(scene) else fail  # a warning blocks nothing of what a file can tell
        return judge(f"SQLAlchemy cannot speak to libSQL ({exc})", ANEW)
    return ok(f"libsql, over turso-serverless {version}")


def _works_on_a_file(scene: Scene) -> bool:
    try:
        return scene.database.is_local
    except (SettingsError, ValueError, OSError):
        return False


def _look_from_here(scene: Scene) -> Verdict:
    """Asks another Python, started where the user stands, as the user would."""
    code = "import src.core as found; print(list(found.__path__)[0])"
    try:
        here = Path.cwd()
        answer = subprocess.run(
            [sys.executable, "-c", code],
            check=False,
            capture_output=True,
            text=True,
            timeout=_RUN_SECONDS,
            cwd=here,
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        return fail(f"Python cannot be started here: {exc}", "Change into the folder of the clone.")
    leave = f"Run Python in {scene.backend}, where the guide runs it, or use ./autoforge."
    if answer.returncode != 0:
        said = (answer.stderr.strip().splitlines() or ["it ended without a word"])[-1]
        if (here / "src").exists() and here != scene.backend:
            return warn(f"{here}/src hides ours ({said})", leave)
        return fail(f"{said} (in {here})", f"{ANEW}. {leave}")
    found = Path(answer.stdout.strip()).resolve().parents[1]
    if found != scene.backend:
        return warn(f"`import src` in {here} takes another one: {found}", leave)
    return ok(f"`import src` works in {here}")


def _look_at_launcher(scene: Scene) -> Verdict:
    if scene.project is None:
        return skip("there is no clone here, only its code")
    launcher = scene.project / "autoforge"
    if not launcher.is_file():
        return fail(f"{launcher} is not there", "Run: git checkout -- autoforge")
    if not os.access(launcher, os.X_OK):
        return fail(f"{launcher} may not be run", f"Run: chmod +x '{launcher}'", can_mend=True)
    return ok("./autoforge can be run")


def _mend_launcher(scene: Scene) -> str:
    assert scene.project is not None
    launcher = scene.project / "autoforge"
    launcher.chmod(launcher.stat().st_mode | 0o111)
    return f"{launcher} may be run now"


def _look_at_tools(_: Scene) -> Verdict:
    here = [name for name in ("git", *_OPTIONAL_TOOLS) if shutil.which(name)]
    absent = [name for name in _OPTIONAL_TOOLS if name not in here]
    if "git" not in here:
        return warn("git is not here: whether it tracks a file with secrets cannot be told", "Install git.")
    said = f"here: {', '.join(here)}"
    return ok(f"{said}; not here and not needed: {', '.join(absent)}" if absent else said)


def _look_at_port(scene: Scene) -> Verdict:
    if not scene.is_local:
        return skip(f"{scene.env.value} listens elsewhere")
    return judge_port(scene.settings.host, scene.settings.port)


def judge_port(host: str, port: int) -> Verdict:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as exc:
        if serves_us(host, port):
            return ok(f"{port} of {host}: AutoForgeNexus is serving there")
        fix = f"Stop what uses it, or set PORT, or start with: autoforge up --port {port + 1}"
        return fail(f"{port} of {host}: {exc.strerror or exc}", fix)
    return ok(f"{port} of {host} is free")


def serves_us(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=PROBE_SECONDS)
    try:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        return (
            answer.status == 200
            and "x-request-id" in answer.headers
            and answer.read(100) == b'{"status":"ok"}'
        )
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


MACHINE = (
    Check(
        id="machine.python",
        phase="machine",
        title="Python is 3.11, 3.12 or 3.13",
        why="Others are not tested; the image has 3.13.",
        look=lambda _: judge_python(sys.version_info[:3]),
    ),
    Check(
        id="machine.sqlite",
        phase="machine",
        title="SQLite keeps its commits",
        why="SQLite 3.7.0 to 3.51.2 can lose commits when processes write and checkpoint at once.",
        look=lambda _: judge_sqlite(sqlite3.sqlite_version_info, is_guarded=os.name == "posix"),
    ),
    Check(
        id="machine.environment",
        phase="machine",
        title="A virtual environment is used",
        why="Packages of other programs would come in, in other versions.",
        look=lambda scene: judge_environment(
            prefix=Path(sys.prefix), is_virtual=sys.prefix != sys.base_prefix, scene=scene
        ),
    ),
    Check(
        id="machine.driver",
        phase="help",
        title="The libSQL driver is installed",
        why="Without it no database of staging or production can be reached.",
        look=_look_at_driver,
    ),
    Check(
        id="machine.packages",
        phase="machine",
        title="The packages are those of the lock",
        why="What was tested together is installed together.",
        look=_look_at_packages,
        needs=("machine.driver",),
    ),
    Check(
        id="machine.imports",
        phase="help",
        title="`src` can be imported from here",
        why="A script or a REPL says otherwise: No module named 'src'.",
        look=_look_from_here,
    ),
    Check(
        id="machine.launcher",
        phase="machine",
        title="./autoforge can be run",
        why="It finds the environment from any folder.",
        look=_look_at_launcher,
        mend=_mend_launcher,
    ),
    Check(
        id="machine.tools",
        phase="machine",
        title="git is here",
        why="git tells whether a file with secrets would be committed. No other tool of the guide is needed.",
        look=_look_at_tools,
    ),
)

PORT = Check(
    id="machine.port",
    phase="machine",
    title="The port is free",
    why="`autoforge up` could not listen.",
    look=_look_at_port,
    needs=("settings.valid",),
)
