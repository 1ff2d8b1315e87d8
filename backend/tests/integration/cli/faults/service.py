"""Faults of the deployed server, and of the clock."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from src.operations.checks import outside
from src.operations.checks.live_http import NoAnswer, ask
from tests.fault_proxy import FaultProxy
from tests.integration.cli.faults.fault import tells
from tests.integration.cli.staging_world import World


@tells("service.healthy", "whether SERVICE_URL is right")
def service_that_is_down(_: World, patch: pytest.MonkeyPatch) -> Iterator[None]:
    with FaultProxy("127.0.0.1", 1) as gone:
        address = gone.http_url
    patch.setenv("SERVICE_URL", address)
    yield


@tells("service.healthy", "Correct SERVICE_URL")
def service_of_somebody_else(world: World, _: object) -> Iterator[None]:
    world.service.replace_answer(b"<html>Welcome</html>", when="GET /healthz")
    yield


@tells("service.healthy", "answers by itself")
def service_that_moved(world: World, _: object) -> Iterator[None]:
    world.service.answer(301, headers={"Location": "https://elsewhere.example.test/"}, when="GET /healthz")
    yield


@tells("service.ready", "autoforge db status --env staging")
def service_that_is_not_ready(world: World, _: object) -> Iterator[None]:
    world.service.answer(503, when="GET /readyz")
    yield


@tells("service.problem-documents", "what stands before the server")
def service_behind_a_proxy_with_pages(world: World, _: object) -> Iterator[None]:
    world.service.answer(404, b"<html>404</html>", headers={"Content-Type": "text/html"}, when="GET /api/v1/")
    yield


@tells("service.tls", "Set SERVICE_URL=https://")
def service_in_the_clear(_: World, patch: pytest.MonkeyPatch) -> Iterator[None]:
    url = "http://staging.example.test"
    patch.setenv("SERVICE_URL", url)
    # which the clock is compared with, if it answers: a test asks nobody beyond this machine
    patch.setattr(
        outside, "ask", lambda at, **more: NoAnswer("nobody") if at.startswith(url) else ask(at, **more)
    )
    yield


@tells("clock.skew", "timedatectl")
def clock_that_is_off(world: World, _: object) -> Iterator[None]:
    theirs = format_datetime(datetime.now(UTC) + timedelta(minutes=5), usegmt=True)
    world.service.replace_answer(b'{"status":"ok"}', headers={"date": theirs}, when="GET /healthz")
    yield


@tells("clock.skew", "timedatectl", level="warn")
def clock_that_drifts(world: World, _: object) -> Iterator[None]:
    theirs = format_datetime(datetime.now(UTC) - timedelta(seconds=20), usegmt=True)
    world.service.replace_answer(b'{"status":"ok"}', headers={"date": theirs}, when="GET /healthz")
    yield
