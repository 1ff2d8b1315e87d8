"""What the checks look at: one environment, its files, and what its settings lead to."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from src.core.config.settings import base
from src.core.config.settings.base import AppEnv, Settings, SettingsError, load_settings
from src.core.config.settings.catalogue import find_setting
from src.core.config.settings.given import given_by_files
from src.core.env_text import read

if TYPE_CHECKING:
    from src.core.config.settings.faults import Fault
    from src.infrastructure.shared.database.turso_connection import TursoConnection
    from src.operations.backup.backups import Backups
    from src.operations.checks.outside import Outside
    from src.operations.doctor.ping import Ping
    from src.operations.github.drift import Facts
    from src.operations.migrations.lint.rule import Finding as LintFinding
    from src.operations.migrations.migrations import Migrations

_BACKEND = Path(__file__).resolve().parents[3]
_QUESTIONS = 5
_LEAST_SECRET = 12  # what is shorter could be any word of a message


class Scene:
    """Opens what a check asks for, once; `close` it.

    `folder` is where the .env files are and `backend` where the code is: both are backend/, but for tests.
    """

    def __init__(
        self,
        env: AppEnv,
        *,
        now: datetime,
        folder: Path | None = None,
        backend: Path | None = None,
        read_settings: Callable[[], Settings] | None = None,
    ) -> None:
        self.env, self.now = env, now
        self.backend = _BACKEND if backend is None else backend
        self._began = time.monotonic()
        self.folder = base.BACKEND_DIR if folder is None else folder
        self._read_settings = read_settings or (lambda: load_settings(app_env=env))

    @property
    def is_local(self) -> bool:
        return self.env is AppEnv.LOCAL

    @property
    def project(self) -> Path | None:
        """The clone; None where only the code of backend/ was copied, as into an image."""
        return self.backend.parent if self.backend.name == "backend" else None

    @property
    def env_option(self) -> str:
        """What a command that is named as a fix takes, to be about this environment."""
        return "" if self.is_local else f" --env {self.env.value}"

    @cached_property
    def settings(self) -> Settings:
        """Raises SettingsError."""
        return self._read_settings()

    @cached_property
    def database(self) -> "TursoConnection":
        """Raises SettingsError."""
        from src.infrastructure.shared.database.turso_connection import TursoConnection

        return TursoConnection(self.settings)

    @cached_property
    def migrations(self) -> "Migrations":
        from src.operations.migrations.migrations import Migrations

        return Migrations(self.database, self.env, backups=self._backups, versions=(self.versions,))

    @property
    def versions(self) -> Path:
        return self.backend / "alembic" / "versions"

    @cached_property
    def migration_sources(self) -> Mapping[str, bytes]:
        """The files of the migrations, by name."""
        return {path.name: path.read_bytes() for path in sorted(self.versions.glob("*.py"))}

    @cached_property
    def migration_faults(self) -> "Sequence[LintFinding]":
        from src.operations.migrations.lint.lint import check

        return check(self.migration_sources)

    @cached_property
    def ping(self) -> "Ping":
        """Raises SettingsError, and UnavailableError and DatabaseRefusedTokenError of a server."""
        from src.operations.doctor.ping import ping

        return ping(self.database, count=_QUESTIONS)

    @cached_property
    def outside(self) -> "Outside":
        """Raises SettingsError."""
        from src.operations.checks.outside import Outside

        return Outside(self.settings, now=self.now, began=self._began)

    @property
    def absent_database(self) -> Path | None:
        """The local file, where it is not there yet. Raises SettingsError."""
        if not self.database.is_local or self.database.path.exists():
            return None
        return self.database.path

    @cached_property
    def faults(self) -> "Sequence[Fault]":
        """What is wrong with the values, and with the files that hold them."""
        from src.operations.env_files.examine import examine

        return examine(self.env, self.folder, self.now)

    @cached_property
    def github(self) -> "Facts":
        """What is wrong with the environment at GitHub. Raises the errors of `operations/github`."""
        from src.operations.github.secrets import GithubSecrets

        return GithubSecrets(self.settings, now=lambda: self.now).examine(self.env)

    def without_secrets(self, text: str) -> str:
        """A message of a driver or a server may repeat what it was sent."""
        for secret in self._secrets:
            text = text.replace(secret, "[secret]")
        return text

    def close(self) -> None:
        if "database" in self.__dict__:
            self.database.dispose()
        if "outside" in self.__dict__:
            self.outside.close()

    def _backups(self) -> "Backups":
        """For the mending of a local file, which is all that is mended."""
        from src.operations.backup.backups import Backups

        revisions = {revision.id for revision in self.migrations.chain}
        return Backups(self.database, remote=None, known_revisions=lambda: revisions)

    @cached_property
    def _secrets(self) -> tuple[str, ...]:
        """What files and process hold under the name of a secret, the longest first: one may be part of another."""
        of_files = given_by_files(self.env, self.folder).items()
        held = [*((name, one.value) for name, one in of_files), *os.environ.items()]
        found = {
            value
            for name, value in held
            if len(value) >= _LEAST_SECRET and (known := find_setting(name.upper())) and known.is_secret
        }
        return tuple(sorted(found, key=len, reverse=True))


def env_of_process() -> AppEnv:
    """The environment that this process is in; local when what it says is none, which the settings then tell."""
    try:
        return load_settings().app_env
    except (SettingsError, OSError, UnicodeDecodeError):
        common = read(base.BACKEND_DIR / ".env")
        said = os.environ.get("APP_ENV") or common.get("APP_ENV")
        return AppEnv(said) if said in list(AppEnv) else AppEnv.LOCAL
