"""What is wrong with the environment files: the values that they hold, and how they lie there."""

import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from src.core import env_text
from src.core.config.settings.catalogue import find_setting
from src.core.config.settings.declaration import AppEnv, Home
from src.core.config.settings.faults import Fault, FaultKind
from src.core.config.settings.given import PROCESS, Given, given
from src.core.config.settings.rules import faults
from src.core.config.settings.values import is_placeholder
from src.operations.env_files import git

_BEGINNINGS_OF_SECRETS = ("sk-", "sk_", "pk_live_", "eyJ", "ghp_", "github_pat_", "rediss://", "redis://")


def examine(
    env: AppEnv, folder: Path, now: datetime, *, process: Mapping[str, str] | None = None
) -> list[Fault]:
    """Every fault of `env`, whose files are in `folder`. Prints nothing, changes nothing, and holds no value.

    The values are those that a command would use: of the files and, winning, of `process`, which is `os.environ`.
    """
    process = os.environ if process is None else process
    files = [path for path in _files(env, folder) if os.path.lexists(path)]
    found = [fault for path in files for fault in _of_file(path)]
    if files:
        found += _of_folder(folder)
    found += _of_git(files, folder)
    found += _left_over(env, folder)
    if _lacks_file(env, folder, process):
        return [_no_file(env), *found]
    values = given(env, folder, process)
    by_name = {fault.name: fault for fault in found if fault.kind is FaultKind.UNREADABLE}
    if not by_name:
        found += _of_values(values, env, now)
    return found


def mend_modes(env: AppEnv, folder: Path) -> list[Path]:
    """Takes the files away from everybody else (mode 0600), and tells which. A link is left alone."""
    mended = []
    for path in _files(env, folder):
        if _can_be_used_by_others(path):
            path.chmod(0o600)
            mended.append(path)
    return mended


def _files(env: AppEnv, folder: Path) -> tuple[Path, Path]:
    return folder / ".env", folder / f".env.{env.value}"


def _lacks_file(env: AppEnv, folder: Path, process: Mapping[str, str]) -> bool:
    """Locally there need be none, and a server may be given everything by its process."""
    is_given = env is AppEnv.LOCAL or process.get("APP_ENV") == env.value
    return not is_given and not os.path.lexists(folder / f".env.{env.value}")


def _no_file(env: AppEnv) -> Fault:
    name = f"backend/.env.{env.value}"
    return Fault(
        FaultKind.NO_FILE, name, f"{name} is not there.", f"Run: autoforge env render --env {env.value}"
    )


def _of_values(values: Mapping[str, Given], env: AppEnv, now: datetime) -> Iterator[Fault]:
    for fault in faults({name: one.value for name, one in values.items()}, env, now=now):
        if fault.name not in values or values[fault.name].source != PROCESS:
            yield fault
        elif fault.kind is not FaultKind.UNKNOWN:  # a process may well have what has no place in a file
            message = f"{fault.message.removesuffix('.')} (set in the environment of the process)."
            yield replace(fault, message=message)


def _of_file(path: Path) -> Iterator[Fault]:
    name = f"backend/{path.name}"
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode):
        fix = "Put a plain file there: a link can come to point at something that others may read."
        yield Fault(FaultKind.SYMLINK, name, f"{name} is a symbolic link.", fix)
    elif os.name == "posix" and found.st_uid != os.getuid():
        fix = f"Run: sudo chown $(id -u) '{path}'"
        yield Fault(FaultKind.OWNER, name, f"{name} belongs to another user.", fix)
    if _can_be_used_by_others(path):
        mode = stat.S_IMODE(found.st_mode)
        message = f"{name} can be used by others (mode {mode:o})."
        yield Fault(FaultKind.MODE, name, message, f"Run: chmod 600 '{path}'")
    yield from faults_of_text(path)


def _can_be_used_by_others(path: Path) -> bool:
    if os.name != "posix" or path.is_symlink() or not path.is_file():
        return False
    return bool(stat.S_IMODE(path.stat().st_mode) & 0o077)


def faults_of_text(path: Path) -> Iterator[Fault]:
    """What keeps the values of a file from being read, or leaves it open which is meant."""
    name = f"backend/{path.name}"
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as exc:
        message = f"{name}: byte {exc.start + 1} is no UTF-8."
        yield Fault(FaultKind.UNREADABLE, name, message, "Save the file as UTF-8.")
        return
    except OSError as exc:
        fix = "Put a file there that you may read."
        yield Fault(FaultKind.UNREADABLE, name, f"{name} cannot be read: {exc.strerror}.", fix)
        return
    seen: dict[str, int] = {}
    for line in env_text.lines(text):
        if line.trouble is not None:
            message = f"{name}, line {line.number}: {line.trouble}."
            fix = "Write NAME=value; put a value with spaces, quotes, # or $ into single quotes."
            yield Fault(FaultKind.SYNTAX, name, message, fix)
        elif line.value:
            upper = line.name.upper()
            if upper in seen:
                message = f"{name}, line {line.number}: {upper} is set in line {seen[upper]} too."
                yield Fault(FaultKind.DUPLICATE, upper, message, f"Remove one of the lines from {name}.")
            seen[upper] = line.number


def _of_folder(folder: Path) -> Iterator[Fault]:
    mode = folder.stat().st_mode
    if os.name == "posix" and mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        message = f"{folder} can be written by everybody: anyone may put other files there."
        yield Fault(FaultKind.FOLDER, str(folder), message, f"Run: chmod o-w '{folder}'")


def _left_over(env: AppEnv, folder: Path) -> Iterator[Fault]:
    """What `replace_text` was writing when it was killed: it could not take its file away, and that holds secrets."""
    begun = re.compile(rf"\.env\.{env.value}(\.json)?\.(?!template$)[a-z0-9_]{{8}}")
    for path in sorted(folder.glob(f".env.{env.value}.*")):
        if begun.fullmatch(path.name):
            name = f"backend/{path.name}"
            message = f"{name} looks like what was left when the writing of an environment file was cut off."
            yield Fault(FaultKind.LEFT_OVER, name, message, f"Run: rm '{path}'", is_fatal=False)


def _of_git(files: list[Path], folder: Path) -> Iterator[Fault]:
    tree = git.work_tree(folder)
    if tree is None:
        return
    for path in files:
        name = f"backend/{path.name}"
        if tree.tracks(path):
            fix = f"Run: git rm --cached '{path}', commit, and replace every secret that it held."
            yield Fault(FaultKind.TRACKED, name, f"{name} is tracked by git.", fix)
        elif not tree.ignores(path):
            message = f"{name} is not ignored by git, and could be committed."
            fix = "Put these lines into backend/.gitignore, in this order: .env*  !.env*.template  !.env.example"
            yield Fault(FaultKind.NOT_IGNORED, name, message, fix)
    own = {path.resolve() for path in files}
    for path in tree.tracked(".env*"):
        if path.resolve() not in own:  # which was told as tracked
            yield from _literal_secrets(path, str(path.relative_to(tree.root)))


def _literal_secrets(path: Path, name: str) -> Iterator[Fault]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return
    for line in env_text.lines(text):
        if line.trouble is None and _is_literal_secret(line):
            message = (
                f"{name}, line {line.number}: {line.name} holds a value, and the file is tracked by git."
            )
            fix = (
                "Write ${NAME} in its place, and replace the secret: it is in the history of the repository."
            )
            yield Fault(FaultKind.LITERAL_SECRET, name, message, fix)


def _is_literal_secret(line: env_text.Line) -> bool:
    if not line.value or is_placeholder(line.value):
        return False
    setting = find_setting(line.name.upper())
    is_secret = setting is not None and (setting.is_secret or setting.home is Home.SECRET)
    looks_like_one = setting is None and line.value.startswith(_BEGINNINGS_OF_SECRETS)
    return (is_secret and not _is_default(line)) or looks_like_one


def _is_default(line: env_text.Line) -> bool:
    """As in `.env.example`, which shows everybody the defaults."""
    setting = find_setting(line.name.upper())
    return setting is not None and line.value == setting.default(AppEnv.LOCAL)
