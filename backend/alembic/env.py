"""How Alembic reaches the database.

The database is the one of the settings, unless a caller injects an Engine or a Connection as
`config.attributes["connection"]` (the tests and our own commands do). Each migration is one transaction, DDL included,
so a failed one leaves nothing behind.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from logging.config import fileConfig
from typing import Any

from alembic import context
from sqlalchemy import Connection, Engine
from sqlalchemy.types import TypeEngine

from src.infrastructure.database.models import Base
from src.infrastructure.shared.database.base import UtcDateTime
from src.infrastructure.shared.database.local_sqlite import EngineRole
from src.infrastructure.shared.database.turso_connection import get_turso_connection

config = context.config
if config.config_file_name is not None and config.attributes.get("configure_logger", True):
    fileConfig(config.config_file_name, disable_existing_loggers=False)

# Tables that share the database and are not ours to compare or drop.
FOREIGN_TABLES = ("_migration_lock", "_litestream", "sqlite_", "libsql_")


@contextmanager
def open_connection() -> Iterator[Connection]:
    given: Engine | Connection | None = config.attributes.get("connection")
    if isinstance(given, Connection):
        yield given
        return
    engine = given or get_turso_connection().engine(EngineRole.WRITE)
    with engine.connect() as connection:
        yield connection


@contextmanager
def foreign_keys_off(connection: Connection) -> Iterator[None]:
    """A batch migration drops and rebuilds a table; with foreign keys on, that deletes the rows that refer to it.

    The PRAGMA works only outside a transaction, and belongs to this connection, which is therefore thrown away after.
    """
    raw: Any = connection.connection.dbapi_connection
    if hasattr(raw, "sticky"):
        raw.sticky = True
    raw.execute("PRAGMA foreign_keys=OFF")
    if raw.execute("PRAGMA foreign_keys").fetchone()[0] != 0:
        raise RuntimeError("cannot migrate inside an open transaction: foreign keys would stay on")
    try:
        yield
    finally:
        if config.attributes.get("connection") is connection:
            raw.execute("PRAGMA foreign_keys=ON")
        else:
            connection.invalidate()


def refuse_broken_references(*, ctx: Any, **_: Any) -> None:
    """Runs inside the transaction of each migration, after it: raising rolls it back."""
    broken = ctx.connection.exec_driver_sql("PRAGMA foreign_key_check").fetchmany(5)
    if broken:
        raise RuntimeError(f"the migration breaks foreign keys (table, rowid, parent, key): {broken}")


def include_object(_object: Any, name: str | None, kind: str, _reflected: bool, _compare_to: Any) -> bool:
    return not (kind == "table" and (name or "").startswith(FOREIGN_TABLES))


def render_item(kind: str, item: Any, _autogen_context: Any) -> str | bool:
    """Migrations must outlive our code: custom types are written as SQLAlchemy's own."""
    if kind == "type" and isinstance(item, TypeEngine) and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


if context.is_offline_mode():
    raise SystemExit(
        "--sql is not supported: SQLite migrations rebuild tables from the live schema.\n"
        "To see what an upgrade would do, run: autoforge db plan"
    )

with open_connection() as connection, foreign_keys_off(connection):
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        compare_type=True,
        transactional_ddl=True,
        transaction_per_migration=True,
        include_object=include_object,
        render_item=render_item,
        on_version_apply=refuse_broken_references,
    )
    with context.begin_transaction():
        context.run_migrations()
