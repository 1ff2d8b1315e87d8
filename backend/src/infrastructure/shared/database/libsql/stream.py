"""Transactions on a stream of the server: begun with their first statement, ended with the stream, or known as lost."""

import random
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from sqlite3 import DatabaseError, DataError, OperationalError
from typing import NamedTuple, NoReturn

from src.infrastructure.shared.database.libsql.driver import (
    BadAnswerError,
    DriverStream,
    Json,
    Result,
    StatementError,
    raise_if_error,
    result_of,
)
from src.infrastructure.shared.database.libsql.errors import CommitOutcomeUnknown, StreamLost, error_of
from src.infrastructure.shared.database.libsql.transport import Transport, TransportError

# The server queues writers, and now and then refuses one instead of letting it wait.
BUSY_SECONDS = 10.0
# For telling a server that a stream is over: politeness, not worth a long wait.
FAREWELL_SECONDS = 2.0

_COMMENTS = re.compile(r"(?:\s+|--[^\n]*(?:\n|\Z)|/\*.*?(?:\*/|\Z))+", re.DOTALL)
_WORD = re.compile(r"[A-Za-z]+")
_WRITES = re.compile(r"\b(?:INSERT|UPDATE|DELETE|REPLACE)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Statement:
    """`body` is its form in the protocol, `keyword` its first word, in capitals."""

    body: Json
    keyword: str

    @property
    def begins(self) -> bool:
        return self.keyword in ("BEGIN", "SAVEPOINT")

    @property
    def ends(self) -> bool:
        return self.commits or self.keyword in ("ROLLBACK", "RELEASE")

    @property
    def commits(self) -> bool:
        return self.keyword in ("COMMIT", "END")

    @property
    def reads(self) -> bool:
        if self.keyword == "WITH":
            return _WRITES.search(self.body["sql"]) is None
        return self.keyword in ("SELECT", "PRAGMA", "EXPLAIN", "VALUES")

    @property
    def writes_at_once(self) -> bool:
        """Outside a transaction."""
        return not (self.reads or self.begins or self.keyword == "ROLLBACK")


def statement(sql: str) -> Statement:
    return Statement({"sql": sql, "want_rows": False}, keyword_of(sql))


def keyword_of(sql: str) -> str:
    """The first word of a statement, in capitals; comments are no words."""
    comments = _COMMENTS.match(sql)
    word = _WORD.match(sql, comments.end() if comments else 0)
    return word.group().upper() if word else ""


class _Batch(NamedTuple):
    """The server's answer: of each step its result or its error, neither where it was not reached."""

    results: Sequence[Json | None]
    errors: Sequence[Json | None]
    whole_error: Json | None

    @property
    def first_was_done(self) -> bool:
        return bool(self.results) and self.results[0] is not None

    @property
    def begin_was_refused(self) -> bool:
        """For a transaction begins with it, this is the server's word that others were before us."""
        error = self.errors[0] if self.errors else None
        return isinstance(error, dict) and error.get("code") == "SQLITE_BUSY"


class Stream:
    """Runs statements, one request at a time.

    With `sticky`, the server's stream stays open between statements, so that a PRAGMA holds. A transaction that the
    server or the network ended is never continued by accident: everything is refused until it is rolled back, and
    for good where the stream was sticky.
    """

    def __init__(self, url: str, transport: Transport) -> None:
        self.sticky = False
        self.pending_begin: str | None = None
        self.in_transaction = False
        self._transport = transport
        self._driver = DriverStream(url, lambda url, body: transport.post(url, body, at_most=self._at_most))
        self._at_most: float | None = None
        self._server = url.partition("://")[2]
        self._lost: str | None = None
        self._lost_for_good = False

    def run(self, statements: Sequence[Statement], *, closes: bool = False) -> list[Result]:
        """One request: the BEGIN that is due, then `statements`, each only if the one before succeeded.

        With `closes` the server's stream ends with it, as it does by itself after a statement outside transactions.
        """
        if self._lost:
            raise StreamLost(self._lost)
        begin = [statement(self.pending_begin)] if self.pending_begin else []
        stays = begin or self.in_transaction or self.sticky or any(s.begins for s in statements)
        was_in_transaction = self.in_transaction
        batch = self._ask([*begin, *statements], closes=closes or not stays)
        deadline = time.monotonic() + BUSY_SECONDS
        while begin and batch.begin_was_refused and time.monotonic() < deadline:
            # Nothing was begun, so nothing is done twice.
            time.sleep(random.uniform(0.005, 0.02))  # noqa: S311 (jitter, no secret)
            batch = self._ask([*begin, *statements], closes=closes, again=True)
        if begin and batch.first_was_done:
            self.pending_begin, was_in_transaction = None, True
        is_over = was_in_transaction and not self.in_transaction
        if is_over and not closes and not any(s.ends for s in statements):
            self._lost = "the server ended the transaction; roll back, and do the whole of it again"
        try:
            return _results(batch)[len(begin) :]
        except OperationalError as exc:
            if is_over:
                raise StreamLost(str(exc)) from None
            raise
        except BadAnswerError as exc:
            self._fail(TransportError(f"not understood: {exc}", was_sent=True), statements)

    def commit(self) -> None:
        try:
            if self.in_transaction or self._lost:
                self.run([statement("COMMIT")], closes=not self.sticky)
        finally:
            self.pending_begin = None

    def rollback(self) -> None:
        """Succeeds also when the server cannot be told: it rolls back by itself, within 10 s."""
        self.pending_begin = None
        if self.in_transaction:
            try:
                self.run([statement("ROLLBACK")], closes=not self.sticky)
            except DatabaseError:
                if self.in_transaction:
                    raise
        if not self._lost_for_good:
            self._lost = None

    def end(self) -> None:
        """Ends what is open at the server, a transaction without its changes."""
        if self._driver.is_open:
            self._at_most = FAREWELL_SECONDS
            try:
                self._driver.ask([{"type": "close"}])
            except (TransportError, BadAnswerError):
                pass  # it ends by itself, after 10 s
            finally:
                self._at_most = None
        self._driver.forget()
        self.in_transaction, self.pending_begin = False, None

    def close(self) -> None:
        self.end()
        self._transport.drop()

    def _ask(self, statements: Sequence[Statement], *, closes: bool, again: bool = False) -> _Batch:
        if not (self.in_transaction or self.sticky or again):
            self._driver.forget()  # nothing is left there, and it may have expired
        requests: list[Json] = [_batch(statements), {"type": "get_autocommit"}]
        try:
            first, autocommit, *_ = self._driver.ask([*requests, {"type": "close"}] if closes else requests)
            batch, is_over = _read(first, len(statements)), closes or _says_autocommit(autocommit)
        except UnicodeEncodeError as exc:  # before anything was sent
            raise DataError(f"a text is no Unicode: {exc.reason}") from None
        except TransportError as exc:
            self._fail(exc, statements)
        except BadAnswerError as exc:
            self._fail(TransportError(f"not understood: {exc}", was_sent=True), statements)
        except BaseException:  # an interrupt: the answer may still come, and is not that of the next request
            self._abandon("interrupted")
            raise
        if closes:
            self._driver.forget()
        self.in_transaction = not is_over
        return batch

    def _fail(self, failed: TransportError, statements: Sequence[Statement]) -> NoReturn:
        in_transaction = self.in_transaction or self.pending_begin is not None
        commits = any(s.commits if in_transaction else s.writes_at_once for s in statements)
        answered = failed.status is not None and failed.status < 500 and failed.status != 408
        reason = f"{self._server}: {failed}"
        self._abandon(reason, tells=not failed.timed_out and failed.status not in (400, 404))
        kind = StreamLost
        if commits and failed.was_sent and not answered:
            kind, reason = (
                CommitOutcomeUnknown,
                f"{reason}; it may have been committed, so look before you repeat it",
            )
        raise kind(reason, status=failed.status, retry_after=failed.retry_after) from None

    def _abandon(self, reason: str, *, tells: bool = False) -> None:
        """Gives up the stream. With `tells` the server may not know: then its lock would outlast us by 5 s."""
        if self.in_transaction or self.pending_begin or self.sticky:
            self._lost, self._lost_for_good = reason, self.sticky
        self._transport.drop()
        if not tells:
            self._driver.forget()
        self.end()


def _batch(statements: Sequence[Statement]) -> Json:
    steps: list[Json] = [{"stmt": s.body} for s in statements]
    for number, step in enumerate(steps[1:]):
        step["condition"] = {"type": "ok", "step": number}
    return {"type": "batch", "batch": {"steps": steps}}


def _read(answer: Json, count: int) -> _Batch:
    """Raises BadAnswerError when it is not the answer to `count` statements."""
    try:
        if answer["type"] == "error":
            return _Batch((), (), answer["error"] or {})
        result = answer["response"]["result"]
        batch = _Batch(list(result["step_results"]), list(result["step_errors"]), None)
    except (KeyError, TypeError) as exc:
        raise BadAnswerError(f"no result of a batch ({exc!r})") from None
    if len(batch.results) != count or len(batch.errors) != count:
        raise BadAnswerError(f"{len(batch.results)} results of {count} statements")
    return batch


def _says_autocommit(answer: Json) -> bool:
    """Raises BadAnswerError."""
    try:
        return bool(answer["response"]["is_autocommit"])
    except (KeyError, TypeError) as exc:
        raise BadAnswerError(f"no state of the transaction ({exc!r})") from None


def _results(batch: _Batch) -> list[Result]:
    """Raises the DB-API error of the first statement that failed, and BadAnswerError."""
    try:
        for error in (batch.whole_error, *batch.errors):
            raise_if_error(error)
        return [result_of(result) for result in batch.results]
    except StatementError as exc:
        raise error_of(exc.message, exc.code) from None
    except ValueError as exc:
        raise DataError(str(exc)) from None
