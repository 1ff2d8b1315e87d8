"""What is made sure of around every migration, on both backends."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection

from src.domain.shared.errors import ConflictError
from src.operations.migrations.schema import row_counts

References = Mapping[tuple[str, str], int]
"""How many rows of a table refer to a parent that is not there, by table and parent."""


class MigrationRefusedError(ConflictError):
    """What was asked for, or what a migration did, could lose data. It was not done, or it was undone."""

    code = "migration_refused"
    title = "The migration is refused"


@contextmanager
def foreign_keys_off(connection: Connection, *, keep: bool) -> Iterator[None]:
    """A batch migration drops and rebuilds a table; with foreign keys on, that deletes the rows that refer to it.

    The PRAGMA works only outside a transaction and belongs to this connection: on libSQL to its stream, which must
    therefore stay the same. The connection is thrown away after, unless its owner wants to `keep` it.
    """
    raw: Any = connection.connection.dbapi_connection
    was_sticky = getattr(raw, "sticky", None)
    if was_sticky is not None:
        raw.sticky = True
    _set_foreign_keys(raw, on=False)
    if _foreign_keys(raw) != 0:
        raise RuntimeError("cannot migrate inside an open transaction: foreign keys would stay on")
    try:
        yield
    finally:
        if keep:
            _set_foreign_keys(raw, on=True)
            if was_sticky is not None:
                raw.sticky = was_sticky
        else:
            connection.invalidate()


def require_foreign_keys_off(connection: Connection) -> None:
    """Once more inside the transaction: a stream that was lost in between came back with foreign keys on."""
    if connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() != 0:
        raise MigrationRefusedError("Foreign keys are on: rebuilding a table would delete what refers to it.")


@contextmanager
def reading(connection: Connection) -> Iterator[None]:
    """No transaction: what is read in the block neither waits for writers nor keeps them waiting."""
    level = connection.get_isolation_level()
    connection.execution_options(isolation_level="AUTOCOMMIT")
    try:
        yield
    finally:
        connection.rollback()
        connection.execution_options(isolation_level=level)


def broken_references(connection: Connection) -> References:
    rows = connection.exec_driver_sql(
        'SELECT "table", parent, count(*) FROM pragma_foreign_key_check GROUP BY 1, 2'
    )
    return {(table, parent): count for table, parent, count in rows}


def refuse_broken_references(before: References, after: References) -> None:
    """References that were broken `before` may stay so, else nobody could migrate to mend them."""
    broken = [
        f"{count - before.get(pair, 0)} of {pair[0]} to {pair[1]}"
        for pair, count in after.items()
        if count > before.get(pair, 0)
    ]
    if broken:
        raise MigrationRefusedError(f"The migration breaks foreign keys: {', '.join(broken)}.")


def refuse_lost_rows(
    before: Mapping[str, int], connection: Connection, *, allowed: Collection[str], may_drop: bool
) -> None:
    """No table may have fewer rows than `before`, but for those `allowed`; with `may_drop` it may be gone."""
    after = row_counts(connection)
    lost = [
        f"{table} has {after.get(table, 0):,} rows of {count:,}"
        for table, count in before.items()
        if after.get(table, 0) < count and table not in allowed and not (may_drop and table not in after)
    ]
    if lost:
        raise MigrationRefusedError(
            f"The migration loses rows: {', '.join(lost)}. If it is meant to, say so in it: "
            "may_lose_rows = (the names of these tables)"
        )


def _foreign_keys(raw: Any) -> int:
    cursor = raw.cursor()
    try:
        cursor.execute("PRAGMA foreign_keys")
        return int(cursor.fetchone()[0])
    finally:
        cursor.close()


def _set_foreign_keys(raw: Any, *, on: bool) -> None:
    cursor = raw.cursor()
    try:
        cursor.execute(f"PRAGMA foreign_keys={'ON' if on else 'OFF'}")
    finally:
        cursor.close()
