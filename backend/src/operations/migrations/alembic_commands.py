"""Alembic, run from within a program: on a given engine, under supervision, and with errors that tell the way out."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from os import pathsep
from pathlib import Path
from traceback import walk_tb

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import StatementError

from src.domain.shared.errors import DomainError
from src.operations.migrations.revisions import CONFIGURATION, SCRIPTS, VERSIONS
from src.operations.migrations.supervision import Supervision

_SHOWN_CHARACTERS = 600


class MigrationFailedError(DomainError):
    """A migration raised, or what it did was refused. Its transaction was undone.

    `leads_to` is where the database is nevertheless, should only the answer to the COMMIT be missing. `has_committed`:
    it committed something on the way, which stays.
    """

    code = "migration_failed"
    title = "The migration failed"

    def __init__(self, message: str, *, leads_to: str | None, has_committed: bool) -> None:
        super().__init__(message)
        self.leads_to, self.has_committed = leads_to, has_committed


def alembic_config(
    connection: Engine | Connection,
    *,
    supervision: Supervision | None = None,
    versions: Sequence[Path] = (VERSIONS,),
) -> Config:
    """Our configuration on `connection`, with the migrations in the folders `versions`."""
    config = Config(CONFIGURATION)
    for name, value in (
        ("script_location", str(SCRIPTS)),
        ("version_locations", pathsep.join(map(str, versions))),
    ):
        config.set_main_option(name, value.replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["configure_logger"] = False
    config.attributes["supervision"] = supervision
    return config


def upgrade(config: Config, revision: str) -> None:
    """Raises MigrationFailedError."""
    with _explained(config):
        command.upgrade(config, revision)


def downgrade(config: Config, revision: str) -> None:
    """Raises MigrationFailedError."""
    with _explained(config):
        command.downgrade(config, revision)


def stamp(config: Config, revision: str) -> None:
    command.stamp(config, revision, purge=True)


@contextmanager
def _explained(config: Config) -> Iterator[None]:
    """What goes wrong inside a migration comes out as MigrationFailedError that names it."""
    supervision: Supervision | None = config.attributes["supervision"]
    try:
        yield
    except Exception as exc:
        if supervision is None or supervision.current is None or isinstance(exc, CommandError):
            raise
        failed, has_committed = supervision.current, supervision.has_committed
        direction = "" if failed.is_upgrade else "Going back over "
        where = _statement(exc) or _line(exc) or ""
        told = f"{direction}{failed.id} ({failed.title}) failed: {_cause(exc)}{where}"
        raise MigrationFailedError(told, leads_to=failed.leads_to, has_committed=has_committed) from exc


def _cause(exc: Exception) -> str:
    if isinstance(exc, StatementError):
        said = str(exc.orig)
    else:
        said = str(exc) if isinstance(exc, DomainError) else f"{type(exc).__name__}: {exc}"
    return said.strip().rstrip(".") + "."


def _statement(exc: Exception) -> str | None:
    if not isinstance(exc, StatementError) or not exc.statement:
        return None
    text = " ".join(exc.statement.split())
    return f"\n  Statement: {text[:_SHOWN_CHARACTERS]}{'…' if len(text) > _SHOWN_CHARACTERS else ''}"


def _line(exc: Exception) -> str | None:
    """Where in the migration's file it happened; None for what was refused after it."""
    for frame, line in reversed(list(walk_tb(exc.__traceback__))):
        if "down_revision" in frame.f_globals:
            return f"\n  Line: {Path(frame.f_code.co_filename).name}:{line}"
    return None
