"""What was sent to GitHub from here, told apart without keeping it: a fingerprint under a random key of this machine.

GitHub never shows a secret again, so this is how a value that differs, or was changed by somebody else, is noticed.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from src.core.file_lock import exclusive
from src.core.replacing import replace_text
from src.operations.github.records import read_moment

_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Sent:
    """A value as it was sent from here; `updated_at` is what GitHub said of it then."""

    fingerprint: str
    updated_at: datetime


class Fingerprints:
    """Those of one environment of one repository; `place` names both, with the address of the API.

    A file that cannot be read counts as empty: the worst that follows is that values are sent once more.
    """

    def __init__(self, folder: Path, place: str) -> None:
        self.file = folder / "secrets-fingerprints.json"
        self._key_file, self._place = folder / "secrets-fingerprints.key", place

    @contextmanager
    def locked(self, *, when_held: Callable[[], None] = lambda: None) -> Iterator[None]:
        """No other process of this machine is in here at the same time."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with exclusive(self.file.with_suffix(".lock"), when_held=when_held):
            yield

    def of(self, name: str, value: SecretStr) -> str:
        text = f"{self._place}\0{name}\0{value.get_secret_value()}"
        return hmac.new(self._key(), text.encode(), hashlib.sha256).hexdigest()

    def find(self, name: str) -> Sent | None:
        entry: Any = self._read().get(self._place, {}).get(name)
        with suppress(ValueError, TypeError, KeyError):
            return Sent(entry["fingerprint"], read_moment(entry["updated_at"]))
        return None

    def keep(self, name: str, value: SecretStr, updated_at: datetime) -> None:
        known = self._read()
        known.setdefault(self._place, {})[name] = {
            "fingerprint": self.of(name, value),
            "updated_at": updated_at.isoformat(),
        }
        self._write(known)

    def forget(self, name: str) -> bool:
        """False when nothing was known of it."""
        known = self._read()
        if known.get(self._place, {}).pop(name, None) is None:
            return False
        self._write(known)
        return True

    def _read(self) -> dict[str, dict[str, Any]]:
        """By place and name. Those made with another key tell nothing any more."""
        with suppress(OSError, ValueError, TypeError, KeyError):
            held = json.loads(self.file.read_text(encoding="utf-8"))
            if held["key"] == self._key_id() and isinstance(held["sent"], dict):
                return {place: names for place, names in held["sent"].items() if isinstance(names, dict)}
        return {}

    def _write(self, known: dict[str, dict[str, Any]]) -> None:
        held = {"key": self._key_id(), "sent": known}
        replace_text(self.file, json.dumps(held, indent=2, sort_keys=True, ensure_ascii=False) + "\n")

    def _key_id(self) -> str:
        return hashlib.sha256(self._key()).hexdigest()[:16]

    def _key(self) -> bytes:
        with suppress(OSError, ValueError):
            if self._key_file.stat().st_mode & 0o077:
                self._key_file.chmod(0o600)  # with it, short values could be guessed
            key = bytes.fromhex(self._key_file.read_text(encoding="ascii"))
            if len(key) == _KEY_BYTES:
                return key
        key = secrets.token_bytes(_KEY_BYTES)
        self._key_file.parent.mkdir(parents=True, exist_ok=True)
        replace_text(self._key_file, f"{key.hex()}\n")
        return key
