"""Runs of the server, in a thread of their own."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from src.application.evaluation.ports import CompletionRequest
from src.domain.evaluation.evaluation import EvaluationStatus
from src.domain.shared.ids import EvaluationId
from src.infrastructure.evaluation import background
from src.infrastructure.evaluation.background import BackgroundRuns
from tests.builders import a_case, some_cases
from tests.fakes import FakeProvider
from tests.integration.application.run_world import THEIRS, World, wait_until

Start = Callable[..., EvaluationId]


class Server:
    """Background runs with a provider that a test may change."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.provider = FakeProvider()
        self.runs = BackgroundRuns(lambda: world.services(self.provider))

    def start(self, *cases: Any, **settings: Any) -> EvaluationId:
        return self.world.start(*cases, owner=self.runs.owner, **settings)

    def wait_for(self, evaluation_id: EvaluationId, *statuses: str) -> None:
        wait_until(lambda: self.world.read(evaluation_id).status in statuses)


@pytest.fixture
def server(world: World) -> Iterator[Server]:
    server = Server(world)
    yield server
    server.runs.stop()


def threads() -> int:
    return sum(thread.name == "runs" for thread in threading.enumerate())


def test_launched_run_is_completed_beside_the_caller(server: Server) -> None:
    evaluation_id = server.start(*some_cases(3))

    server.runs.launch(evaluation_id)

    server.wait_for(evaluation_id, "completed")
    assert server.world.read(evaluation_id).completed == 3


def test_server_that_runs_nothing_has_no_thread(server: Server) -> None:
    assert threads() == 0
    server.runs.stop()


def test_runs_share_one_thread(server: Server) -> None:
    ids = [server.start(a_case()) for _ in range(3)]

    for evaluation_id in ids:
        server.runs.launch(evaluation_id)

    assert threads() == 1
    for evaluation_id in ids:
        server.wait_for(evaluation_id, "completed")


def test_stopping_interrupts_what_runs_and_leaves_it_to_be_resumed(server: Server) -> None:
    evaluation_id = server.start(*some_cases(200))
    server.provider = FakeProvider(seconds=0.01)
    server.runs.launch(evaluation_id)
    wait_until(lambda: len(server.provider.requests) > 2)

    started = time.monotonic()
    server.runs.stop()

    stopped = server.world.read(evaluation_id)
    assert time.monotonic() - started < 5
    assert (stopped.status, stopped.error_message) == (EvaluationStatus.FAILED, "Interrupted.")
    assert threads() == 0
    rest = FakeProvider()
    assert server.world.run(evaluation_id, rest, owner=THEIRS).status is EvaluationStatus.COMPLETED
    assert len(rest.requests) == 200 - stopped.completed


def test_run_launched_just_before_the_stop_is_interrupted_too(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "STOP_SECONDS", 1.0)
    evaluation_id = server.start(*some_cases(500))
    server.provider = FakeProvider(seconds=0.05)

    server.runs.launch(evaluation_id)
    server.runs.stop()

    assert server.world.read(evaluation_id).error_message == "Interrupted."
    assert len(server.provider.requests) < 10


def test_run_can_be_launched_after_a_stop(server: Server) -> None:
    evaluation_id = server.start(a_case())
    server.runs.launch(evaluation_id)
    server.wait_for(evaluation_id, "completed")
    server.runs.stop()

    evaluation_id = server.start(a_case())
    server.runs.launch(evaluation_id)

    server.wait_for(evaluation_id, "completed")


def test_bug_in_one_run_is_logged_and_the_next_one_runs(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    def answering(request: CompletionRequest) -> str | Exception:
        return KeyError("bug") if request.case_name == "bad" else "ok"

    server.provider = FakeProvider(answering)
    bad, good = server.start(a_case("bad")), server.start(a_case("good"))
    with caplog.at_level(logging.WARNING):
        server.runs.launch(bad)
        server.wait_for(bad, "failed")
        server.runs.launch(good)
        server.wait_for(good, "completed")
        wait_until(lambda: f"evaluation {bad} broke off" in caplog.text)


def test_run_that_cannot_begin_is_told_in_the_log(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    evaluation_id = server.world.start(a_case(), owner=THEIRS)

    server.runs.launch(evaluation_id)

    wait_until(lambda: "was not run" in caplog.text)
    assert server.world.read(evaluation_id).owner == THEIRS


def test_run_that_is_launched_twice_asks_every_case_once(server: Server) -> None:
    evaluation_id = server.start(*some_cases(40))
    server.provider = FakeProvider(seconds=0.005)

    server.runs.launch(evaluation_id)
    server.runs.launch(evaluation_id)

    server.wait_for(evaluation_id, "completed", "failed")
    server.runs.stop()
    assert len(server.provider.requests) == 40


def test_each_server_holds_its_leases_under_a_name_of_its_own(world: World) -> None:
    owners = {BackgroundRuns(lambda: world.services(FakeProvider())).owner for _ in range(3)}

    assert len(owners) == 3
