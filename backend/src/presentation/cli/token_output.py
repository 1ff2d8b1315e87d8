"""A secret on standard output: once, and only where nobody else looks."""

import io
import os
import stat
import sys

from pydantic import SecretStr

from src.domain.shared.errors import DomainError
from src.presentation.cli.errors import InputError


class ReaderGoneError(DomainError):
    code = "reader_gone"
    title = "Nobody reads the pipe any more"

    def __init__(self) -> None:
        super().__init__(
            "The reader of the pipe left before the token came. The token was given to nobody; make another one."
        )


class StandardOutput:
    """Prints the secret on a line of its own to a terminal, or alone into a pipe.

    Standard output that is a file is refused (it would be made with everybody's rights), and so is /dev/null.
    """

    def require_ready(self) -> None:
        kind = self._kind()
        if kind == "file":
            raise InputError(
                "Standard output goes into a file, which others may read. Use --to-file FILE, which makes it 0600."
            )
        if kind == "nowhere":
            raise InputError(
                "Standard output goes nowhere, and the token is shown only once. Use --to-file FILE, or a pipe."
            )

    def keep(self, secret: SecretStr) -> str:
        try:
            sys.stdout.write(f"{secret.get_secret_value()}\n")
            sys.stdout.flush()
        except BrokenPipeError:
            # what is still buffered would fail again when Python exits
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise ReaderGoneError from None
        return "the line above" if self._kind() == "terminal" else "the pipe"

    @staticmethod
    def _kind() -> str:
        if sys.stdout.isatty():
            return "terminal"
        try:
            mode = os.fstat(sys.stdout.fileno()).st_mode
        except (io.UnsupportedOperation, OSError):
            return "pipe"  # a reader in this very process
        if stat.S_ISREG(mode):
            return "file"
        return "nowhere" if stat.S_ISCHR(mode) else "pipe"
