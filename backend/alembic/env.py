"""How Alembic reaches the database.

The database is the one of the settings (APP_ENV), unless a caller injects an Engine or a Connection as
`config.attributes["connection"]` (the tests and our own commands do). One runner at a time; each migration is one
transaction, DDL included, checked before it is committed, so a failed one leaves nothing behind.
"""

from logging.config import fileConfig
from typing import Any

from alembic import context
from sqlalchemy.types import TypeEngine

from src.infrastructure.database.models import Base
from src.infrastructure.shared.database.base import UtcDateTime
from src.operations.migrations.environment import run
from src.operations.migrations.schema import is_bookkeeping

config = context.config
if config.config_file_name is not None and config.attributes.get("configure_logger", True):
    fileConfig(config.config_file_name, disable_existing_loggers=False)


def include_object(_object: Any, name: str | None, kind: str, _reflected: bool, _compare_to: Any) -> bool:
    """Tables that share the database and are not ours are neither compared nor dropped."""
    return not (kind == "table" and is_bookkeeping(name or ""))


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

run(
    context,
    target_metadata=Base.metadata,
    render_as_batch=True,
    compare_type=True,
    include_object=include_object,
    render_item=render_item,
)
