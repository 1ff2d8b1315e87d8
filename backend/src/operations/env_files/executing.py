"""Running a command with the environment of one environment, and nothing else of the caller's."""

import errno
import os
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from src.core.config.settings.base import SettingsError
from src.core.config.settings.declaration import AppEnv
from src.core.config.settings.faults import FaultKind
from src.core.config.settings.given import given_by_files
from src.core.config.settings.rules import faults
from src.operations.env_files.examine import faults_of_text

# What programs need of the machine, whatever they are. `LC_…` goes with them.
SYSTEM_VARIABLES = frozenset(
    (
        *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TZ", "LANG", "LANGUAGE"),
        *("TERM", "COLORTERM", "NO_COLOR", "COLUMNS", "LINES"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"),
        *("SYSTEMROOT", "PATHEXT", "COMSPEC", "TEMP", "TMP"),
    )
)
NOT_FOUND, NOT_EXECUTABLE = 127, 126
_STOPPING = (FaultKind.UNREADABLE, FaultKind.SYNTAX, FaultKind.MISSING, FaultKind.PLACEHOLDER)


@dataclass(frozen=True, slots=True)
class NotRun:
    """Why a command could not be run, and what a shell would leave with."""

    message: str
    code: int


def environment_of(
    env: AppEnv, folder: Path, process: Mapping[str, str], *, passed: Sequence[str] = (), now: datetime
) -> dict[str, str]:
    """The environment for a command: that of the files of `env`, the system's variables, and `passed` by name.

    Raises SettingsError when the file is not there, cannot be read to its end, or lacks a value.
    """
    path = folder / f".env.{env.value}"
    if not path.is_file():
        make = "init" if env is AppEnv.LOCAL else f"render --env {env.value}"
        raise SettingsError(f"{path} is not there. Run: autoforge env {make}")
    values = {name: one.value for name, one in given_by_files(env, folder).items()}
    found = [fault for file in (folder / ".env", path) if file.exists() for fault in faults_of_text(file)]
    found += faults(values, env, now=now)
    wrong = [f"{fault.message} {fault.fix}" for fault in found if fault.kind in _STOPPING and fault.is_fatal]
    wrong += [f"--pass {name}: it is not set here." for name in passed if name not in process]
    if wrong:
        raise SettingsError("\n  ".join([f"Nothing was run with {path.name}.", *wrong]))
    system = {
        name: value
        for name, value in process.items()
        if name.upper() in SYSTEM_VARIABLES or name.startswith("LC_")
    }
    system["PATH"] = _with_own_commands(system.get("PATH", os.defpath))
    return {**system, **values, **{name: process[name] for name in passed}, "APP_ENV": env.value}


def _with_own_commands(path: str) -> str:
    """With the folder of our own environment in front, where `alembic` and `autoforge` are."""
    own = str(Path(sys.executable).parent)
    return path if own in path.split(os.pathsep) else os.pathsep.join((own, path))


def replace_process(command: Sequence[str], environment: Mapping[str, str]) -> NotRun:
    """Becomes `command`, without a shell: signals and the exit code are its own. Returns only when that fails."""
    name = command[0]
    path = name if os.sep in name else shutil.which(name, path=environment.get("PATH", os.defpath))
    if path is None:
        return NotRun(f"{name}: there is no such command on PATH.", NOT_FOUND)
    if hasattr(signal, "SIGPIPE"):  # Python ignores it, and what is ignored stays so in the command
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execve(path, list(command), dict(environment))  # noqa: S606 - it is what this is for
    except OSError as exc:
        code = NOT_FOUND if exc.errno == errno.ENOENT else NOT_EXECUTABLE
        return NotRun(f"{name} cannot be run: {exc.strerror}.", code)
