"""Where a secret goes that is shown only once."""

import os
import tempfile
from pathlib import Path
from typing import Protocol

from pydantic import SecretStr

from src.operations.turso.errors import SecretNotKeptError

_MAX_TOKEN_BYTES = 64 * 1024


class SecretStore(Protocol):
    """Both raise SecretNotKeptError. The first is asked before a secret is made, which nobody could get again."""

    def require_ready(self) -> None: ...
    def keep(self, secret: SecretStr) -> str:
        """Says where it is now, in words that may be printed."""


class SecretFile:
    """A file of mode 0600 that holds one secret and appears all at once.

    A file that is there already is left alone, unless `replaces`: then one that holds a single line may be replaced.
    """

    def __init__(self, path: Path, *, replaces: bool = False) -> None:
        self.path, self._replaces = path, replaces

    def current(self) -> SecretStr | None:
        """The secret that would be replaced, None when there is none. Raises SecretNotKeptError."""
        if not os.path.lexists(self.path):
            return None
        if self.path.is_symlink():
            raise SecretNotKeptError(f"{self.path} is a symbolic link. Name a file that is not there yet.")
        if not self._replaces:
            raise SecretNotKeptError(f"{self.path} is there already and is left alone. Name another file.")
        return SecretStr(self._read_line())

    def require_ready(self) -> None:
        self.current()
        folder = self.path.parent
        if not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
            raise SecretNotKeptError(
                f"{folder} is no folder that can be written to. Make it, or name another file."
            )

    def keep(self, secret: SecretStr) -> str:
        try:
            self._write(secret.get_secret_value())
        except OSError as exc:
            raise SecretNotKeptError(f"{self.path} could not be written: {exc.strerror or exc}.") from None
        return f"{self.path}, mode 600"

    def _write(self, text: str) -> None:
        descriptor, name = tempfile.mkstemp(
            dir=self.path.parent, prefix=f".{self.path.name}."
        )  # made with mode 0600
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(f"{text}\n")
                file.flush()
                os.fsync(file.fileno())
            if self._replaces:
                temporary.replace(self.path)
            else:
                os.link(temporary, self.path)  # which, unlike a rename, fails when something is there by now
        finally:
            temporary.unlink(missing_ok=True)

    def _read_line(self) -> str:
        try:
            if not self.path.is_file() or self.path.stat().st_size > _MAX_TOKEN_BYTES:
                raise ValueError
            lines = self.path.read_text(encoding="utf-8").split()
            if len(lines) != 1:
                raise ValueError
        except ValueError:
            raise SecretNotKeptError(
                f"{self.path} holds something else than one token, and is left alone. Name another file."
            ) from None
        except OSError as exc:
            raise SecretNotKeptError(f"{self.path} cannot be read: {exc.strerror or exc}.") from None
        return lines[0]
