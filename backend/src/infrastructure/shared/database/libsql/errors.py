"""The exceptions of a libSQL connection: those of the standard library's sqlite3, and two of our own.

OperationalError
└── StreamLost                  the server or the way to it failed; an open transaction is rolled back
    └── CommitOutcomeUnknown    … while it was committing: it may have taken effect
"""

import re
import sqlite3
from sqlite3 import DatabaseError, DataError, IntegrityError, OperationalError, ProgrammingError


class StreamLost(OperationalError):  # noqa: N818  # it says what happened
    """The server could not be asked, or ended our stream: what the transaction did is undone.

    `status` is the HTTP status, None when there was no answer. `retry_after` is in seconds, when the server said so.
    """

    def __init__(self, message: str, *, status: int | None = None, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status, self.retry_after = status, retry_after


class CommitOutcomeUnknown(StreamLost):
    """The answer to a COMMIT, or to a write outside a transaction, never came. Look before you repeat it."""


_OF_CODE: dict[str, type[DatabaseError]] = {
    "SQLITE_MISMATCH": IntegrityError,
    "SQLITE_TOOBIG": DataError,
    "RESPONSE_TOO_LARGE": DataError,
    "ARGS_INVALID": ProgrammingError,
    "SQL_MANY_STATEMENTS": ProgrammingError,
}
_TOO_LARGE = (
    " (10 MB on Turso); select fewer rows at once. What was written outside a transaction is written."
)
# What libsql-server adds to SQLite's own text.
_ADDED = re.compile(r"^SQLite error: |^SQL input error: | \(at offset \d+\)$")
_CONSTRAINT = "SQLITE_CONSTRAINT"


def error_of(message: str, code: str | None) -> DatabaseError:
    """What sqlite3 raises where the server sends this error, with the text that sqlite3 gives it."""
    message = _ADDED.sub("", message)
    kind = _kind(message, code or "")
    if code == "RESPONSE_TOO_LARGE":
        message += _TOO_LARGE
    error = kind(message)
    if code:
        error.sqlite_errorname = code
        error.sqlite_errorcode = getattr(sqlite3, code, sqlite3.SQLITE_ERROR)
    return error


def _kind(message: str, code: str) -> type[DatabaseError]:
    if code.startswith(_CONSTRAINT) or (not code and "constraint failed" in message):
        return IntegrityError
    if "string or blob too big" in message:
        return DataError
    return _OF_CODE.get(code, OperationalError)
