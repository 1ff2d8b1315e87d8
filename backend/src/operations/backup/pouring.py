"""Writing a remote snapshot down, as SQL text or straight into a database file, and proving that nothing changed."""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Protocol

from src.operations.backup.errors import BackupError
from src.operations.backup.remote_snapshot import RemoteContents, RemoteSnapshot
from src.operations.backup.sqlite_file import Progress, open_at_rest
from src.operations.backup.stored import SEQUENCES, Stored, StoredTable

_MOST_ROWS = 500
_ANY_ORDER = 2**128


class Sink(Protocol):
    """Takes a database part by part."""

    def statement(self, sql: str) -> None: ...
    def row(self, table: StoredTable, values: Sequence[Any]) -> None: ...
    def end(self) -> None: ...


@dataclass(slots=True)
class TableSum:
    """Rows of a table, and a checksum of their values that does not depend on their order."""

    rows: int = 0
    digest: int = 0

    def add(self, row: Sequence[Any]) -> int:
        """Returns about how many bytes the row has."""
        text = repr(tuple(row)).encode("utf-8", "surrogatepass")
        self.rows += 1
        self.digest = (self.digest + int.from_bytes(blake2b(text, digest_size=16).digest())) % _ANY_ORDER
        return len(text)


Sums = Mapping[str, TableSum]


def pour(snapshot: RemoteSnapshot, contents: RemoteContents, sink: Sink, on_progress: Progress) -> Sums:
    """Everything in an order in which it can be made: tables, rows, then what watches rows or points to them."""
    stored = contents.stored
    sums = {table.name: TableSum() for table in stored.filled}
    for table in stored.tables:
        sink.statement(table.sql)
    seen, at = 0, ""
    for table, row in snapshot.rows(contents):
        if table.name != at:
            at = table.name
            if at == SEQUENCES:  # the rows before have made some
                sink.statement(f"DELETE FROM {SEQUENCES}")  # noqa: S608 - a constant
        seen += sums[at].add(row)
        sink.row(table, row)
        on_progress("Reading", min(seen / contents.bytes, 1))
    for sql in (*filter(None, (table.rebuilt_by for table in stored.tables)), *stored.finishing):
        sink.statement(sql)
    sink.end()
    return sums


class DatabaseWriter:
    """Fills an empty database, in one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._table: StoredTable | None = None
        self._rows: list[Sequence[Any]] = []
        connection.execute("PRAGMA journal_mode=MEMORY")
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("BEGIN")

    def statement(self, sql: str) -> None:
        self._flush()
        self._connection.execute(sql)

    def row(self, table: StoredTable, values: Sequence[Any]) -> None:
        if table is not self._table or len(self._rows) >= _MOST_ROWS:
            self._flush()
            self._table = table
        self._rows.append(values)

    def end(self) -> None:
        self._flush()
        self._connection.execute("COMMIT")

    def _flush(self) -> None:
        if self._table is not None:
            self._connection.executemany(self._table.insert, self._rows)
        self._table, self._rows = None, []


def write_database(snapshot: RemoteSnapshot, into: Path, on_progress: Progress) -> None:
    """The snapshot as a database in the empty file `into`. Raises BackupError."""
    contents = snapshot.contents()
    with closing(sqlite3.connect(into, isolation_level=None)) as connection:
        try:
            sums = pour(snapshot, contents, DatabaseWriter(connection), on_progress)
        except sqlite3.Error as exc:
            raise BackupError(f"{snapshot.url} cannot be copied into a SQLite file: {exc}.") from exc
    if unlike := differing_tables(into, contents.stored, sums):
        raise BackupError(f"The copy of {snapshot.url} has other rows in {unlike}. Check the disk.")


def differing_tables(file: Path, stored: Stored, sums: Sums) -> str:
    """The tables of a file at rest whose rows are not exactly those of `sums`."""
    unlike = []
    with closing(open_at_rest(file)) as connection:
        for table in stored.filled:
            found = TableSum()
            for row in connection.execute(table.select):
                found.add(row)
            if found != sums.get(table.name):
                unlike.append(table.name)
    return ", ".join(unlike)
