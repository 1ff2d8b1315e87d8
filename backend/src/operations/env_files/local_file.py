"""`backend/.env.local`: the values of this machine. Secrets of a local environment make themselves there."""

import secrets
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from src.core import env_text
from src.core.config.settings.base import SettingsError
from src.core.config.settings.catalogue import all_settings
from src.core.config.settings.declaration import AppEnv
from src.core.config.settings.given import given_by_files
from src.core.file_lock import exclusive
from src.core.replacing import replace_text

_HEADER = """\
# Values of this machine; never commit this file. Lines with # show the defaults: take the # away to change one.
# このマシンの値。コミットしないこと。# で始まる行は既定値で、変えるときは # を外す。
"""
_RANDOM_BYTES = 48


@dataclass(frozen=True, slots=True)
class Completion:
    """What `complete` does to the file: `made` are the names of the secrets that it lacked."""

    path: Path
    is_new: bool
    made: tuple[str, ...]


def complete(folder: Path, *, dry_run: bool = False) -> Completion:
    """Gives `.env.local` in `folder` the secrets that it lacks. What is there stays as it is, to the byte.

    The file is replaced as a whole, mode 0600, and only one process at a time does it. Raises SettingsError.
    """
    path = folder / ".env.local"
    if dry_run:
        return _missing(path)
    with exclusive(folder / ".env.local.lock"):
        found = _missing(path)
        if found.is_new:
            replace_text(path, _new_text(found.made))
        elif found.made:
            text = _read(path)
            ending = "" if text.endswith("\n") or not text else "\n"
            replace_text(path, text + ending + "".join(map(_secret, found.made)))
        else:
            _close(path)
    return found


def _missing(path: Path) -> Completion:
    if path.is_symlink():
        raise SettingsError(
            f"{path} is a symbolic link, and what it points at may be read by others. Put a plain file there."
        )
    if path.exists():
        _read(path)
    there = given_by_files(AppEnv.LOCAL, path.parent)
    lacking = tuple(
        setting.name for setting in all_settings() if setting.is_generated and setting.name not in there
    )
    return Completion(path, not path.exists(), lacking)


def _read(path: Path) -> str:
    """The text with the ends of lines that it has. Raises SettingsError for what is no file of text."""
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError as exc:
        raise SettingsError(f"{path}: byte {exc.start + 1} is no UTF-8. Save it as UTF-8.") from None


def _close(path: Path) -> None:
    """Nobody else may read it, as if we had just written it."""
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)


def _new_text(made: tuple[str, ...]) -> str:
    parts = [_HEADER]
    local = [setting for setting in all_settings() if setting.is_for(AppEnv.LOCAL)]
    for group, settings in groupby(local, key=lambda setting: setting.group):
        parts.append(f"\n# --- {group.en} / {group.ja}\n")
        for setting in settings:
            parts.append(f"\n# {setting.en}\n# {setting.ja}\n")
            default = setting.default(AppEnv.LOCAL) or ""
            line = env_text.assignment(setting.name, default)
            parts.append(_secret(setting.name) if setting.name in made else f"# {line}")
    return "".join(parts)


def _secret(name: str) -> str:
    return env_text.assignment(name, secrets.token_urlsafe(_RANDOM_BYTES))
