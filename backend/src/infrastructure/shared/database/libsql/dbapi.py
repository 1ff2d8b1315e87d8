"""DB-API 2.0 (PEP 249) over a libSQL stream. Outside `begin()` a statement is its own transaction.

Values arrive as they are, or not at all: DataError for what the protocol would change (NaN, which sqlite3 stores as
NULL; infinity; an integer beyond 64 bits; half a surrogate pair).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from sqlite3 import (
    Binary,
    DatabaseError,
    DataError,
    Error,
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    Warning,  # noqa: A004  # PEP 249's name
)
from typing import Any, Self

from pydantic import SecretStr

from src.infrastructure.shared.database.libsql.driver import Json, Result, encode
from src.infrastructure.shared.database.libsql.retry import ReadRetry
from src.infrastructure.shared.database.libsql.stream import Statement, Stream, keyword_of
from src.infrastructure.shared.database.libsql.transport import Timeouts, Transport

__all__ = [
    "Binary",
    "Connection",
    "Cursor",
    "DataError",
    "DatabaseError",
    "Error",
    "IntegrityError",
    "InterfaceError",
    "InternalError",
    "NotSupportedError",
    "OperationalError",
    "ProgrammingError",
    "Warning",
    "apilevel",
    "connect",
    "paramstyle",
    "sqlite_version",
    "sqlite_version_info",
    "threadsafety",
]

apilevel = "2.0"
threadsafety = 1
paramstyle = "qmark"
# Of libsql-server 0.24; asking for it would cost each new connection a round trip.
sqlite_version_info = (3, 45, 1)
sqlite_version = "3.45.1"

# One request of executemany: fewer would cost round trips, more would keep the write lock while it travels.
CHUNK_STATEMENTS = 500
CHUNK_BYTES = 1024 * 1024

Parameters = Sequence[Any] | Mapping[str, Any]

_SETTING = re.compile(r"PRAGMA\s+(?:\w+\s*\.\s*)?(?!user_version|application_id)\w+\s*=", re.IGNORECASE)
_DML = ("INSERT", "UPDATE", "DELETE", "REPLACE")


def connect(
    url: str,
    *,
    auth_token: SecretStr | str | None = None,
    timeouts: Timeouts | None = None,
    read_retry: ReadRetry | None = None,
) -> "Connection":
    """A connection to the server at `url` (http or https), which is asked when there is something to ask.

    With `read_retry`, what only reads outside a transaction is asked again when the way to the server fails.
    """
    token = SecretStr(auth_token) if isinstance(auth_token, str) else auth_token
    return Connection(Stream(url, Transport(token, timeouts or Timeouts())), read_retry)


class Connection:
    """`isolation` is kept for the dialect."""

    isolation: str = "SERIALIZABLE"

    def __init__(self, stream: Stream, read_retry: ReadRetry | None = None) -> None:
        self._stream, self._read_retry = stream, read_retry
        self._closed = False

    @property
    def sticky(self) -> bool:
        """Whether one stream of the server is kept, so that a PRAGMA holds; 10 s of rest lose it. False ends it."""
        return self._stream.sticky

    @sticky.setter
    def sticky(self, value: bool) -> None:
        if self._stream.sticky and not value:
            self._stream.end()
        self._stream.sticky = value

    @property
    def in_transaction(self) -> bool:
        return self._stream.in_transaction or self._stream.pending_begin is not None

    def begin(self, sql: str = "BEGIN IMMEDIATE") -> None:
        """`sql` goes with the first statement. A transaction without one never reaches the server."""
        self._opened().pending_begin = sql

    def commit(self) -> None:
        self._opened().commit()

    def rollback(self) -> None:
        self._opened().rollback()

    def close(self) -> None:
        """Rolls back what is not committed."""
        if not self._closed:
            self._closed = True
            self._stream.close()

    def cursor(self) -> "Cursor":
        self._opened()
        return Cursor(self)

    def execute(self, sql: str, parameters: Parameters = ()) -> "Cursor":
        return self.cursor().execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Parameters]) -> "Cursor":
        return self.cursor().executemany(sql, parameters)

    def run(self, statements: Sequence[Statement]) -> list[Result]:
        """The results of `statements`, in one request."""
        stream = self._opened()
        if (
            self._read_retry is None
            or self.in_transaction
            or stream.sticky
            or not all(statement.reads for statement in statements)
        ):
            return stream.run(statements)
        return self._read_retry.call(lambda: stream.run(statements))

    def _opened(self) -> Stream:
        if self._closed:
            raise ProgrammingError("Cannot operate on a closed database.")
        return self._stream


class Cursor:
    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.arraysize = 1
        self.description: tuple[tuple[Any, ...], ...] | None = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self._rows: Iterator[tuple[Any, ...]] = iter(())
        self._closed = False

    def execute(self, sql: str, parameters: Parameters = ()) -> Self:
        self._forget()
        statement = _statement(sql, keyword_of(sql), parameters, want_rows=True)
        if (
            statement.keyword == "PRAGMA"
            and _SETTING.search(sql)
            and not (self.connection.sticky or self.connection.in_transaction)
        ):
            raise ProgrammingError(
                "The PRAGMA would be forgotten with its request: set `sticky` of the connection."
            )
        [result] = self.connection.run([statement])
        if result.columns:
            self.description = tuple((name, None, None, None, None, None, None) for name in result.columns)
        self._rows = iter(result.rows)
        if statement.keyword in _DML:
            self.rowcount = result.affected_rows
        if statement.keyword in ("INSERT", "REPLACE"):
            self.lastrowid = result.last_row_id
        return self

    def executemany(self, sql: str, parameters: Iterable[Parameters]) -> Self:
        """Some hundreds of rows go in one request; outside a transaction those before a bad row stay."""
        self._forget()
        keyword = keyword_of(sql)
        if keyword not in (*_DML, "WITH"):
            raise ProgrammingError("executemany() can only execute DML statements.")
        affected = 0
        for chunk in _chunks(_statement(sql, keyword, row, want_rows=False) for row in parameters):
            affected += sum(result.affected_rows for result in self.connection.run(chunk))
        self.rowcount = affected
        return self

    def fetchone(self) -> tuple[Any, ...] | None:
        self._ensure_open()
        return next(self._rows, None)

    def fetchmany(self, size: int | None = None) -> list[tuple[Any, ...]]:
        self._ensure_open()
        return list(islice(self._rows, self.arraysize if size is None else size))

    def fetchall(self) -> list[tuple[Any, ...]]:
        self._ensure_open()
        return list(self._rows)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        self._ensure_open()
        return self._rows

    def close(self) -> None:
        self._closed = True
        self._rows = iter(())

    def setinputsizes(self, sizes: object) -> None:
        """PEP 249 wants it; SQLite has no sizes."""

    def setoutputsize(self, size: object, column: object = None) -> None:
        """PEP 249 wants it; SQLite has no sizes."""

    def _forget(self) -> None:
        self._ensure_open()
        self.description, self.rowcount, self._rows = None, -1, iter(())

    def _ensure_open(self) -> None:
        if self._closed:
            raise ProgrammingError("Cannot operate on a closed cursor.")


def _statement(sql: str, keyword: str, parameters: Parameters, *, want_rows: bool) -> Statement:
    if "\0" in sql:
        raise ProgrammingError("the query contains a null character")
    body: Json = {"sql": sql, "want_rows": want_rows}
    if isinstance(parameters, Mapping):
        body["named_args"] = [
            {"name": name, "value": _encoded(value, name)} for name, value in parameters.items()
        ]
    elif parameters:
        body["args"] = [_encoded(value, number) for number, value in enumerate(parameters, 1)]
    return Statement(body, keyword)


def _encoded(value: object, name: object) -> Json:
    try:
        return encode(value)
    except ValueError as exc:
        raise DataError(f"Error binding parameter {name}: {exc}") from None
    except TypeError:
        raise ProgrammingError(
            f"Error binding parameter {name}: type {type(value).__name__!r} is not supported"
        ) from None


def _chunks(statements: Iterable[Statement]) -> Iterator[list[Statement]]:
    chunk: list[Statement] = []
    size = 0
    for statement in statements:
        more = _size(statement)
        if chunk and (len(chunk) == CHUNK_STATEMENTS or size + more > CHUNK_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(statement)
        size += more
    if chunk:
        yield chunk


def _size(statement: Statement) -> int:
    """About how long it is on its way."""
    values = statement.body.get("args") or [named["value"] for named in statement.body.get("named_args", ())]
    return len(statement.body["sql"]) + sum(
        40 + len(value.get("base64") or str(value.get("value", ""))) for value in values
    )
