"""Runs that are under way, here or in another process: what is seen of them, and ending and resuming them."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

from fastapi import FastAPI
from starlette.testclient import TestClient

from src.application.evaluation import commands
from src.bootstrap import Container
from src.domain.evaluation.evaluation import RunSettings
from src.domain.shared.ids import EvaluationId, PromptId, SuiteId
from tests.integration.api.calls import (
    EVALUATIONS,
    a_case,
    a_run,
    answers,
    ended,
    post_evaluation,
    post_prompt,
    post_suite,
    problem,
)
from tests.llm_server import FakeLlm

DEAD_FOR = timedelta(hours=1)


def a_pending_run(client: TestClient, container: Container, *, age: timedelta = timedelta()) -> str:
    """Id of an evaluation that another process said it would run, `age` ago."""
    services = container.services
    evaluation = commands.start_evaluation(
        prompt_id=PromptId(post_prompt(client)["id"]),
        version=None,
        suite_id=SuiteId(post_suite(client)["id"]),
        settings=RunSettings("scripted", provider_options={"answers": answers(one="billing", two="billing")}),
        owner="another process",
        by=services.principal,
        uow=services.unit_of_work(),
        now=services.now() - age,
    )
    return evaluation.id


def events(client: TestClient, evaluation_id: str) -> list[tuple[str, Any]]:
    response = client.get(f"{EVALUATIONS}/{evaluation_id}/events")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/event-stream")
    found = []
    for block in response.text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        found.append((fields["event"], json.loads(fields["data"])))
    return found


def test_run_of_another_process_is_cancelled(client: TestClient, container: Container) -> None:
    url = f"{EVALUATIONS}/{a_pending_run(client, container)}"
    response = client.post(f"{url}/cancel")
    assert response.status_code == 200
    assert response.json()["status"] == "cancelled"
    assert response.headers["etag"] == client.get(url).headers["etag"]
    problem(client.post(f"{url}/cancel"), 409, "evaluation_state")
    problem(client.post(f"{url}/resume"), 409, "evaluation_state")


def test_cancel_heeds_if_match_when_it_is_sent(client: TestClient, container: Container) -> None:
    url = f"{EVALUATIONS}/{a_pending_run(client, container)}"
    problem(client.post(f"{url}/cancel", headers={"If-Match": '"9"'}), 412, "stale_version")
    problem(client.post(f"{url}/cancel", headers={"If-Match": "nine"}), 400, "bad_etag")
    assert client.get(url).json()["status"] == "pending"
    assert client.post(f"{url}/cancel", headers={"If-Match": '"1"'}).status_code == 200


def test_finished_evaluation_is_neither_cancelled_nor_resumed(client: TestClient) -> None:
    url = f"{EVALUATIONS}/{post_evaluation(client)['id']}"
    ended(client, url.rpartition("/")[2])
    problem(client.post(f"{url}/cancel"), 409, "evaluation_state")
    problem(client.post(f"{url}/resume"), 409, "evaluation_state")


def test_live_evaluation_is_not_resumed(client: TestClient, container: Container) -> None:
    evaluation_id = a_pending_run(client, container)
    problem(client.post(f"{EVALUATIONS}/{evaluation_id}/resume"), 409, "evaluation_state")


def test_own_live_evaluation_is_not_run_twice(client: TestClient, container: Container) -> None:
    evaluation_id = a_pending_run(client, container, age=DEAD_FOR)
    services = container.services
    commands.resume_evaluation(
        evaluation_id=EvaluationId(evaluation_id),
        owner=services.runs.owner,
        uow=services.unit_of_work(),
        now=services.now(),
    )
    problem(client.post(f"{EVALUATIONS}/{evaluation_id}/resume"), 409, "evaluation_state")


def test_abandoned_evaluation_is_resumed(client: TestClient, container: Container) -> None:
    evaluation_id = a_pending_run(client, container, age=DEAD_FOR)
    response = client.post(f"{EVALUATIONS}/{evaluation_id}/resume")
    assert response.status_code == 202
    assert response.json()["status"] == "pending"
    assert ended(client, evaluation_id)["status"] == "completed"


def test_events_show_a_run_until_it_is_done(client: TestClient) -> None:
    with FakeLlm(latency_seconds=0.3) as llm:
        llm.reply(lambda call: "billing")
        run = a_run(
            client,
            suite_id=post_suite(client, cases=[a_case(f"c{n}") for n in range(6)])["id"],
            provider="openai",
            model="m",
            base_url=llm.base_url,
            answers=None,
            concurrency=1,
        )
        seen = events(client, client.post(EVALUATIONS, json=run).json()["id"])
    assert [name for name, _ in seen] == ["progress"] * (len(seen) - 1) + ["done"]
    counts = [event["completed"] for _, event in seen]
    assert counts == sorted(counts)
    assert len(set(counts)) > 2, "progress was seen on the way"
    assert seen[-1][1] == {"status": "completed", "total": 6, "completed": 6, "abandoned": False}


def test_events_of_a_finished_run_end_at_once(client: TestClient) -> None:
    started = post_evaluation(client)
    ended(client, started["id"])
    last = {"status": "completed", "total": 2, "completed": 2, "abandoned": False}
    assert events(client, started["id"]) == [("progress", last), ("done", last)]


def test_events_of_an_abandoned_run_end_by_saying_so(client: TestClient, container: Container) -> None:
    seen = events(client, a_pending_run(client, container, age=DEAD_FOR))
    assert [(name, event["abandoned"]) for name, event in seen] == [("progress", False), ("done", True)]


def test_events_end_when_the_process_of_the_run_dies(
    client: TestClient, app: FastAPI, container: Container
) -> None:
    """The clock of the server is set ahead, since a lease lasts 15 s."""
    services = container.services
    evaluation_id = a_pending_run(client, container, age=timedelta(seconds=10))
    assert not client.get(f"{EVALUATIONS}/{evaluation_id}").json()["abandoned"]
    start = services.now()
    app.state.services = replace(services, now=lambda: start + 10 * (services.now() - start))
    assert events(client, evaluation_id)[-1] == (
        "done",
        {"status": "pending", "total": 2, "completed": 0, "abandoned": True},
    )


def test_abandoned_evaluation_is_never_called_unchanged(client: TestClient, container: Container) -> None:
    evaluation_id = a_pending_run(client, container, age=DEAD_FOR)
    response = client.get(f"{EVALUATIONS}/{evaluation_id}", headers={"If-None-Match": '"1"'})
    assert response.status_code == 200
    assert response.json()["abandoned"] is True
