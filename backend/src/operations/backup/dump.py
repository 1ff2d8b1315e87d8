"""A database as SQL text: exact to the last bit, whichever SQLite reads it.

Ours instead of the server's `GET /dump`, which does not load when a text holds a NUL character or when there is a
full-text table, and relies on SQLite's reading of decimal fractions, which is off by a bit for one in 300,000 of them
(SQLite 3.40, fractions below 1).
"""

import gzip
import io
import math
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import IO, Any

from src.infrastructure.shared.database.sql_text import literal, statements
from src.operations.backup.errors import BackupDamagedError
from src.operations.backup.sqlite_file import Progress, no_progress, watched
from src.operations.backup.stored import StoredTable

_CHUNK = 256 * 1024
_MOST_ROWS = 200
_MOST_CHARACTERS = 256 * 1024
_SHORT_INTEGER = 10**15


class DumpWriter:
    """Writes statements that make the database anew, in an empty one and in one transaction."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._table: StoredTable | None = None
        self._rows: list[str] = []
        self._characters = 0
        file.write("PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n")

    def statement(self, sql: str) -> None:
        self._end_insert()
        self._file.write(f"{sql};\n")

    def row(self, table: StoredTable, values: Sequence[object]) -> None:
        text = f"({','.join(map(sql_literal, values))})"
        is_full = len(self._rows) >= _MOST_ROWS or self._characters + len(text) > _MOST_CHARACTERS
        if table is not self._table or is_full:
            self._end_insert()
            self._table = table
        self._rows.append(text)
        self._characters += len(text)

    def end(self) -> None:
        self._end_insert()
        self._file.write("COMMIT;\n")

    def _end_insert(self) -> None:
        if self._table is not None:
            rows = ",\n".join(self._rows)
            self._file.write(f"{self._table.insert_into}\n{rows};\n")
        self._table, self._rows, self._characters = None, [], 0


def sql_literal(value: object) -> str:
    """SQL that every SQLite reads as exactly `value`."""
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f"X'{value.hex()}'"
    if isinstance(value, str):
        return literal(value) if "\0" not in value else f"CAST(X'{value.encode().hex()}' AS TEXT)"
    if isinstance(value, float):
        return _float_literal(value)
    if isinstance(value, int):
        # the literal of the least integer would be a positive one, too large, with a sign before it
        return str(value) if value != -(2**63) else f"({value + 1}-1)"
    raise TypeError(f"SQLite keeps no {type(value).__name__}")


def _float_literal(value: float) -> str:
    """An integer, divided or multiplied by powers of two: nothing is rounded, whatever the reader's arithmetic."""
    if math.isinf(value):
        return "9e999" if value > 0 else "-9e999"
    if value.is_integer() and abs(value) < _SHORT_INTEGER:
        return f"{value:.1f}"
    mantissa, exponent = math.frexp(value)
    whole, exponent = int(mantissa * 2**53), exponent - 53
    while whole % 2 == 0:
        whole, exponent = whole // 2, exponent + 1
    sign = "*" if exponent > 0 else "/"
    steps, rest = divmod(abs(exponent), 62)
    return f"({whole}*1.0{f'{sign}{2**62}' * steps}{sign}{2**rest})"


def load_dump(
    path: Path, into: Path, on_progress: Progress = no_progress, *, compressed: bool | None = None
) -> None:
    """Runs the statements of a dump in the empty file `into`. Raises BackupDamagedError.

    Unless told, it is taken for `compressed` when its name ends in .gz.
    """
    compressed = path.name.endswith(".gz") if compressed is None else compressed
    size = path.stat().st_size or 1
    # Python would keep the last 128 statements, each 256 KB long
    opened = sqlite3.connect(into, isolation_level=None, cached_statements=0)
    with path.open("rb") as raw, closing(opened) as connection:
        connection.execute("PRAGMA journal_mode=MEMORY")
        connection.execute("PRAGMA synchronous=OFF")
        connection.set_authorizer(_refuse_other_files)
        done = 0
        try:
            with watched(connection, lambda: on_progress("Loading", min(raw.tell() / size, 1))):
                for statement in statements(_texts(raw, compressed)):
                    connection.execute(statement).fetchall()
                    done += 1
        except (sqlite3.Error, sqlite3.Warning, OSError, EOFError, ValueError) as exc:
            raise BackupDamagedError(f"{path} cannot be loaded: {exc} (after {done} statements).") from exc
        if connection.in_transaction:
            raise BackupDamagedError(f"{path} ends before its end: its COMMIT is missing.")


def _texts(raw: IO[bytes], is_compressed: bool) -> Iterator[str]:
    file: Any = gzip.GzipFile(fileobj=raw) if is_compressed else raw
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    try:
        while chunk := text.read(_CHUNK):
            yield chunk
    finally:
        text.detach()


def _refuse_other_files(action: int, *_: object) -> int:
    return sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_ATTACH else sqlite3.SQLITE_OK
