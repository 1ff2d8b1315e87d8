"""Secrets of a local environment make themselves: whatever needs one first writes it into `backend/.env.local`."""

import os
import secrets
from pathlib import Path

from src.core.config.settings.base import BACKEND_DIR, read_env_files
from src.core.file_lock import exclusive
from src.core.replacing import replace_text

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
        replace_text(path, f"{existing}{ending}{name}={secrets.token_urlsafe(48)}\n")
    return True
