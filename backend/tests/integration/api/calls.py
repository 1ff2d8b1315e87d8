"""Requests that tests make on the way to what they are about, and how they look at answers."""

import time
from typing import Any

from starlette.testclient import TestClient

PROMPTS, TEMPLATES, SUITES, EVALUATIONS = (
    f"/api/v1/{noun}" for noun in ("prompts", "templates", "suites", "evaluations")
)
Json = dict[str, Any]


def created(response: Any) -> Json:
    assert response.status_code in (200, 201, 202), response.text
    body: Json = response.json()
    return body


def post_prompt(client: TestClient, **fields: Any) -> Json:
    return created(client.post(PROMPTS, json={"title": "Triage", "content": "Sort: {{message}}", **fields}))


def post_template(client: TestClient, **fields: Any) -> Json:
    body = {"name": "greeting", "template": "Hello {{name}}", "variables": [{"name": "name"}], **fields}
    return created(client.post(TEMPLATES, json=body))


def a_case(name: str, **fields: Any) -> Json:
    return {"name": name, "variables": {"message": f"about {name}"}, "expected": "billing", **fields}


def post_suite(client: TestClient, **fields: Any) -> Json:
    body = {"name": "triage", "cases": [a_case("one"), a_case("two")], **fields}
    return created(client.post(SUITES, json=body))


def answers(**by_case: str) -> list[Any]:
    return [{"case": case, "answer": answer} for case, answer in by_case.items()]


def a_run(client: TestClient, **fields: Any) -> Json:
    """A body to start an evaluation with, whose prompt and suite exist; the answers are right and wrong."""
    given = fields.keys()
    return {
        **({} if "prompt_id" in given else {"prompt_id": post_prompt(client)["id"]}),
        **({} if "suite_id" in given else {"suite_id": post_suite(client)["id"]}),
        "provider": "scripted",
        "answers": answers(one="billing", two="bug"),
        **fields,
    }


def post_evaluation(client: TestClient, **fields: Any) -> Json:
    return created(client.post(EVALUATIONS, json=a_run(client, **fields)))


def ended(client: TestClient, evaluation_id: str) -> Json:
    """The evaluation, once it has ended."""
    body: Json = {}
    for _ in range(1000):
        body = client.get(f"{EVALUATIONS}/{evaluation_id}").json()
        if body["status"] not in ("pending", "running"):
            return body
        time.sleep(0.01)
    raise AssertionError(f"still {body['status']} after 10 s")


def problem(response: Any, status: int, code: str) -> Json:
    """The problem in `response`, which must be exactly this one, and wholly one."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: Json = response.json()
    assert body["type"] == f"urn:autoforge:problem:{code}", body
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    assert body["instance"] == response.request.url.raw_path.decode().partition("?")[0]
    assert body["request_id"] == response.headers["x-request-id"]
    return body


def places(body: Json) -> list[str]:
    """Where the errors of a problem are, such as "body.cases.0.name"."""
    return [".".join(map(str, error["loc"])) for error in body["errors"]]


def walk(client: TestClient, url: str, *, limit: int) -> list[Json]:
    """All rows of a list, page by page."""
    rows: list[Json] = []
    cursor = None
    while True:
        page = client.get(url, params={"limit": limit} | ({"cursor": cursor} if cursor else {})).json()
        assert len(page["items"]) <= limit
        rows += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return rows
