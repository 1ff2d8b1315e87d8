"""What commands are handed: a factory in `ctx.obj`, called inside a command, for everything that bootstrap makes."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import typer
from pydantic import SecretStr

from src.application.services import Services
from src.core.config.settings.base import AppEnv, Settings, SettingsError
from src.domain.shared.errors import ConflictError, DomainError
from src.presentation.cli.output import counted, say

if TYPE_CHECKING:  # making these classes takes 5 ms
    from src.presentation.cli.backup_ports import Backups, Progress, RestoredAnew
    from src.presentation.cli.database_ports import Database, LintReport, Migrations, Ping, Plan, SqlShell
    from src.presentation.cli.doctor_ports import Inspection
    from src.presentation.cli.env_ports import EnvFiles
    from src.presentation.cli.secrets_ports import GithubSecrets
    from src.presentation.cli.turso_ports import Turso


class Container(Protocol):
    @property
    def settings(self) -> Settings: ...
    @property
    def services(self) -> Services: ...
    @property
    def database(self) -> "Database": ...
    @property
    def migrations(self) -> "Migrations": ...
    @property
    def env_files(self) -> "EnvFiles": ...
    @property
    def turso(self) -> "Turso": ...
    @property
    def github_secrets(self) -> "GithubSecrets": ...
    @property
    def backups(self) -> "Backups": ...
    def restore_given(
        self, name: str, url: str, token: SecretStr | None, **options: Any
    ) -> "RestoredAnew": ...
    def restore_made(self, name: str, made_name: str, save_to: Path, **options: Any) -> "RestoredAnew": ...
    def plan_upgrade(self, revision: str, *, on_progress: "Progress") -> "Plan": ...
    def open_shell(self, *, write: bool) -> "AbstractContextManager[SqlShell]": ...
    def ping(self, *, count: int) -> "Ping": ...
    def require_fit(self) -> None: ...
    def inspection(self, env: AppEnv | None, **options: Any) -> "Inspection": ...
    def lint_migrations(self, paths: Sequence[Path]) -> "LintReport": ...
    def close(self) -> None: ...


class SchemaBehindError(ConflictError):
    """An existing database needs migrating, which nobody asked for. The message says how."""

    code = "schema_behind"
    title = "The database is not current"


@contextmanager
def opened(ctx: typer.Context, app_env: AppEnv | None = None) -> Iterator[Container]:
    """The container for one command, whatever the state of the database.

    An `app_env` that is given wins over APP_ENV, and says so.
    """
    if app_env is not None:
        from src.core.config.settings.chosen import overruled

        if own := overruled(app_env):
            say(f"APP_ENV is {own} here; --env {app_env.value} wins.")
    container: Container = ctx.obj() if app_env is None else ctx.obj(app_env)
    try:
        yield container
    finally:
        container.close()


@contextmanager
def services_of(ctx: typer.Context) -> Iterator[Services]:
    """The ports for one command, on a database that is there and current."""
    with opened(ctx) as container:
        ensure_database(container)
        yield container.services


def ensure_database(container: Container, *, upgrade: bool = False) -> None:
    """Makes an absent local database, and says so; migrates one that is there with `upgrade` only, a remote one never.

    Raises SchemaBehindError when the database is not current after that. The server, which asks with `upgrade`, goes
    on with one that a newer release has migrated: so it is while that one is rolled out or has been taken back.
    """
    if container.database.is_local:
        local_path(container.database)
    try:
        status = container.migrations.status()
    except DomainError as exc:
        if not upgrade or container.settings.is_local or exc.code != "unknown_revision":
            raise
        say(f"Warning: {exc} Until then it is served as it is.")
        return
    if not status.pending:
        return
    if status.is_empty and container.database.is_local:
        container.migrations.upgrade()
        say(f"Created database {container.database.path}")
    elif upgrade and container.database.is_local:
        applied = container.migrations.upgrade(notice=say).applied
        say(f"Migrated database {container.database.path}: {counted(len(applied), 'migration')}")
    else:
        lag = (
            f"is {counted(len(status.pending), 'migration')} behind"
            if status.current
            else "has no tables of ours"
        )
        raise SchemaBehindError(
            f"The database {status.url} {lag}. Run: {container.migrations.upgrade_command}"
        )


def local_path(database: "Database") -> Path:
    """Raises SettingsError when DATABASE_URL names no file."""
    try:
        return database.path
    except ValueError as exc:
        raise SettingsError(f"DATABASE_URL: {exc}") from None
