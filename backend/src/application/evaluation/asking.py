"""One answer out of a provider that may fail for a while."""

import asyncio
import random
import time
from typing import NamedTuple

from src.application.evaluation.ports import Completion, CompletionRequest, Provider, ProviderError

FIRST_DELAY_SECONDS = 0.5
LONGEST_DELAY_SECONDS = 20.0
LONGEST_RETRY_AFTER_SECONDS = 120.0


class NoAnswerError(ProviderError):
    """What is left when all attempts are used up. `attempts` counts the calls that were made."""

    def __init__(self, cause: ProviderError, attempts: int) -> None:
        times = "" if attempts == 1 else f" ({attempts} attempts)"
        super().__init__(f"{cause}{times}", retryable=cause.retryable, unreachable=cause.unreachable)
        self.attempts = attempts


class Reply(NamedTuple):
    """`latency_ms` is of the call that answered; `attempts` counts it and the ones before."""

    completion: Completion
    latency_ms: float
    attempts: int


class Asker:
    """Asks with retries: on an error that may pass, after what the provider asks for or a growing, jittered delay.

    When a provider names a time to wait, all askers of the run wait, not only the one that was told.
    """

    def __init__(self, provider: Provider, *, max_attempts: int) -> None:
        self._provider, self._max_attempts = provider, max_attempts
        self._quiet_until = 0.0

    async def ask(self, request: CompletionRequest) -> Reply:
        """Raises NoAnswerError."""
        for attempt in range(1, self._max_attempts + 1):
            await self._wait_while_quiet()
            started = time.perf_counter()
            try:
                async with asyncio.timeout(request.timeout_seconds):
                    completion = await self._provider.complete(request)
                return Reply(completion, (time.perf_counter() - started) * 1000, attempt)
            except TimeoutError:
                error = ProviderError(f"no answer within {request.timeout_seconds:g} s", retryable=True)
            except ProviderError as exc:
                error = exc
            await self._prepare_retry(error, attempt)
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _prepare_retry(self, error: ProviderError, attempt: int) -> None:
        wait = error.retry_after
        if wait is not None and wait > LONGEST_RETRY_AFTER_SECONDS:
            refused = ProviderError(
                f"{error}; it asks to wait {wait:,.0f} s, more than {LONGEST_RETRY_AFTER_SECONDS:g} s"
            )
            raise NoAnswerError(refused, attempt) from error
        if not error.retryable or attempt == self._max_attempts:
            raise NoAnswerError(error, attempt) from error
        if wait is not None:
            self._quiet_until = max(self._quiet_until, time.monotonic() + wait)
        else:
            longest = min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2 ** (attempt - 1))
            await asyncio.sleep(random.uniform(longest / 2, longest))  # noqa: S311 (jitter, no secret)

    async def _wait_while_quiet(self) -> None:
        while (left := self._quiet_until - time.monotonic()) > 0:  # noqa: ASYNC110 (the time to wait may grow)
            await asyncio.sleep(left)
