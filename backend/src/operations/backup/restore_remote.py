"""Filling an empty remote database with a backup. The application is pointed at it afterwards: nothing is swapped."""

import sqlite3
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from src.domain.shared.errors import DomainError, UnavailableError
from src.infrastructure.shared.database.libsql.errors import StreamLost
from src.operations.backup.errors import RestoreError
from src.operations.backup.folder import BackupFolder, make_private
from src.operations.backup.pouring import TableSum, differing_tables
from src.operations.backup.remote import Remote, engine_on
from src.operations.backup.remote_snapshot import RemoteSnapshot, RemoteUnavailableError
from src.operations.backup.sqlite_file import Contents, Progress, no_progress, open_at_rest
from src.operations.backup.stored import SEQUENCES, Stored, stored_in
from src.operations.backup.unpacking import Source, expected_bytes, unpack
from src.operations.migrations.safeguards import foreign_keys_off
from src.operations.migrations.schema import diff, snapshot

# One transaction: short enough for the 5 s that Turso gives one, however slow the way there is.
_MOST_ROWS = 500
_MOST_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class RestoredAnew:
    """`into` has the contents now; it is None when nothing was to be done."""

    contents: Contents
    into: Remote | None


def restore_remote(
    source: Source,
    open_target: Callable[[], Remote] | None,
    folder: BackupFolder,
    *,
    known_revisions: Collection[str],
    dry_run: bool = False,
    on_progress: Progress = no_progress,
) -> RestoredAnew:
    """Checks the backup and that the target is empty, copies, and reads everything back to compare it.

    `open_target` is called once the backup is proved to be sound; None checks the backup only. Raises RestoreError,
    BackupError and UnavailableError. One that is raised while copying leaves the target half-filled, and says so; no
    application knows of it yet.
    """
    with folder.workspace(expected_bytes=expected_bytes(source)) as work:
        file = work / "backup.db"
        make_private(file)
        contents = unpack(source, file, known_revisions, on_progress)
        if open_target is None:
            return RestoredAnew(contents, None)
        into = open_target()
        with engine_on(into) as engine, closing(open_at_rest(file)) as original:
            _require_empty(engine, into)
            if dry_run:
                return RestoredAnew(contents, None)
            stored = stored_in(lambda sql: original.execute(sql).fetchall())
            with _told_what_is_left(into):
                _copy(original, stored, engine, contents, on_progress)
                _verify(original, file, stored, engine, into, on_progress)
    return RestoredAnew(contents, into)


@contextmanager
def _told_what_is_left(into: Remote) -> Iterator[None]:
    left = f"{into.url} is filled in part: delete it, and restore into another new database."
    try:
        yield
    except UnavailableError as exc:
        raise RemoteUnavailableError(f"{exc} {left}") from exc
    except DBAPIError as exc:
        if isinstance(exc.orig, StreamLost):
            raise RemoteUnavailableError(f"{into.url} does not answer ({exc.orig}). {left}") from exc
        raise RestoreError(f"{into.url} refused ({exc.orig}). {left}") from exc
    except DomainError as exc:
        raise RestoreError(f"{exc} {left}") from exc


def _require_empty(engine: Engine, into: Remote) -> None:
    with engine.connect() as connection:
        found = snapshot(connection)
    if found.tables or found.virtual_tables or found.views:
        listed = ", ".join([*found.tables, *found.virtual_tables, *found.views][:5])
        raise RestoreError(
            f"{into.url} is not empty (it has {listed}). A backup is restored into a new, empty database."
        )


def _copy(
    original: sqlite3.Connection, stored: Stored, engine: Engine, contents: Contents, on_progress: Progress
) -> None:
    with engine.connect() as connection, foreign_keys_off(connection, keep=False):
        for table in stored.tables:
            _do(connection, table.sql)
        expected, done = sum(contents.rows.values()) or 1, 0
        for table in stored.filled:
            if table.name == SEQUENCES:  # the rows before have made some
                _do(connection, f"DELETE FROM {SEQUENCES}")  # noqa: S608 - a constant
            for rows in _portions(original.execute(table.select)):
                connection.exec_driver_sql(table.insert, rows)
                connection.commit()
                done += len(rows)
                on_progress("Writing", min(done / expected, 1))
        for sql in (*filter(None, (table.rebuilt_by for table in stored.tables)), *stored.finishing):
            _do(connection, sql)


def _do(connection: Connection, sql: str) -> None:
    connection.exec_driver_sql(sql)
    connection.commit()


def _portions(cursor: sqlite3.Cursor) -> Iterator[list[tuple[Any, ...]]]:
    rows: list[tuple[Any, ...]] = []
    size = 0
    for row in cursor:
        rows.append(row)
        size += sum(len(value) for value in row if isinstance(value, str | bytes))
        if len(rows) >= _MOST_ROWS or size > _MOST_BYTES:
            yield rows
            rows, size = [], 0
    if rows:
        yield rows


def _verify(
    original: sqlite3.Connection,
    file: Path,
    stored: Stored,
    engine: Engine,
    into: Remote,
    on_progress: Progress,
) -> None:
    with engine.connect() as connection:
        differences = diff(snapshot(original), snapshot(connection))
    if differences:
        raise RestoreError(f"{into.url} has another schema than the backup: {differences[0]}.")
    with RemoteSnapshot(into.url, into.token) as read_back:
        found = read_back.contents()
        sums = {table.name: TableSum() for table in found.stored.filled}
        seen = 0
        for table, row in read_back.rows(found):
            seen += sums[table.name].add(row)
            on_progress("Comparing", min(seen / found.bytes, 1))
    if unlike := differing_tables(file, stored, sums):
        raise RestoreError(f"{into.url} has other rows in {unlike} than the backup.")
