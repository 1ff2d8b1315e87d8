import json
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from src.core.config.settings.base import AppEnv
from tests.integration.api.calls import (
    EVALUATIONS,
    PROMPTS,
    a_run,
    answers,
    ended,
    places,
    post_evaluation,
    post_prompt,
    post_suite,
    problem,
    walk,
)
from tests.llm_server import FakeLlm, HttpReply


def test_started_evaluation_is_accepted_and_runs_to_its_end(client: TestClient) -> None:
    prompt = post_prompt(client)
    response = client.post(EVALUATIONS, json=a_run(client, prompt_id=prompt["id"]))
    assert response.status_code == 202
    accepted = response.json()
    assert response.headers["location"] == f"{EVALUATIONS}/{accepted['id']}"
    assert response.headers["etag"] == f'"{accepted["row_version"]}"'
    assert (accepted["status"], accepted["total"], accepted["completed"]) == ("pending", 2, 0)
    assert (accepted["prompt_name"], accepted["suite_name"], accepted["suite_version"]) == (
        "triage",
        "triage",
        1,
    )
    assert accepted["content_hash"] == prompt["content_hash"]
    done = ended(client, accepted["id"])
    assert done["status"] == "completed"
    assert (done["completed"], done["overall_score"]) == (2, 0.5)
    assert (done["metrics"]["passed"], done["metrics"]["failed"]) == (1, 1)
    assert done["metrics"]["meets_threshold"] is False
    assert not done["abandoned"]


def test_results_are_listed_in_the_order_of_the_suite_and_narrowed_by_outcome(client: TestClient) -> None:
    started = post_evaluation(client, repeats=2)
    ended(client, started["id"])
    url = f"{EVALUATIONS}/{started['id']}/results"
    results = walk(client, url, limit=3)
    assert [(r["case_name"], r["repeat"], r["outcome"]) for r in results] == [
        ("one", 1, "passed"),
        ("one", 2, "passed"),
        ("two", 1, "failed"),
        ("two", 2, "failed"),
    ]
    assert results[2]["output"] == "bug"
    assert results[2]["expected"] == "billing"
    assert results[2]["input"] == {"message": "about two"}
    assert results[2]["assertions"][0]["type"] == "equals"
    failed = client.get(url, params={"outcome": "failed"}).json()["items"]
    assert [r["case_name"] for r in failed] == ["two", "two"]
    problem(client.get(url, params={"outcome": "lost"}), 422, "invalid_request")
    problem(client.get(url, params={"cursor": "W10"}), 422, "bad_cursor")


def test_answers_are_matched_by_repeat_and_by_the_prompt_that_they_answer(client: TestClient) -> None:
    prompt = post_prompt(client)
    recorded = [
        {"case": "one", "answer": "billing", "prompt_hash": prompt["content_hash"]},
        {"case": "one", "answer": "bug", "prompt_hash": "0" * 64},
        {"case": "two", "answer": "billing", "repeat": 1},
        {"case": "two", "answer": "bug", "repeat": 2},
    ]
    started = post_evaluation(client, prompt_id=prompt["id"], answers=recorded, repeats=2)
    ended(client, started["id"])
    results = client.get(f"{EVALUATIONS}/{started['id']}/results").json()["items"]
    assert [result["output"] for result in results] == ["billing", "billing", "billing", "bug"]


def test_older_version_is_evaluated_when_it_is_asked_for(client: TestClient) -> None:
    prompt = post_prompt(client)
    client.post(f"{PROMPTS}/{prompt['id']}/versions", json={"content": "Other {{message}}"})
    started = post_evaluation(client, prompt_id=prompt["id"], version=1)
    assert started["prompt_version"] == 1
    assert started["content_hash"] == prompt["content_hash"]
    ended(client, started["id"])


def test_settings_are_shown_without_the_answers(client: TestClient) -> None:
    started = post_evaluation(
        client, parameters={"temperature": 0}, case_filter="o*", timeout_seconds=5, model="m"
    )
    assert started["settings"] == {
        "repeats": 1,
        "concurrency": 8,
        "timeout_seconds": 5.0,
        "max_attempts": 4,
        "parameters": {"temperature": 0},
        "case_filter": "o*",
        "base_url": None,
    }
    assert started["total"] == 1
    shown = ended(client, started["id"])
    assert "answers" not in json.dumps(shown)
    assert shown["model"] == "m"


def test_model_behind_a_base_url_is_asked(client: TestClient) -> None:
    with FakeLlm() as llm:
        llm.reply(
            lambda call: "billing" if "one" in call.prompt else HttpReply(400, {"error": {"message": "no"}})
        )
        started = post_evaluation(
            client, provider="openai", model="tiny", base_url=llm.base_url, answers=None, max_attempts=1
        )
        failed = ended(client, started["id"])
        assert failed["status"] == "failed"
        assert failed["settings"]["base_url"] == llm.base_url
        assert failed["metrics"]["errored"] == 1
        llm.reply(lambda call: "billing")
        resumed = client.post(f"{EVALUATIONS}/{started['id']}/resume")
        assert resumed.status_code == 202
        assert resumed.headers["location"] == f"{EVALUATIONS}/{started['id']}"
        assert ended(client, started["id"])["status"] == "completed"
        prompts = [call.prompt for call in llm.requests]
    assert sorted(prompts) == ["Sort: about one", "Sort: about two", "Sort: about two"], (
        "one was answered already"
    )


@pytest.mark.parametrize(
    ("missing", "status", "code"),
    [
        ({"prompt_id": "nobody"}, 404, "prompt_not_found"),
        ({"suite_id": "nobody"}, 404, "suite_not_found"),
        ({"version": 2}, 404, "prompt_version_not_found"),
        ({"case_filter": "nothing*"}, 422, "rule_violation"),
    ],
)
def test_run_of_something_that_is_not_there_is_refused(
    client: TestClient, missing: dict[str, Any], status: int, code: str
) -> None:
    problem(client.post(EVALUATIONS, json=a_run(client, **missing)), status, code)
    assert client.get(EVALUATIONS).json()["items"] == []


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"provider": "azure"}, "body.provider"),
        ({"provider": None}, "body.provider"),
        ({"answers": None}, "body"),
        ({"answers": []}, "body.answers"),
        ({"answers": "answers.jsonl"}, "body.answers"),
        ({"answers": [{"case": "one"}]}, "body.answers.0.answer"),
        ({"answers": [{"case": "one", "answer": "x", "file": "/etc/passwd"}]}, "body.answers.0.file"),
        ({"provider": "openai", "model": "m"}, "body"),
        ({"provider": "openai", "answers": None}, "body"),
        ({"provider": "anthropic", "answers": None}, "body"),
        ({"base_url": "http://127.0.0.1"}, "body"),
        ({"repeats": 0}, "body.repeats"),
        ({"repeats": 101}, "body.repeats"),
        ({"repeats": "2"}, "body.repeats"),
        ({"repeats": 1.5}, "body.repeats"),
        ({"repeats": True}, "body.repeats"),
        ({"concurrency": 257}, "body.concurrency"),
        ({"timeout_seconds": 0}, "body.timeout_seconds"),
        ({"timeout_seconds": 601}, "body.timeout_seconds"),
        ({"timeout_seconds": 10**15}, "body.timeout_seconds"),
        ({"max_attempts": 11}, "body.max_attempts"),
        ({"version": 0}, "body.version"),
        ({"version": 2**40}, "body.version"),
        ({"case_filter": ""}, "body.case_filter"),
        ({"case_filter": "*" * 256}, "body.case_filter"),
        ({"parameters": []}, "body.parameters"),
        ({"api_key": "sk-secret"}, "body.api_key"),
        ({"api_key_env": "HOME"}, "body.api_key_env"),
        ({"provider_options": {}}, "body.provider_options"),
        ({"owner": "me"}, "body.owner"),
    ],
)
def test_wrong_run_is_refused(client: TestClient, fields: dict[str, Any], place: str) -> None:
    body = {"prompt_id": "p", "suite_id": "s", "provider": "scripted", "answers": answers(one="x"), **fields}
    response = client.post(EVALUATIONS, json=body)
    assert places(problem(response, 422, "invalid_request")) == [place]
    assert "sk-secret" not in response.text


@pytest.mark.parametrize(
    "base_url",
    [
        "ftp://127.0.0.1/v1",
        "file:///etc/passwd",
        "127.0.0.1:8080",
        "http://",
        "http://user:secret@127.0.0.1",
        "http://user@127.0.0.1",
        "http://[::1",
        "",
    ],
)
def test_base_url_that_is_none_is_refused(client: TestClient, base_url: str) -> None:
    run = a_run(client, provider="openai", model="m", base_url=base_url, answers=None)
    response = client.post(EVALUATIONS, json=run)
    assert places(problem(response, 422, "invalid_request")) == ["body.base_url"]
    assert "secret" not in response.text


def test_outside_local_only_listed_base_urls_are_taken(client: TestClient, app: FastAPI) -> None:
    with FakeLlm() as llm:
        llm.reply(lambda call: "billing")
        update = {"app_env": AppEnv.PRODUCTION, "llm_base_urls": (f"{llm.base_url}/",)}
        app.state.settings = app.state.settings.model_copy(update=update)
        run = a_run(client, provider="openai", model="m", base_url=llm.base_url, answers=None)
        started = client.post(EVALUATIONS, json=run)
        assert started.status_code == 202
        assert ended(client, started.json()["id"])["status"] == "completed"
        other = client.post(EVALUATIONS, json={**run, "base_url": "http://169.254.169.254/v1"})
    assert places(problem(other, 422, "invalid_request")) == ["body.base_url"]


def test_run_whose_key_is_missing_is_refused_and_not_stored(client: TestClient) -> None:
    run = a_run(client, provider="openai", model="gpt-4o-mini", answers=None)
    refused = problem(client.post(EVALUATIONS, json=run), 422, "provider_setup")
    assert "OPENAI_API_KEY" in refused["detail"]
    assert client.get(EVALUATIONS).json()["items"] == []


def test_evaluation_that_the_client_has_already_is_not_sent_again(client: TestClient) -> None:
    url = f"{EVALUATIONS}/{post_evaluation(client)['id']}"
    etag = ended(client, url.rpartition("/")[2])["row_version"]
    response = client.get(url, headers={"If-None-Match": f'"{etag}"'})
    assert response.status_code == 304
    assert client.get(url, headers={"If-None-Match": '"1"'}).status_code == 200


def test_list_is_narrowed_by_prompt_suite_and_status(client: TestClient) -> None:
    first = post_evaluation(client)
    second = post_evaluation(client, suite_id=post_suite(client, name="other")["id"])
    for started in (first, second):
        ended(client, started["id"])

    def listed(**query: str) -> list[str]:
        return [row["id"] for row in client.get(EVALUATIONS, params=query).json()["items"]]

    assert [row["id"] for row in walk(client, EVALUATIONS, limit=1)] == listed()
    assert set(listed()) == {first["id"], second["id"]}
    assert listed(prompt_id=first["prompt_id"]) == [first["id"]]
    assert listed(suite_id=second["suite_id"]) == [second["id"]]
    assert set(listed(status="completed")) == {first["id"], second["id"]}
    assert listed(status="failed") == []
    problem(client.get(EVALUATIONS, params={"status": "lost"}), 422, "invalid_request")
    problem(client.get(EVALUATIONS, params={"prompt": "x"}), 422, "invalid_request")


def test_unknown_evaluation_is_not_found(client: TestClient) -> None:
    url = f"{EVALUATIONS}/nobody"
    for response in (
        client.get(url),
        client.get(f"{url}/results"),
        client.get(f"{url}/events"),
        client.post(f"{url}/cancel"),
        client.post(f"{url}/resume"),
    ):
        problem(response, 404, "evaluation_not_found")
