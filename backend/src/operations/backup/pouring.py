"""Writing a remote snapshot down, as SQL text or straight into a database file, and proving that nothing changed."""

import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Protocol

from src.infrastructure.shared.database.sql_text import quoted
from src.operations.backup.errors import BackupError
from src.operations.backup.remote_snapshot import RemoteContents, RemoteSnapshot
from src.operations.backup.sqlite_file import Progress

_MOST_ROWS = 500
_ANY_ORDER = 2**128


class Sink(Protocol):
    """Takes a database part by part."""

    def statement(self, sql: str) -> None: ...
    def row(self, table: str, columns: tuple[str, ...], values: Sequence[Any]) -> None: ...
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
    sums: dict[str, TableSum] = defaultdict(TableSum)
    for table in contents.tables:
        sink.statement(table.sql)
    if contents.has_sequences:
        sums["sqlite_sequence"] = TableSum()
    seen = 0
    at_sequences = False
    for table, row in snapshot.rows(contents):
        if table.name == "sqlite_sequence" and not at_sequences:
            at_sequences = True
            sink.statement("DELETE FROM sqlite_sequence")
        seen += sums[table.name].add(row)
        sink.row(table.name, table.columns, row)
        on_progress("Reading", min(seen / contents.bytes, 1))
    for table in contents.tables:
        if table.rebuilt_by is not None:
            sink.statement(table.rebuilt_by)
    for sql in contents.finishing:
        sink.statement(sql)
    sink.end()
    return sums


class DatabaseWriter:
    """Fills the empty file `path`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._sql, self._rows = "", list[Sequence[Any]]()
        connection.execute("PRAGMA journal_mode=MEMORY")
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("BEGIN")

    def statement(self, sql: str) -> None:
        self._flush()
        self._connection.execute(sql)

    def row(self, table: str, columns: tuple[str, ...], values: Sequence[Any]) -> None:
        places = ", ".join("?" * len(columns))
        sql = f"INSERT INTO {quoted(table)} ({', '.join(map(quoted, columns))}) VALUES ({places})"  # noqa: S608
        if sql != self._sql or len(self._rows) >= _MOST_ROWS:
            self._flush()
            self._sql = sql
        self._rows.append(values)

    def end(self) -> None:
        self._flush()
        self._connection.execute("COMMIT")

    def _flush(self) -> None:
        if self._rows:
            self._connection.executemany(self._sql, self._rows)
        self._sql, self._rows = "", []


def write_database(snapshot: RemoteSnapshot, into: Path, on_progress: Progress) -> None:
    """The snapshot as a database in the empty file `into`. Raises BackupError."""
    contents = snapshot.contents()
    with closing(sqlite3.connect(into, isolation_level=None)) as connection:
        try:
            sums = pour(snapshot, contents, DatabaseWriter(connection), on_progress)
        except sqlite3.Error as exc:
            raise BackupError(f"{snapshot.url} cannot be copied into a SQLite file: {exc}.") from exc
    require_same(into, contents, sums, snapshot.url)


def require_same(file: Path, contents: RemoteContents, sums: Sums, url: str) -> None:
    """Raises BackupError unless `file` has exactly the rows that were read."""
    with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
        for table in contents.tables:
            if table.rebuilt_by is not None:
                continue
            found = TableSum()
            columns = ", ".join(map(quoted, table.columns))
            for row in connection.execute(f"SELECT {columns} FROM {quoted(table.name)}"):  # noqa: S608
                found.add(row)
            if found != sums.get(table.name, TableSum()):
                raise BackupError(f"The copy of {url} has other rows in {table.name}. Check the disk.")
