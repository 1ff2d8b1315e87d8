"""SQL for people: one statement at a time, read-only unless asked."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Protocol

from sqlalchemy import CursorResult
from sqlalchemy.exc import DBAPIError

from src.domain.shared.errors import DomainError
from src.infrastructure.shared.database.local_sqlite import EngineRole
from src.infrastructure.shared.database.sql_text import statements, tokens
from src.operations.backup.remote import lost_explained
from src.operations.backup.sqlite_file import open_for_reading, watched
from src.operations.migrations.target import Database
from src.operations.shell.reading import require_reading


class SqlError(DomainError):
    """What the database said about a statement. Nothing of it was done."""

    code = "sql_error"
    title = "The statement was refused"


@dataclass(frozen=True, slots=True)
class Answer:
    """`columns` is empty for a statement without rows; `changed` counts what it changed, where that is known.

    `is_cut`: there are more rows than were asked for.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    is_cut: bool
    changed: int | None
    seconds: float


class SqlShell(Protocol):
    """Raises SqlError, ReadOnlyError and UnavailableError."""

    @property
    def is_in_transaction(self) -> bool: ...
    def run(self, sql: str, *, limit: int) -> Answer:
        """One statement, with or without its semicolon, and at most `limit` of its rows."""

    def statements(self, script: str) -> list[str]:
        """Of a script, without those that are only comments."""

    def is_complete(self, text: str) -> bool:
        """Whether the last statement of `text` is ended by a semicolon."""


class _Reader:
    """What every shell understands of SQL."""

    def statements(self, script: str) -> list[str]:
        return [sql for sql in statements([script]) if any(token.text != ";" for token in tokens(sql))]

    def is_complete(self, text: str) -> bool:
        return sqlite3.complete_statement(text)


@contextmanager
def open_shell(database: Database, *, write: bool) -> Iterator[SqlShell]:
    """With `write`, each statement is a transaction of its own, but between BEGIN and COMMIT."""
    url = database.get_connection_url()
    if write:
        with lost_explained(url), closing(_Writing(database, url)) as writing:
            yield writing
    elif database.is_local:
        if not database.path.exists():
            raise SqlError(f"There is no database at {database.path}.")
        with closing(open_for_reading(database.path)) as connection:
            yield _ReadingFile(connection)
    else:
        raw = database.engine(EngineRole.SESSION).raw_connection()
        with closing(raw):
            yield _ReadingServer(raw.driver_connection, url)


class _ReadingFile(_Reader):
    """A connection that cannot write, whatever it is told."""

    is_in_transaction = False

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def run(self, sql: str, *, limit: int) -> Answer:
        require_reading(sql)
        began = perf_counter()
        with _refused(), watched(self._connection, lambda: None):
            return _answer(self._connection.execute(sql), limit, began)


class _ReadingServer(_Reader):
    """Each statement in a transaction of which libSQL undoes whatever it writes."""

    is_in_transaction = False

    def __init__(self, connection: Any, url: str) -> None:
        self._connection, self._url = connection, url

    def run(self, sql: str, *, limit: int) -> Answer:
        require_reading(sql)
        began = perf_counter()
        with _refused(), lost_explained(self._url):
            self._connection.begin("BEGIN READONLY")
            try:
                return _answer(self._connection.execute(sql), limit, began)
            finally:
                self._connection.rollback()


class _Writing(_Reader):
    def __init__(self, database: Database, url: str) -> None:
        self._connection, self._url = database.engine(EngineRole.SESSION).connect(), url
        self.is_in_transaction = False

    def run(self, sql: str, *, limit: int) -> Answer:
        began = perf_counter()
        first = next((token.text.upper() for token in tokens(sql)), "")
        with _refused(), lost_explained(self._url):
            if first in ("BEGIN", "COMMIT", "END", "ROLLBACK"):
                return self._turn(first, began)
            try:
                with self._interruptible(), self._connection.exec_driver_sql(sql) as result:
                    answer = _answer_of(result, limit, began)
                if not self.is_in_transaction:
                    self._connection.commit()
            except BaseException:
                if not self.is_in_transaction or self._connection.invalidated:
                    self._end()
                raise
        return answer

    def close(self) -> None:
        self._connection.close()

    def _interruptible(self) -> AbstractContextManager[None]:
        """SQLite in this process would not hear of Ctrl-C; a server is waited for by Python, which does."""
        raw = self._connection.connection.driver_connection
        return watched(raw, lambda: None) if isinstance(raw, sqlite3.Connection) else nullcontext()

    def _turn(self, word: str, began: float) -> Answer:
        if (word == "BEGIN") is self.is_in_transaction:
            raise SqlError(
                "There is a transaction already." if self.is_in_transaction else "There is no transaction."
            )
        if word == "BEGIN":
            self.is_in_transaction = True
        else:
            if word != "ROLLBACK":
                self._connection.commit()
            self._end()
        return Answer((), (), False, None, perf_counter() - began)

    def _end(self) -> None:
        self._connection.rollback()
        self.is_in_transaction = False


def _answer(cursor: Any, limit: int, began: float) -> Answer:
    columns = tuple(str(column[0]) for column in cursor.description or ())
    return _cut(columns, cursor.fetchmany(limit + 1) if columns else (), limit, began)


def _answer_of(result: CursorResult[Any], limit: int, began: float) -> Answer:
    if not result.returns_rows:
        changed = result.rowcount if result.rowcount >= 0 else None
        return Answer((), (), False, changed, perf_counter() - began)
    return _cut(tuple(result.keys()), result.fetchmany(limit + 1), limit, began)


def _cut(columns: tuple[str, ...], found: Sequence[Any], limit: int, began: float) -> Answer:
    rows = tuple(tuple(row) for row in found)
    return Answer(columns, rows[:limit], len(rows) > limit, None, perf_counter() - began)


@contextmanager
def _refused() -> Iterator[None]:
    try:
        yield
    except DBAPIError as exc:
        raise SqlError(str(exc.orig)) from exc
    except sqlite3.Error as exc:
        raise SqlError(str(exc)) from exc
