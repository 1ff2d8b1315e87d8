"""Asking again: for statements that change nothing, while there is time left in the budget."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from src.infrastructure.shared.database.libsql.errors import StreamLost

_PASSING_STATUS = {None, 429, 500, 502, 503, 504}  # None: refused, broken off, or silent
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ReadRetry:
    """Up to `attempts` in all; none begins later than `budget_seconds` after the first.

    The delay doubles from `first_delay_seconds` and is jittered over its upper half; a Retry-After of the server that
    fits into the budget wins.
    """

    attempts: int = 4
    budget_seconds: float = 3.0
    first_delay_seconds: float = 0.05

    def call(self, ask: Callable[[], T]) -> T:
        """Raises the last StreamLost."""
        begun = time.monotonic()
        for attempt in range(1, self.attempts + 1):
            try:
                return ask()
            except StreamLost as exc:
                delay = self._delay(attempt, exc)
                late = time.monotonic() + delay - begun > self.budget_seconds
                if attempt == self.attempts or late or exc.status not in _PASSING_STATUS:
                    raise
            time.sleep(delay)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _delay(self, attempt: int, exc: StreamLost) -> float:
        longest = self.first_delay_seconds * 2 ** (attempt - 1)
        jittered = random.uniform(longest / 2, longest)  # noqa: S311 (jitter, no secret)
        return max(jittered, exc.retry_after or 0.0)
