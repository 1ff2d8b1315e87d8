"""What clients get, and what is stored, when the remote database or the way to it fails."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from src.bootstrap import Container
from src.core.config.settings.base import Settings
from src.main import create_app
from tests.backends import on_libsql
from tests.fault_proxy import FaultProxy
from tests.integration.api.calls import PROMPTS, post_prompt, problem

pytestmark = on_libsql
BODY = {"title": "Second", "content": "Text"}


@pytest.fixture
def proxied(migrated_settings: Settings, libsql_proxy: FaultProxy) -> Settings:
    return migrated_settings.model_copy(update={"database_url": libsql_proxy.url})


@pytest.fixture
def client(proxied: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(container=Container(proxied)), raise_server_exceptions=False) as client:
        yield client


def titles(client: TestClient) -> list[str]:
    return [row["title"] for row in client.get(PROMPTS).json()["items"]]


@pytest.mark.parametrize("fault", [("answer", 500), ("answer", 502), ("answer", 429), ("refuse", None)])
def test_read_is_asked_again_while_the_fault_passes(
    client: TestClient, libsql_proxy: FaultProxy, fault: tuple[str, int | None]
) -> None:
    url = f"{PROMPTS}/{post_prompt(client)['id']}"
    kind, status = fault
    if kind == "answer":
        assert status is not None
        libsql_proxy.answer(status, times=2)
    else:
        libsql_proxy.refuse(times=2)

    assert client.get(url).status_code == 200


@pytest.mark.parametrize("status", [429, 500, 502])
def test_database_that_does_not_answer_is_a_503_with_retry_after(
    client: TestClient, libsql_proxy: FaultProxy, status: int
) -> None:
    prompt = post_prompt(client)
    libsql_proxy.answer(status, headers={"Retry-After": "7"})
    for response in (client.get(f"{PROMPTS}/{prompt['id']}"), client.post(PROMPTS, json=BODY)):
        body = problem(response, 503, "database_unavailable")
        assert response.headers["retry-after"] == "7"
        assert f"HTTP status {status}" in body["detail"]
    libsql_proxy.heal()

    assert titles(client) == ["Triage"]


def test_write_is_never_sent_again(client: TestClient, libsql_proxy: FaultProxy) -> None:
    libsql_proxy.answer(502, when="INSERT", times=1)

    problem(client.post(PROMPTS, json=BODY), 503, "database_unavailable")

    assert titles(client) == []
    assert sum("INSERT" in request.text for request in libsql_proxy.requests) == 1


def test_lost_answer_to_a_commit_is_told_and_the_change_is_stored_once(
    client: TestClient, libsql_proxy: FaultProxy
) -> None:
    libsql_proxy.lose_answer(when="COMMIT")

    response = client.post(PROMPTS, json=BODY)

    assert "Look before you repeat it" in problem(response, 504, "commit_outcome_unknown")["detail"]
    assert "retry-after" not in response.headers
    libsql_proxy.heal()
    assert titles(client) == ["Second"]


# Each takes 5 s: the server gives an abandoned transaction that long before it lets the next writer in.
@pytest.mark.parametrize(
    ("fault", "when"),
    [("refuse", "SELECT"), ("lose_answer", "UPDATE"), ("truncate", "INSERT INTO prompt_versions")],
)
def test_connection_that_breaks_off_before_the_commit_leaves_nothing(
    client: TestClient, libsql_proxy: FaultProxy, fault: str, when: str
) -> None:
    url = f"{PROMPTS}/{post_prompt(client)['id']}"
    getattr(libsql_proxy, fault)(when=when, times=1)

    problem(client.post(f"{url}/versions", json={"content": "New"}), 503, "database_unavailable")

    found = client.get(f"{url}/versions").json()["items"]
    assert [entry["version"] for entry in found] == [1]
    assert client.get(url).json()["version"] == 1
    assert client.post(f"{url}/versions", json={"content": "New"}).json()["version"] == 2


@pytest.mark.parametrize("status", [401, 403])
def test_refused_token_is_a_503_and_a_loud_line_without_the_token(
    client: TestClient, libsql_proxy: FaultProxy, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    libsql_proxy.answer(status, b'{"error":"no"}')
    with caplog.at_level(logging.ERROR):
        response = client.get(PROMPTS)

    detail = problem(response, 503, "database_token_refused")["detail"]
    assert "TURSO_AUTH_TOKEN" in detail
    assert f"refuses TURSO_AUTH_TOKEN (HTTP {status})" in caplog.text


def test_readiness_tells_that_the_database_is_gone(client: TestClient, libsql_proxy: FaultProxy) -> None:
    assert client.get("/readyz").status_code == 200
    libsql_proxy.refuse()

    problem(client.get("/readyz"), 503, "not_ready")
    assert client.get("/healthz").status_code == 200


def test_stalled_server_holds_up_one_request_only(client: TestClient, libsql_proxy: FaultProxy) -> None:
    url = f"{PROMPTS}/{post_prompt(client)['id']}"
    libsql_proxy.hang(when="INSERT", times=1)

    problem(client.post(PROMPTS, json=BODY), 503, "database_unavailable")

    assert client.get(url).status_code == 200
    assert client.post(PROMPTS, json=BODY).status_code == 201


def test_wrong_token_changes_nothing_and_is_shown_nowhere(
    proxied: Settings,
    libsql_proxy: FaultProxy,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    planted = "e30.eyJhIjoicncifQ.PLANTED-SECRET-SIGNATURE"
    settings = proxied.model_copy(update={"turso_auth_token": SecretStr(planted)})
    container = Container(settings)
    printed: list[Any] = [repr(settings), repr(vars(container.database))]
    with (
        caplog.at_level(logging.DEBUG),
        TestClient(create_app(container=container), raise_server_exceptions=False) as client,
    ):
        for fault in (None, "refuse", "lose_answer", "truncate"):
            if fault is not None:
                getattr(libsql_proxy, fault)()
            for response in (client.get(PROMPTS), client.post(PROMPTS, json=BODY), client.get("/readyz")):
                assert response.status_code == 503
                printed += [response.text, str(response.headers)]
            libsql_proxy.heal()
        libsql_proxy.answer(401, planted.encode())  # a server that repeats it
        printed.append(client.get(PROMPTS).text)
    printed += [caplog.text, *capfd.readouterr()]

    assert all("PLANTED-SECRET" not in text for text in printed)
