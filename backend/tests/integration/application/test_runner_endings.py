"""How runs end early, are resumed, and fail."""

import asyncio
import threading
import time
from typing import Any

import pytest

from src.application.evaluation import runner
from src.application.evaluation.ports import CompletionRequest, ProviderSetupError
from src.application.evaluation.runner import PAGE_SIZE, Progress, run_evaluation
from src.domain.evaluation.errors import EvaluationStateError
from src.domain.evaluation.evaluation import LEASE_SECONDS, EvaluationStatus, RunSettings
from tests.builders import a_case, a_result, some_cases
from tests.fakes import ContainsScorer, FakeProvider
from tests.integration.application.run_world import DOWN, OURS, THEIRS, World, asked, wait_until

# --- ending early -----------------------------------------------------------------------------------------------------


def stop_after(count: int, stop: asyncio.Event) -> FakeProvider:
    """Sets `stop` with its answer number `count`."""

    def answering(_: CompletionRequest) -> str:
        if len(provider.requests) == count:
            stop.set()
        return "ok"

    provider = FakeProvider(answering, seconds=0.001)
    return provider


def test_stopped_run_is_failed_and_keeps_its_answers(world: World) -> None:
    evaluation_id, stop = world.start(*some_cases(100)), asyncio.Event()
    provider = stop_after(5, stop)

    evaluation = world.run(evaluation_id, provider, stop=stop)

    assert (evaluation.status, evaluation.error_message) == (EvaluationStatus.FAILED, "Interrupted.")
    assert len(world.results(evaluation_id)) == evaluation.completed == len(provider.requests)
    assert 5 <= evaluation.completed < 10
    assert provider.is_closed


def test_resumed_run_asks_only_what_is_not_answered(world: World) -> None:
    evaluation_id, stop = world.start(*some_cases(30), repeats=2), asyncio.Event()
    before = stop_after(7, stop)
    world.run(evaluation_id, before, stop=stop)

    after, reports = FakeProvider(), list[Progress]()
    evaluation = world.run(evaluation_id, after, owner=THEIRS, on_progress=reports.append)

    once = [(r.case_name, r.repeat) for r in (*before.requests, *after.requests)]
    assert len(once) == len(set(once)) == 60
    assert (evaluation.status, evaluation.completed, evaluation.error_message) == ("completed", 60, None)
    assert reports[0].completed == len(before.requests)
    assert reports[-1].completed == 60


def test_resumed_run_asks_again_what_had_an_error(world: World) -> None:
    evaluation_id = world.start(*some_cases(4))
    world.run(evaluation_id, FakeProvider(lambda r: DOWN if r.case_name == "case-2" else "ok"))

    again, reports = FakeProvider(), list[Progress]()
    evaluation = world.run(evaluation_id, again, on_progress=reports.append)

    assert asked(again) == ["case-2"]
    assert (evaluation.status, evaluation.completed) == (EvaluationStatus.COMPLETED, 4)
    assert [result.outcome for result in world.results(evaluation_id)] == ["passed"] * 4
    assert (reports[0].completed, reports[-1].completed) == (3, 4)


def test_run_whose_process_died_is_finished_by_another(world: World) -> None:
    """What a killed process leaves: `running`, some answers stored, a lease that nobody renews."""
    evaluation_id = world.start(*some_cases(6))
    with world.uow() as uow:
        evaluation = uow.evaluations.get(evaluation_id)
        evaluation.start(owner=OURS, now=world.clock())
        uow.evaluations.add_results(evaluation, [a_result(0), a_result(3), a_result(4, error="down")])
        uow.commit()
    world.clock.advance(LEASE_SECONDS + 1)

    provider = FakeProvider()
    finished = world.run(evaluation_id, provider, owner=THEIRS)

    assert sorted(asked(provider)) == ["case-1", "case-2", "case-4", "case-5"]
    assert (finished.status, finished.completed) == (EvaluationStatus.COMPLETED, 6)
    assert [result.position for result in world.results(evaluation_id)] == list(range(6))


def test_cancelled_run_ends_soon_and_keeps_its_answers(world: World) -> None:
    evaluation_id, provider = world.start(*some_cases(600)), FakeProvider(seconds=0.002)

    def cancel_once_something_is_stored(progress: Progress) -> None:
        if progress.completed:
            world.cancel(evaluation_id)

    started = time.monotonic()
    evaluation = world.run(evaluation_id, provider, on_progress=cancel_once_something_is_stored)

    assert time.monotonic() - started < 5
    assert evaluation.status is EvaluationStatus.CANCELLED
    assert 0 < world.read(evaluation_id).completed < len(provider.requests) < 600
    assert provider.under_way == 0
    assert provider.is_closed


def test_cancelled_run_ends_soon_even_when_no_call_comes_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "BEAT_SECONDS", 0.1)
    evaluation_id, provider = world.start(*some_cases(3)), FakeProvider(seconds=60)
    cancelling = threading.Timer(0.3, world.cancel, [evaluation_id])
    cancelling.start()

    started = time.monotonic()
    evaluation = world.run(evaluation_id, provider)
    cancelling.join()

    assert time.monotonic() - started < 5
    assert evaluation.status is EvaluationStatus.CANCELLED
    assert provider.under_way == 0


def test_run_that_was_taken_over_stores_nothing_more(world: World) -> None:
    evaluation_id, provider = world.start(*some_cases(600)), FakeProvider(seconds=0.002)
    at_takeover = list[int]()

    def take_over(progress: Progress) -> None:
        if progress.completed and not at_takeover:
            at_takeover.append(progress.completed)
            world.clock.advance(LEASE_SECONDS + 1)
            world.resume(evaluation_id, THEIRS)

    evaluation = world.run(evaluation_id, provider, on_progress=take_over)

    stored = world.read(evaluation_id)
    assert (evaluation.owner, evaluation.status) == (THEIRS, EvaluationStatus.PENDING)
    assert (stored.owner, stored.status) == (THEIRS, EvaluationStatus.PENDING)
    assert stored.completed == at_takeover[0] < len(provider.requests)


def test_slow_run_keeps_its_lease(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(runner, "BATCH_SECONDS", 0.02)
    evaluation_id = world.start(a_case())

    def has_renewed() -> bool:
        lease = world.read(evaluation_id).lease_expires_at
        return lease is not None and (lease - world.clock()).total_seconds() == LEASE_SECONDS

    async def main() -> None:
        provider = FakeProvider(gate=(gate := asyncio.Event()))
        services = world.services(provider)
        running = asyncio.create_task(run_evaluation(evaluation_id, owner=OURS, services=services))
        await provider.is_asked.wait()
        world.clock.advance(LEASE_SECONDS - 1)
        await asyncio.to_thread(wait_until, has_renewed)
        gate.set()
        await running

    asyncio.run(main())


# --- refusals and faults ----------------------------------------------------------------------------------------------


def test_finished_run_is_not_run_again(world: World) -> None:
    evaluation_id = world.start(a_case())
    world.run(evaluation_id, FakeProvider())

    provider = FakeProvider()
    with pytest.raises(EvaluationStateError, match="is completed"):
        world.run(evaluation_id, provider)

    assert provider.requests == []


def test_run_that_is_alive_elsewhere_is_left_alone(world: World) -> None:
    evaluation_id = world.start(a_case(), owner=THEIRS)

    with pytest.raises(EvaluationStateError, match="not this process's to start"):
        world.run(evaluation_id, FakeProvider())

    assert world.read(evaluation_id).owner == THEIRS


def test_provider_that_cannot_be_opened_fails_the_run_and_says_why(world: World) -> None:
    def open_provider(_: RunSettings) -> FakeProvider:
        raise ProviderSetupError("OPENAI_API_KEY is not set.")

    evaluation_id = world.start(a_case())
    with pytest.raises(ProviderSetupError):
        world.run(evaluation_id, FakeProvider(), open_provider=open_provider)

    evaluation = world.read(evaluation_id)
    assert evaluation.status is EvaluationStatus.FAILED
    assert evaluation.error_message == "The run broke off: OPENAI_API_KEY is not set."
    assert world.run(evaluation_id, FakeProvider()).status is EvaluationStatus.COMPLETED


def test_bug_in_a_provider_fails_the_run_and_is_not_hidden(world: World) -> None:
    evaluation_id = world.start(*some_cases(50))
    provider = FakeProvider(lambda r: KeyError("sk-secret") if r.case_name == "case-9" else "ok")

    with pytest.raises(KeyError):
        world.run(evaluation_id, provider)

    evaluation = world.read(evaluation_id)
    assert evaluation.status is EvaluationStatus.FAILED
    assert evaluation.error_message == "The run broke off: KeyError", "and nothing that may be secret"
    assert (provider.is_closed, provider.under_way) == (True, 0)


def test_answers_before_a_bug_are_stored(world: World) -> None:
    evaluation_id = world.start(*some_cases(50), concurrency=1)
    provider = FakeProvider(lambda r: KeyError("bug") if r.case_name == "case-9" else "ok", seconds=0.001)

    with pytest.raises(KeyError):
        world.run(evaluation_id, provider)

    assert [result.position for result in world.results(evaluation_id)] == list(range(9))


def test_bug_in_a_scorer_fails_the_run_and_is_not_hidden(world: World) -> None:
    class Broken(ContainsScorer):
        def score(self, *_: Any) -> Any:
            raise ZeroDivisionError

    evaluation_id = world.start(a_case())
    with pytest.raises(ZeroDivisionError):
        world.run(evaluation_id, FakeProvider(), scorer=Broken())

    assert world.read(evaluation_id).error_message == "The run broke off: ZeroDivisionError"


def test_interrupted_program_leaves_a_run_that_can_be_resumed(world: World) -> None:
    evaluation_id = world.start(*some_cases(3))

    async def main() -> None:
        provider = FakeProvider(seconds=60)
        running = asyncio.create_task(
            run_evaluation(evaluation_id, owner=OURS, services=world.services(provider))
        )
        await provider.is_asked.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert provider.under_way == 0

    asyncio.run(main())

    assert world.read(evaluation_id).status is EvaluationStatus.FAILED
    assert world.run(evaluation_id, FakeProvider(), owner=THEIRS).status is EvaluationStatus.COMPLETED


def test_cases_are_read_as_they_are_needed(world: World) -> None:
    """What waits to be asked does not grow with the suite."""
    evaluation_id = world.start(*some_cases(5 * PAGE_SIZE))

    async def main() -> None:
        gate, stop = asyncio.Event(), asyncio.Event()
        provider = FakeProvider(gate=gate)
        services = world.services(provider)
        running = asyncio.create_task(run_evaluation(evaluation_id, owner=OURS, services=services, stop=stop))
        await provider.is_asked.wait()
        await asyncio.sleep(0.2)  # time enough to read on, had nothing held it back
        stop.set()
        gate.set()
        await running

    asyncio.run(main())

    assert world.suites.cases_read == PAGE_SIZE
