"""Secrets of a local environment make themselves: whatever needs one first writes it into `backend/.env.local`."""

import os
import secrets
import tempfile
from pathlib import Path

from src.core.config.settings.base import BACKEND_DIR, read_env_files
from src.core.file_lock import exclusive

_HEADER = "# Values of this machine. Never commit this file.\n"


def ensure_local_secret(name: str, *, folder: Path | None = None) -> bool:
    """Makes the secret `name` in `.env.local` unless the process or a file has a value; True when it made one.

    The file is replaced atomically with mode 0600, and no value that is there is ever overwritten.
    """
    folder = folder or BACKEND_DIR
    path = folder / ".env.local"
    with exclusive(folder / ".env.local.lock"):
        if os.environ.get(name) or name in read_env_files(folder):
            return False
        existing = path.read_text(encoding="utf-8") if path.exists() else _HEADER
        ending = "" if existing.endswith("\n") else "\n"
        _replace(path, f"{existing}{ending}{name}={secrets.token_urlsafe(48)}\n")
    return True


def _replace(path: Path, text: str) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".env.local.")  # made with mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
