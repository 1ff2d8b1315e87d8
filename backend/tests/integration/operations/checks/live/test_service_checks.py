"""The deployed server is asked as a stranger would, and each way of not being ours has a check that says so."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from src.core.config.settings.base import load_settings
from src.operations.checks import live_clock
from src.operations.checks.live_service import SERVICE
from src.operations.verdict import Level
from tests.certificates import write_certificate
from tests.fault_proxy import FaultProxy
from tests.integration.operations.checks.live.conftest import SceneOf, look
from tests.served_app import served

IDS = [check.id for check in SERVICE]


@pytest.fixture(scope="module")
def app_port(migrated_file: Path) -> Iterator[int]:
    with served(load_settings(database_url=f"sqlite:///{migrated_file}")) as port:
        yield port


@pytest.fixture
def service(app_port: int) -> Iterator[FaultProxy]:
    with FaultProxy("127.0.0.1", app_port) as proxy:
        yield proxy


@pytest.fixture
def tls_service(app_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultProxy]:
    file = write_certificate(tmp_path / "server.pem", ends_in=timedelta(days=60))
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with FaultProxy("127.0.0.1", app_port, tls=context) as proxy:
        yield proxy


def levels(scene_of: SceneOf, url: str | None) -> dict[str, Level]:
    scene = scene_of(service_url=url)
    return {id_: look(id_, scene).level for id_ in IDS}


def test_our_server_passes_all(scene_of: SceneOf, tls_service: FaultProxy) -> None:
    scene = scene_of(service_url=f"https://127.0.0.1:{tls_service.port}/", jwt_secret_key="s" * 64)
    found = {id_: look(id_, scene) for id_ in IDS}
    assert {verdict.level for verdict in found.values()} == {Level.OK}, found
    assert found["service.tls"].message.endswith("is trusted and ends in 59 days")
    assert found["service.problem-documents"].message.endswith("urn:autoforge:problem:route_not_found")
    asked = [request.path for request in tls_service.requests]
    assert (asked[:2], len(asked)) == (["/healthz", "/readyz"], 3)
    told = {name.lower() for request in tls_service.requests for name in request.headers}
    assert not told & {"authorization", "cookie"}


def test_nothing_is_asked_without_an_address(scene_of: SceneOf) -> None:
    assert set(levels(scene_of, None).values()) == {Level.SKIP}


def test_server_that_is_down_is_an_outage_and_says_nothing_of_tls(
    scene_of: SceneOf, service: FaultProxy
) -> None:
    service.stop()
    scene = scene_of(service_url=f"https://127.0.0.1:{service.port}")
    assert look("service.tls", scene).level is Level.SKIP
    found = look("service.healthy", scene)
    assert (found.level, found.is_outage) == (Level.FAIL, True)
    assert found.message.startswith(f"127.0.0.1:{service.port} cannot be reached")


def test_certificate_that_nobody_vouches_for_is_told(
    scene_of: SceneOf, tls_service: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    found = look("service.tls", scene_of(service_url=f"https://127.0.0.1:{tls_service.port}"))
    assert (found.level, "is not trusted" in found.message) == (Level.FAIL, True)


def test_address_without_tls_is_for_this_machine_only(scene_of: SceneOf, service: FaultProxy) -> None:
    assert levels(scene_of, service.http_url) == dict.fromkeys(IDS, Level.OK)
    found = look("service.tls", scene_of(service_url="http://staging.example.test"))
    assert (found.level, found.fix) == (Level.FAIL, "Set SERVICE_URL=https://staging.example.test")


@pytest.mark.parametrize(
    "url", ["staging.example.test", "ftp://host", "https://", "https://u:p@host", "https://h?a=b"]
)
def test_address_that_is_none_is_told_and_not_repeated(scene_of: SceneOf, url: str) -> None:
    found = look("service.tls", scene_of(service_url=url))
    assert (found.level, found.message) == (Level.FAIL, "SERVICE_URL is no address of a server")


def test_server_that_is_not_ready_is_told(scene_of: SceneOf, tmp_path: Path) -> None:
    with served(load_settings(database_url=f"sqlite:///{tmp_path}/not-migrated.db")) as port:
        scene = scene_of(service_url=f"http://127.0.0.1:{port}")
        assert look("service.healthy", scene).level is Level.OK
        found = look("service.ready", scene)
    assert (found.level, found.is_outage) == (Level.FAIL, False)
    assert "autoforge db status --env staging" in str(found.fix)


def test_redirect_is_not_followed(scene_of: SceneOf, service: FaultProxy) -> None:
    with FaultProxy("127.0.0.1", service.port) as elsewhere:
        service.answer(302, headers={"Location": f"{elsewhere.http_url}/healthz"})
        found = look("service.healthy", scene_of(service_url=service.http_url))
        assert elsewhere.requests == []
    assert found.message.endswith(f"HTTP 302 instead of 200, and points to 127.0.0.1:{elsewhere.port}")


@pytest.mark.parametrize("body", [b"<html>hello</html>", b"[" * 100_000, b'{"status":"fine"}', b""])
def test_somebody_else_s_answer_is_told(scene_of: SceneOf, service: FaultProxy, body: bytes) -> None:
    service.answer(200, body)
    found = look("service.healthy", scene_of(service_url=service.http_url))
    assert found.message == f"what answers at 127.0.0.1:{service.port} is not this application"


@pytest.mark.parametrize(("status", "is_outage"), [(500, False), (502, True), (503, True), (404, False)])
def test_bad_status_is_told(scene_of: SceneOf, service: FaultProxy, status: int, is_outage: bool) -> None:
    service.answer(status, b"oops")
    found = look("service.healthy", scene_of(service_url=service.http_url))
    assert (found.level, found.is_outage) == (Level.FAIL, is_outage)
    assert f"HTTP {status} instead of 200" in found.message


def test_endless_answer_ends(scene_of: SceneOf, service: FaultProxy) -> None:
    service.answer(200, b"x" * 10_000_000)
    assert look("service.healthy", scene_of(service_url=service.http_url)).level is Level.FAIL


def test_silent_server_is_not_waited_for(
    scene_of: SceneOf, service: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("src.operations.checks.outside.SERVICE_SECONDS", 0.2)
    service.hang()
    found = look("service.healthy", scene_of(service_url=service.http_url))
    assert (found.is_outage, found.message) == (
        True,
        f"127.0.0.1:{service.port} does not answer within 0.2 s",
    )


def test_page_instead_of_a_problem_is_told(scene_of: SceneOf, service: FaultProxy) -> None:
    service.answer(
        404, b"<html>not here</html>", headers={"Content-Type": "text/html; charset=utf-8"}, when="/api/"
    )
    scene = scene_of(service_url=service.http_url)
    assert look("service.healthy", scene).level is Level.OK
    found = look("service.problem-documents", scene)
    assert (found.level, "with text/html, and not" in found.message) == (Level.FAIL, True)


@pytest.mark.parametrize(
    ("ahead_seconds", "level"),
    [(0, Level.OK), (-4, Level.OK), (30, Level.WARN), (-30, Level.WARN), (120, Level.FAIL)],
)
def test_clock_is_compared_with_that_of_the_server(
    scene_of: SceneOf, service: FaultProxy, ahead_seconds: int, level: Level
) -> None:
    theirs = datetime.now(UTC) - timedelta(seconds=ahead_seconds)
    service.replace_answer(b'{"status":"ok"}', headers={"date": format_datetime(theirs, usegmt=True)})
    found = look("clock.skew", scene_of(service_url=service.http_url))
    assert found.level is level, found.message
    assert level is Level.OK or ("ahead of" if ahead_seconds > 0 else "behind") in found.message


def test_time_that_passes_between_the_checks_is_not_skew(scene_of: SceneOf, service: FaultProxy) -> None:
    scene = scene_of(service_url=service.http_url, now=datetime.now(UTC) - timedelta(hours=1))
    scene._began -= 3600  # as if the checks before had taken an hour
    assert look("clock.skew", scene).level is Level.OK


def test_server_that_starts_slowly_is_not_skew() -> None:
    asked, came = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC), datetime(2026, 5, 1, 12, 0, 29, tzinfo=UTC)
    for second in (0, 15, 29):
        assert live_clock.ahead(asked, came, asked.replace(second=second)) == timedelta(0)
    assert live_clock.ahead(asked, came, asked - timedelta(seconds=3)) == timedelta(seconds=2)
    assert live_clock.ahead(asked, came, came + timedelta(seconds=3)) == timedelta(seconds=-3)


def test_nobody_to_compare_the_clock_with(scene_of: SceneOf, tmp_path: Path) -> None:
    scene = scene_of("local", database_url=f"sqlite:///{tmp_path}/autoforge.db")
    assert look("clock.skew", scene).level is Level.SKIP
