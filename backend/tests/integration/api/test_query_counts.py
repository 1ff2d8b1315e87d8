"""How many SQL statements each endpoint takes. The number must grow neither with the rows nor by accident."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from fastapi import FastAPI
from sqlalchemy import event
from starlette.testclient import TestClient

from src.bootstrap import Container
from src.core.config.settings.base import Settings
from src.domain.shared.ids import EvaluationId
from src.infrastructure.shared.database.local_sqlite import EngineRole
from src.main import create_app
from tests.backends import on_libsql
from tests.fault_proxy import FaultProxy
from tests.integration.api.calls import (
    EVALUATIONS,
    PROMPTS,
    SUITES,
    TEMPLATES,
    a_case,
    a_run,
    answers,
    ended,
    post_evaluation,
    post_prompt,
    post_suite,
    post_template,
)

ANY = {"If-Match": "*"}
CASES = [a_case(f"c{number}") for number in range(50)]
JSONL = "".join(f'{{"name": "c{number}", "expected": "x"}}\n' for number in range(50))

RUN: dict[str, Any] = {}  # filled in: its ids are known only then

# method, path, arguments: (statements on a read connection, statements of the write transaction).
COUNTS: list[tuple[str, str, dict[str, Any], tuple[int, int]]] = [
    ("GET", "/healthz", {}, (0, 0)),
    ("GET", "/readyz", {}, (2, 0)),
    ("POST", PROMPTS, {"json": {"title": "T", "content": "C"}}, (0, 3)),
    ("POST", PROMPTS, {"json": {"title": "T", "content": "C", "name": "n"}}, (0, 2)),
    ("GET", PROMPTS, {}, (1, 0)),
    ("GET", f"{PROMPTS}?status=draft&name=triage", {}, (1, 0)),
    ("GET", f"{PROMPTS}/{{prompt}}", {}, (1, 0)),
    ("GET", f"{PROMPTS}/{{prompt}}/versions", {}, (2, 0)),
    ("GET", f"{PROMPTS}/{{prompt}}/versions/1", {}, (1, 0)),
    ("PATCH", f"{PROMPTS}/{{prompt}}", {"json": {"title": "N"}, "headers": ANY}, (0, 2)),
    ("POST", f"{PROMPTS}/{{prompt}}/versions", {"json": {"content": "N"}}, (0, 3)),
    ("POST", f"{PROMPTS}/{{prompt}}/archive", {"headers": ANY}, (0, 2)),
    ("POST", f"{PROMPTS}/{{prompt}}/activate", {"headers": ANY}, (0, 2)),
    ("DELETE", f"{PROMPTS}/{{prompt}}", {"headers": ANY}, (0, 2)),
    ("POST", f"{PROMPTS}/{{prompt}}/restore", {"headers": ANY}, (0, 2)),
    ("POST", TEMPLATES, {"json": {"name": "n", "template": "T"}}, (0, 1)),
    ("GET", TEMPLATES, {}, (1, 0)),
    ("GET", f"{TEMPLATES}/{{template}}", {}, (1, 0)),
    ("POST", f"{TEMPLATES}/{{template}}/instantiate", {"json": {"values": {"name": "x"}}}, (0, 2)),
    ("PATCH", f"{TEMPLATES}/{{template}}", {"json": {"category": "x"}, "headers": ANY}, (0, 2)),
    ("DELETE", f"{TEMPLATES}/{{template}}", {"headers": ANY}, (0, 2)),
    ("POST", SUITES, {"json": {"name": "new", "cases": CASES}}, (0, 3)),
    ("POST", SUITES, {"json": {"name": "new", "cases": CASES}}, (0, 1)),
    ("POST", SUITES, {"json": {"name": "new", "cases": CASES[1:]}}, (0, 4)),
    (
        "POST",
        f"{SUITES}/import?name=imported",
        {"content": JSONL, "headers": {"Content-Type": "application/jsonl"}},
        (0, 3),
    ),
    ("GET", SUITES, {}, (1, 0)),
    ("GET", f"{SUITES}/{{suite}}", {}, (1, 0)),
    ("GET", f"{SUITES}/{{suite}}/cases", {}, (2, 0)),
    ("POST", EVALUATIONS, RUN, (1, 5)),
    ("GET", EVALUATIONS, {}, (1, 0)),
    ("GET", f"{EVALUATIONS}/{{done}}", {}, (1, 0)),
    ("GET", f"{EVALUATIONS}/{{done}}/results", {}, (2, 0)),
    ("GET", f"{EVALUATIONS}/{{done}}/events", {}, (1, 0)),
    ("POST", f"{EVALUATIONS}/{{failed}}/resume", {}, (1, 2)),
    ("POST", f"{EVALUATIONS}/{{failed}}/cancel", {}, (1, 2)),
]


class IdleRuns:
    """Launches nothing: a run in the background would have statements of its own."""

    owner = "test"

    def launch(self, evaluation_id: EvaluationId) -> None:
        pass


def test_every_endpoint_takes_as_many_statements_as_the_table_says(
    client: TestClient, app: FastAPI, container: Container
) -> None:
    ids = _rows(client)
    RUN["json"] = a_run(client)
    app.state.services = replace(container.services, runs=IdleRuns())
    found = []
    for method, path, arguments, _ in COUNTS:
        with (
            _statements(container, EngineRole.READ) as read,
            _statements(container, EngineRole.WRITE) as write,
        ):
            response = client.request(method, path.format(**ids), **arguments)
        assert response.status_code < 300, (method, path, response.text)
        found.append((method, path, (len(read), len(write))))
    assert found == [(method, path, counts) for method, path, _, counts in COUNTS]


@on_libsql
def test_each_statement_takes_one_request_and_a_commit_one_more(
    migrated_settings: Settings, libsql_proxy: FaultProxy
) -> None:
    """So a prompt is read in 1 request, and a version added in 4: over the network each of them is a round trip."""
    container = Container(migrated_settings.model_copy(update={"database_url": libsql_proxy.url}))
    app = create_app(container=container)
    with TestClient(app) as client:
        ids = _rows(client)
        RUN["json"] = a_run(client)
        app.state.services = replace(container.services, runs=IdleRuns())
        found = []
        for method, path, arguments, _ in COUNTS:
            libsql_proxy.forget_requests()
            response = client.request(method, path.format(**ids), **arguments)
            assert response.status_code < 300, (method, path, response.text)
            found.append((method, path, libsql_proxy.request_count))
    commits = {(method, path): 1 for method, path, _, (_, write) in COUNTS if write}
    assert found == [
        (method, path, read + write + commits.get((method, path), 0))
        for method, path, _, (read, write) in COUNTS
    ]


def _rows(client: TestClient) -> dict[str, str]:
    """Several of everything, so that a statement for each row would show."""
    for number in range(3):
        post_template(client, name=f"t{number}")
        post_suite(client, name=f"s{number}")
        prompt = post_prompt(client)
        client.post(f"{PROMPTS}/{prompt['id']}/versions", json={"content": "Other"})
    done, failed = post_evaluation(client), post_evaluation(client, answers=answers(one="billing"))
    assert ended(client, done["id"])["status"] == "completed"
    assert ended(client, failed["id"])["status"] == "failed"
    return {
        "prompt": post_prompt(client)["id"],
        "template": post_template(client)["id"],
        "suite": post_suite(client)["id"],
        "done": done["id"],
        "failed": failed["id"],
    }


@contextmanager
def _statements(container: Container, role: EngineRole) -> Iterator[list[str]]:
    engine, seen = container.database.engine(role), list[str]()

    def record(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", record)
    yield seen
    event.remove(engine, "before_cursor_execute", record)
