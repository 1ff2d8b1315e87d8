"""Where a new token goes: a file, GitHub, or standard output: once, and only where nobody else looks."""

import io
import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from src.core.config.settings.base import AppEnv
from src.domain.shared.errors import DomainError
from src.presentation.cli.context import Container
from src.presentation.cli.errors import InputError
from src.presentation.cli.secrets_ports import Environment
from src.presentation.cli.turso_ports import SecretStore


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


@dataclass(frozen=True, slots=True)
class Goal:
    """Where the token of the database `name` is to go."""

    name: str
    file: Path | None
    github: Environment | None

    @property
    def is_away(self) -> bool:
        return self.file is not None or self.github is not None

    @property
    def shown(self) -> str:
        if self.github is not None:
            return f"the environment {self.github.value} at GitHub"
        return str(self.file or ("the terminal" if sys.stdout.isatty() else "the pipe"))

    def store(self, container: Container, *, json: bool, replaces: bool) -> SecretStore:
        if self.file is not None and self.github is not None:
            raise InputError("--to-github: a token goes to one place; leave --to-file out.")
        if self.github is not None:
            self._require_own_environment(self.github)
            return container.github_secrets.token_store(AppEnv(self.github))
        if self.file is not None:
            return container.turso.secret_file(self.file, replaces=replaces)
        if json:
            raise InputError(
                "--json: JSON never holds a token, it ends in logs. Add --to-file FILE or --to-github ENV."
            )
        return StandardOutput()

    def _require_own_environment(self, env: Environment) -> None:
        """By their names: the servers of staging must not write into the database of production."""
        other = next(
            (one for one in Environment if one is not env and self.name.endswith(f"-{one.value}")), None
        )
        if other is not None:
            raise InputError(
                f"--to-github {env.value}: {self.name} is the database of {other.value} by its name."
            )
