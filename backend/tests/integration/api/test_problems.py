import logging
from dataclasses import replace
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from src.application.services import Services
from src.bootstrap import Container
from src.domain.shared.errors import DomainError
from src.infrastructure.shared.database.local_sqlite import EngineRole
from src.main import create_app
from tests.integration.api.calls import PROMPTS, SUITES, post_prompt, problem

JSON = {"Content-Type": "application/json"}


def all_errors(base: type[DomainError] = DomainError) -> list[type[DomainError]]:
    return [base, *(error for child in base.__subclasses__() for error in all_errors(child))]


def post(client: TestClient, content: str | bytes, path: str = PROMPTS) -> Any:
    return client.post(path, content=content, headers=JSON)


@pytest.mark.parametrize(
    "path", ["/", "/api", "/api/v1", "/api/v2/prompts", f"{PROMPTS}/", "/a%20b/%3Cscript%3E", "/é"]
)
def test_unknown_route_is_a_problem(client: TestClient, path: str) -> None:
    problem(client.get(path), 404, "route_not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", PROMPTS, "GET, POST"),
        ("DELETE", PROMPTS, "GET, POST"),
        ("PUT", f"{PROMPTS}/x", "GET, PATCH, DELETE"),
        ("POST", f"{PROMPTS}/x/versions/1", "GET"),
        ("GET", f"{PROMPTS}/x/archive", "POST"),
        ("DELETE", f"{SUITES}/x", "GET"),
        ("BREW", f"{SUITES}/import", "GET, POST"),
        ("POST", "/healthz", "GET"),
    ],
)
def test_wrong_method_is_answered_with_all_right_ones(
    client: TestClient, method: str, path: str, allowed: str
) -> None:
    response = client.request(method, path)
    problem(response, 405, "method_not_allowed")
    assert response.headers["allow"] == allowed


@pytest.mark.parametrize(
    "media",
    ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonx", "multipart/form-data"],
)
def test_body_of_another_kind_is_refused(client: TestClient, media: str) -> None:
    response = client.post(PROMPTS, content='{"title": "T", "content": "C"}', headers={"Content-Type": media})
    problem(response, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "media", ["application/json", "Application/JSON; charset=utf-8", "application/x+json"]
)
def test_json_is_taken_by_all_its_names(client: TestClient, media: str) -> None:
    response = client.post(PROMPTS, content='{"title": "T", "content": "C"}', headers={"Content-Type": media})
    assert response.status_code == 201


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("{", "Expecting"),
        ('{"a": 1,}', "line 1"),
        ("NaN", "NaN"),
        ("-Infinity", "-Infinity"),
        ("1e999", "1e999"),
        ("9" * 19 + "9", "too big"),
        ("-" + "9" * 5000, "too big"),
        ("[" * 101 + "]" * 101, "100 levels"),
        ("[" * 200_000, "100 levels"),
        ('{"a":' * 101 + "1" + "}" * 101, "100 levels"),
        ('"\\ud800"', "surrogate"),
        ('{"\\udfff": 1}', "surrogate"),
        ('"a\\u0000b"', "NUL"),
        ('"a\nb"', "Invalid control character"),
        ('{"a": 1, "a": 2}', "'a'"),
        ("'a'", "Expecting"),
        ("\ufeff1", "BOM"),
    ],
)
def test_json_that_cannot_be_used_is_refused(client: TestClient, value: str, said: str) -> None:
    for content in (value, f'{{"title": "T", "content": "C", "metadata": {{"k": {value}}}}}'):
        body = problem(post(client, content), 400, "malformed_json")
        assert said in body["detail"] or said == "BOM"
    assert client.get(PROMPTS).json()["items"] == []


@pytest.mark.parametrize(
    "content", [b"\xff\xfe{\x00}\x00", b'{"title": "\xe9"}', b'{"title": "\xed\xa0\x80"}']
)
def test_json_that_is_no_utf8_is_refused(client: TestClient, content: bytes) -> None:
    assert "UTF-8" in problem(post(client, content), 400, "malformed_json")["detail"]


@pytest.mark.parametrize("content", ["", "null", "[]", '"text"', "1", "[{}]"])
def test_json_that_is_no_object_is_refused(client: TestClient, content: str) -> None:
    problem(post(client, content), 422, "invalid_request")


def test_extreme_values_that_can_be_used_come_back_as_they_were(client: TestClient) -> None:
    metadata: dict[str, Any] = {"max": 2**63 - 1, "min": -(2**63 - 1), "float": 1.5e300, "text": "🎌\u2028"}
    metadata["deep"] = 1
    for _ in range(98):
        metadata["deep"] = [metadata["deep"]]
    prompt = post_prompt(client, metadata=metadata)
    assert client.get(f"{PROMPTS}/{prompt['id']}").json()["metadata"] == metadata


def test_refused_values_are_not_repeated(client: TestClient) -> None:
    body = '{"title": ["geheim"], "content": 5, "name": {"geheim": 1}, "status": "geheim"}'
    response = post(client, body)
    assert len(problem(response, 422, "invalid_request")["errors"]) == 4
    assert "geheim" not in response.text


def test_only_the_first_of_very_many_errors_are_listed(client: TestClient) -> None:
    response = client.post(SUITES, json={"name": "s", "cases": [{"expectd": "x"}] * 1000})
    body = problem(response, 422, "invalid_request")
    assert len(body["errors"]) == 100
    assert "(and 999 more)" in body["detail"]


def test_body_that_says_it_is_too_large_is_refused(client: TestClient) -> None:
    problem(post(client, b"x" * 5_000_000), 413, "body_too_large")


def test_body_that_turns_out_too_large_is_refused(client: TestClient) -> None:
    chunks = (b" " * 1_000_000 for _ in range(5))
    response = client.post(PROMPTS, content=chunks, headers=JSON)
    assert "4,194,304 bytes" in problem(response, 413, "body_too_large")["detail"]


def test_large_body_to_an_unknown_route_is_not_found(client: TestClient) -> None:
    problem(post(client, b"x" * 5_000_000, "/nowhere"), 404, "route_not_found")


@pytest.mark.parametrize("error", all_errors())
def test_every_domain_error_has_a_code_of_its_own_and_is_no_fault_of_ours(
    error: type[DomainError], app: FastAPI
) -> None:
    async def fail() -> None:
        exc = error.__new__(error)
        Exception.__init__(exc, "what is wrong")
        for member in ("file", "line", "field"):
            setattr(exc, member, None)
        exc.retry_after = 1  # type: ignore[attr-defined]
        raise exc

    own = create_app(container=Container(app.state.settings))
    own.add_api_route("/fail", fail)
    response = TestClient(own).get("/fail")
    assert 400 <= response.status_code < 500 or response.status_code in (503, 504)
    problem(response, response.status_code, error.code)
    assert response.json()["detail"] == "what is wrong"


def test_codes_are_not_shared() -> None:
    codes = [error.code for error in set(all_errors())]  # some have two parents
    assert len(codes) == len(set(codes))


def test_unknown_exception_is_logged_and_hidden(app: FastAPI, caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise RuntimeError("the password is geheim")

    own = create_app(container=Container(app.state.settings))
    own.add_api_route("/fail", fail)
    with caplog.at_level(logging.ERROR):
        response = TestClient(own).get("/fail", headers={"X-Request-Id": "abc-123"})
    body = problem(response, 500, "internal_error")
    assert "geheim" not in response.text
    assert body["request_id"] == "abc-123"
    record = next(record for record in caplog.records if record.name == "src.presentation.api.edge")
    assert "abc-123" in record.getMessage()
    assert "geheim" in str(record.exc_info)


def test_exception_after_the_answer_began_cuts_it_off(app: FastAPI) -> None:
    from starlette.responses import StreamingResponse

    async def broken() -> Any:
        yield b"half"
        raise RuntimeError("broken")

    own = create_app(container=Container(app.state.settings))
    own.add_api_route("/half", lambda: StreamingResponse(broken()))
    with pytest.raises(RuntimeError, match="broken"):
        TestClient(own).get("/half")


@pytest.mark.parametrize("given", ["abc-123", "A" * 64])
def test_request_id_of_the_client_is_kept(client: TestClient, given: str) -> None:
    response = client.get("/nowhere", headers={"X-Request-Id": given})
    assert problem(response, 404, "route_not_found")["request_id"] == given


@pytest.mark.parametrize("given", ["", "a b", "A" * 65, "a\u00e9", "a/../b"])
def test_request_id_that_could_forge_a_log_is_replaced(client: TestClient, given: str) -> None:
    response = client.get("/healthz", headers=[(b"X-Request-Id", given.encode("latin-1"))])
    assert response.headers["x-request-id"] != given
    assert len(response.headers["x-request-id"]) == 32


@pytest.mark.parametrize("path", ["/healthz", PROMPTS, "/nowhere", "/docs", "/openapi.json"])
def test_every_answer_has_the_headers_that_browsers_heed(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-cache"
    assert "server" not in headers


def test_allowed_origin_may_read_etags_and_send_if_match(client: TestClient) -> None:
    origin = {"Origin": "http://localhost:3000"}
    response = client.get(PROMPTS, headers=origin)
    assert response.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert {"ETag", "Location"} <= set(response.headers["access-control-expose-headers"].split(", "))
    asked = {
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "if-match,content-type",
    }
    preflight = client.options(f"{PROMPTS}/x", headers={**origin, **asked})
    assert preflight.status_code == 200
    assert problem(client.get("/nowhere", headers=origin), 404, "route_not_found")


def test_other_origins_get_nothing_allowed(client: TestClient) -> None:
    response = client.get(PROMPTS, headers={"Origin": "http://evil.example"})
    assert "access-control-allow-origin" not in response.headers


def test_any_origin_never_gets_credentials(container: Container) -> None:
    settings = container.settings.model_copy(update={"cors_origins": ("*",), "cors_credentials": True})
    client = TestClient(create_app(container=Container(settings)))
    response = client.get("/healthz", headers={"Origin": "http://evil.example", "Cookie": "a=b"})
    assert response.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in response.headers


def test_process_that_lives_and_whose_database_answers_says_so(client: TestClient) -> None:
    assert client.get("/healthz").json() == client.get("/readyz").json() == {"status": "ok"}


def test_process_whose_database_does_not_answer_lives_and_is_not_ready(
    client: TestClient, app: FastAPI
) -> None:
    def fail() -> None:
        raise OSError("unable to open /secret/path")

    services: Services = app.state.services
    app.state.services = replace(services, require_ready=fail)
    assert client.get("/healthz").status_code == 200
    response = client.get("/readyz")
    problem(response, 503, "not_ready")
    assert "secret" not in response.text


def test_closing_the_application_closes_its_connections(container: Container) -> None:
    engine = container.database.engine(EngineRole.READ)
    with TestClient(create_app(container=container)) as client:
        client.get(PROMPTS)
        assert "Connections in pool: 1" in engine.pool.status()
    assert "Connections in pool: 0" in engine.pool.status()


def test_application_is_made_from_settings_alone(container: Container) -> None:
    with TestClient(create_app(container.settings)) as client:
        assert client.get(PROMPTS).json() == {"items": [], "next_cursor": None}
