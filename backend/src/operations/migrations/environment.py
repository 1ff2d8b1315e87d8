"""What alembic/env.py does, for plain `alembic` and for our own commands.

`config.attributes` may hold:

- "connection": an Engine or a Connection to use instead of the database of the settings. Whoever hands over a
  Connection answers for the lock.
- "supervision": the Supervision of a caller of ours, who has the lock and has asked for what is needed.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from logging import getLogger
from pathlib import Path
from typing import Any

from alembic.util import CommandError
from sqlalchemy import Connection, Engine

from src.core.config.settings.base import AppEnv, SettingsError, get_settings
from src.domain.shared.errors import DomainError
from src.infrastructure.shared.database.local_sqlite import EngineRole
from src.infrastructure.shared.database.turso_connection import get_turso_connection
from src.operations.migrations.lock import Holder, Lease, MigrationLock
from src.operations.migrations.safeguards import foreign_keys_off
from src.operations.migrations.supervision import Supervision
from src.operations.migrations.target import Target

# What Alembic calls the functions of its commands that change no database. What is not listed takes the lock.
_READ_ONLY = {
    "display_version",
    "retrieve_migrations",
    "show_current",
    "edit_current",
    "_display_current_history",
}

_log = getLogger("alembic.env")


def run(context: Any, **options: Any) -> None:
    """Runs what Alembic was asked for; `context` is its module of that name, `options` are for `configure`."""
    try:
        _run(context, options)
    except (DomainError, SettingsError) as exc:
        if context.config.cmd_opts is None:
            raise
        # one line on the command line, where the rest would be a traceback
        raise CommandError(str(exc)) from exc


def _run(context: Any, options: dict[str, Any]) -> None:
    context.configure(dialect_name="sqlite", transactional_ddl=True)  # only to learn what was asked for
    asked = context.get_context().opts["fn"]
    given: Engine | Connection | None = context.config.attributes.get("connection")
    if asked.__name__ in _READ_ONLY:
        with _connection(given) as connection:
            _migrate(context, connection, options)
        return
    supervision: Supervision | None = context.config.attributes.get("supervision")
    if supervision is None:
        supervision = Supervision(_target(given))
        supervision.require_unsafe(context.get_x_argument(as_dictionary=True).get("unsafe"))
    with _lease(given, supervision, asked.__name__) as supervision.lease, _connection(given) as connection:
        quiet = supervision.lease.quiet_beside(connection) if supervision.lease else nullcontext()
        with foreign_keys_off(connection, keep=given is connection), quiet:
            supervision.look_at(connection)
            supervised = {"fn": supervision.around(asked), "on_version_apply": supervision.verify}
            _migrate(context, connection, options | supervised)


def _migrate(context: Any, connection: Connection, options: dict[str, Any]) -> None:
    context.configure(
        connection=connection, transactional_ddl=True, transaction_per_migration=True, **options
    )
    with context.begin_transaction():
        context.run_migrations()


def _target(given: Engine | Connection | None) -> Target:
    if given is None:
        return Target.of(get_turso_connection(), get_settings().app_env)
    file = _file(given.engine)
    url = f"sqlite:///{file}" if file else given.engine.url.render_as_string(hide_password=True)
    return Target(url, AppEnv.LOCAL, file)


def _file(engine: Engine) -> Path | None:
    is_file = engine.dialect.driver in ("local", "pysqlite") and engine.url.database not in (
        None,
        "",
        ":memory:",
    )
    return Path(engine.url.database or "") if is_file else None


@contextmanager
def _connection(given: Engine | Connection | None) -> Iterator[Connection]:
    if isinstance(given, Connection):
        yield given
        return
    engine = given or get_turso_connection().engine(EngineRole.WRITE)
    with engine.connect() as connection:
        yield connection


@contextmanager
def _lease(given: Engine | Connection | None, supervision: Supervision, what: str) -> Iterator[Lease | None]:
    if supervision.lease is not None or supervision.is_private or isinstance(given, Connection):
        yield supervision.lease
        return
    # of an engine that was handed over, the only connection may be the one that migrates
    engine = given or get_turso_connection().engine(EngineRole.SESSION)
    lock = MigrationLock(engine, file=supervision.target.file, renewing=given is None)
    with lock.hold(f"alembic {what.removeprefix('do_')}", when_held=_say_that_we_wait) as lease:
        if lease.taken_over is not None:
            _say_what_happened(lease.taken_over)
        yield lease


def _say_that_we_wait(who: str) -> None:
    _log.info("Waiting for %s", who)


def _say_what_happened(dead: Holder) -> None:
    _log.warning("Taking over from %s, which ended before it was done; its open migration was undone", dead)
