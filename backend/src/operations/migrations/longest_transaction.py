"""How long a migration keeps other writers waiting at a stretch: not how long it takes, if it commits batches."""

from collections.abc import Callable
from time import perf_counter
from typing import Any

from sqlalchemy import Connection, event


class LongestTransaction:
    """Measures on a connection from now on, with a transaction open, until `stop`. COMMIT itself is not in it.

    In AUTOCOMMIT each statement is a transaction. `has_committed`: something was, so that a rollback leaves it.
    """

    def __init__(self, connection: Connection, clock: Callable[[], float] = perf_counter) -> None:
        self._connection, self._clock = connection, clock
        self._longest = 0.0
        self._began: float | None = clock()
        self._statement_began = 0.0
        self.has_committed = False
        self._listeners = (
            ("begin", self._begin),
            ("commit", self._commit),
            ("rollback", self._end),
            ("before_cursor_execute", self._begin_statement),
            ("after_cursor_execute", self._end_statement),
        )
        for name, listener in self._listeners:
            event.listen(connection, name, listener)

    def stop(self) -> float:
        """The seconds of the longest so far, the open one included."""
        for name, listener in self._listeners:
            event.remove(self._connection, name, listener)
        self._end(self._connection)
        return self._longest

    def _begin(self, connection: Connection) -> None:
        if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
            self._began = self._clock()

    def _commit(self, connection: Connection) -> None:
        self.has_committed = True
        self._end(connection)

    def _end(self, _connection: Connection) -> None:
        if self._began is not None:
            self._longest = max(self._longest, self._clock() - self._began)
            self._began = None

    def _begin_statement(self, *_: Any) -> None:
        self._statement_began = self._clock()

    def _end_statement(self, *_: Any) -> None:
        if self._began is None:
            self._longest = max(self._longest, self._clock() - self._statement_began)
