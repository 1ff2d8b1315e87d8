"""Retries. Where only the loop's clock matters it jumps; what a provider asks to wait is waited for, in small doses."""

import asyncio
import selectors
import time
from collections.abc import Awaitable, Callable, Sequence
from itertools import pairwise
from typing import TypeVar

import pytest

from src.application.evaluation.asking import (
    FIRST_DELAY_SECONDS,
    LONGEST_DELAY_SECONDS,
    Asker,
    NoAnswerError,
    Reply,
)
from src.application.evaluation.ports import CompletionRequest, ProviderError
from tests.fakes import FakeProvider

T = TypeVar("T")
DOWN = ProviderError("server is down", retryable=True, unreachable=True)
BAD_KEY = ProviderError("the key is wrong")


class _Jump(selectors.DefaultSelector):
    slept = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.slept += timeout or 0.0
        return super().select(0)


class _JumpingLoop(asyncio.SelectorEventLoop):
    """Its clock jumps to the next thing that is waited for, so that no wait takes time."""

    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)

    def time(self) -> float:
        return self._jump.slept


def run(main: Callable[[], Awaitable[T]], *, jumping: bool = True) -> T:
    async def call() -> T:
        return await main()

    with asyncio.Runner(loop_factory=_JumpingLoop if jumping else None) as runner:
        return runner.run(call())


def a_request(timeout_seconds: float = 60.0) -> CompletionRequest:
    return CompletionRequest("Sort this.", None, None, {}, timeout_seconds, "case", 1, "0" * 64)


def saying(*answers: str | Exception) -> FakeProvider:
    """A provider that gives one of `answers` after the other; the last one stays."""
    left = list(answers)
    return FakeProvider(lambda _: left.pop(0) if len(left) > 1 else left[0])


def ask(provider: FakeProvider, *, max_attempts: int = 4, timeout_seconds: float = 60.0) -> Reply:
    return run(lambda: Asker(provider, max_attempts=max_attempts).ask(a_request(timeout_seconds)))


class Timed(FakeProvider):
    """Notes by `clock` when each call came."""

    def __init__(self, answers: Sequence[str | Exception], clock: Callable[[], float]) -> None:
        left = list(answers)
        super().__init__(lambda _: self._next(left))
        self._clock = clock
        self.calls: list[float] = []

    def _next(self, left: list[str | Exception]) -> str | Exception:
        self.calls.append(self._clock())
        return left.pop(0) if len(left) > 1 else left[0]


# --- answers and errors -----------------------------------------------------------------------------------------------


def test_first_answer_is_taken() -> None:
    reply = ask(saying("fine"))

    assert (reply.completion.text, reply.attempts) == ("fine", 1)


def test_error_that_may_pass_is_asked_again() -> None:
    reply = ask(saying(DOWN, DOWN, "fine"))

    assert (reply.completion.text, reply.attempts) == ("fine", 3)


def test_error_that_stays_is_not_asked_again() -> None:
    provider = saying(BAD_KEY, "never")

    with pytest.raises(NoAnswerError, match=r"^the key is wrong$") as caught:
        ask(provider)

    assert (caught.value.attempts, len(provider.requests)) == (1, 1)


def test_attempts_are_used_up_and_counted() -> None:
    provider = saying(DOWN)

    with pytest.raises(NoAnswerError, match=r"^server is down \(3 attempts\)$") as caught:
        ask(provider, max_attempts=3)

    assert (caught.value.attempts, len(provider.requests)) == (3, 3)
    assert caught.value.__cause__ is DOWN


def test_last_error_says_whether_anything_answered_at_all() -> None:
    with pytest.raises(NoAnswerError) as down:
        ask(saying(DOWN), max_attempts=1)
    with pytest.raises(NoAnswerError) as refused:
        ask(saying(BAD_KEY), max_attempts=1)

    assert (down.value.unreachable, refused.value.unreachable) == (True, False)


def test_fault_that_is_no_provider_error_is_not_hidden() -> None:
    provider = saying(ZeroDivisionError("a bug"), "never")

    with pytest.raises(ZeroDivisionError, match="a bug"):
        ask(provider)

    assert len(provider.requests) == 1


def test_latency_is_of_the_call_that_answered() -> None:
    answers: list[str | Exception] = [DOWN, "fine"]

    async def main() -> Reply:
        provider = FakeProvider(lambda _: answers.pop(0), seconds=0.03)
        return await Asker(provider, max_attempts=2).ask(a_request())

    started = time.perf_counter()
    reply = run(main, jumping=False)
    whole_ms = (time.perf_counter() - started) * 1000

    assert 29 < reply.latency_ms < whole_ms - FIRST_DELAY_SECONDS / 2 * 1000


def test_call_that_takes_too_long_is_cut_and_asked_again() -> None:
    provider = FakeProvider(seconds=10_000)

    with pytest.raises(NoAnswerError, match=r"^no answer within 1\.5 s \(2 attempts\)$"):
        ask(provider, max_attempts=2, timeout_seconds=1.5)

    assert (len(provider.requests), provider.under_way) == (2, 0)


def test_cancelled_question_ends_at_once() -> None:
    async def main() -> FakeProvider:
        provider = FakeProvider(seconds=10_000)
        asking = asyncio.create_task(Asker(provider, max_attempts=4).ask(a_request(20_000)))
        await asyncio.sleep(1)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        return provider

    provider = run(main)

    assert (len(provider.requests), provider.under_way) == (1, 0)


# --- growing delays ---------------------------------------------------------------------------------------------------


def delays(attempts: int, *, runs: int = 40) -> list[list[float]]:
    """For each attempt but the first, how long was waited before it, in each of the runs."""

    async def one() -> list[float]:
        provider = Timed([DOWN], clock=asyncio.get_running_loop().time)
        with pytest.raises(NoAnswerError):
            await Asker(provider, max_attempts=attempts).ask(a_request())
        return [later - sooner for sooner, later in pairwise(provider.calls)]

    return [list(waits) for waits in zip(*(run(one) for _ in range(runs)), strict=True)]


def test_delays_double_up_to_the_longest_and_are_jittered_by_half() -> None:
    for number, waits in enumerate(delays(10)):
        longest = min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2**number)
        assert all(longest / 2 - 1e-6 <= wait <= longest + 1e-6 for wait in waits)


def test_askers_that_fail_together_do_not_come_back_together() -> None:
    (waits,) = delays(2)

    assert max(waits) - min(waits) > FIRST_DELAY_SECONDS / 10


def test_nothing_is_waited_for_after_the_last_attempt() -> None:
    async def main() -> float:
        with pytest.raises(NoAnswerError):
            await Asker(saying(DOWN), max_attempts=1).ask(a_request())
        return asyncio.get_running_loop().time()

    assert run(main) == 0


# --- what the provider asks to wait -----------------------------------------------------------------------------------


def busy(seconds: float) -> ProviderError:
    return ProviderError("too many requests", retryable=True, retry_after=seconds)


def test_time_that_the_provider_asks_for_is_waited() -> None:
    seconds = FIRST_DELAY_SECONDS + 0.1  # longer than the delay that would come without it
    provider = Timed([busy(seconds), "fine"], clock=time.monotonic)

    reply = run(lambda: Asker(provider, max_attempts=2).ask(a_request()), jumping=False)

    first, second = provider.calls
    assert reply.attempts == 2
    assert second - first >= seconds


def test_provider_that_asks_for_no_wait_is_asked_at_once() -> None:
    async def main() -> float:
        await Asker(saying(busy(0), "fine"), max_attempts=2).ask(a_request())
        return asyncio.get_running_loop().time()

    assert run(main) == 0


def test_when_one_is_told_to_wait_all_wait() -> None:
    provider = Timed([busy(0.15), "fine"], clock=time.monotonic)

    async def main() -> None:
        asker = Asker(provider, max_attempts=2)
        told = asyncio.create_task(asker.ask(a_request()))
        await asyncio.sleep(0.03)
        others = [asyncio.create_task(asker.ask(a_request())) for _ in range(3)]
        await asyncio.gather(told, *others)

    run(main, jumping=False)

    first, *later = provider.calls
    assert len(later) == 4
    assert min(later) - first >= 0.15


def test_wait_grows_when_the_provider_asks_for_more_meanwhile() -> None:
    answers: list[str | Exception] = [busy(0.05), busy(0.2), "fine"]
    provider = Timed(answers, clock=time.monotonic)

    async def main() -> None:
        asker = Asker(provider, max_attempts=2)
        await asyncio.gather(asker.ask(a_request()), asker.ask(a_request()))

    run(main, jumping=False)

    first, _, *later = provider.calls
    assert min(later) - first >= 0.2


@pytest.mark.parametrize("seconds", [121.0, 3_600.0, float("inf")])
def test_provider_that_asks_to_wait_too_long_is_given_up(seconds: float) -> None:
    provider = saying(busy(seconds), "never")

    with pytest.raises(
        NoAnswerError, match=r"too many requests; it asks to wait .* s, more than 120 s"
    ) as caught:
        ask(provider)

    assert (caught.value.attempts, len(provider.requests)) == (1, 1)


def test_last_attempt_does_not_wait_for_the_provider() -> None:
    provider = saying(busy(100))

    with pytest.raises(NoAnswerError, match=r"^too many requests$"):
        ask(provider, max_attempts=1)
