from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from src.presentation.api.dependencies import Read
from tests.integration.api.calls import PROMPTS, places, post_prompt, problem, walk

STALE = {"If-Match": '"99"'}


def test_created_prompt_is_found_at_its_location(client: TestClient) -> None:
    response = client.post(
        PROMPTS,
        json={
            "title": "Triage",
            "name": "support/triage",
            "content": "Sort: {{message}}",
            "system_message": "One word.",
            "description": "仕分け",
            "tags": ["support", "eu"],
            "metadata": {"owner": {"team": "support"}, "n": 1},
            "status": "active",
        },
    )
    assert response.status_code == 201
    assert response.headers["etag"] == '"1"'
    found = client.get(response.headers["location"])
    assert found.json() == response.json()
    assert found.headers["etag"] == '"1"'
    body = response.json()
    assert body["version"] == body["row_version"] == 1
    assert body["status"] == "active"
    assert body["metadata"] == {"owner": {"team": "support"}, "n": 1}
    assert len(body["content_hash"]) == 64


def test_name_is_made_of_the_title_and_numbered_when_it_is_taken(client: TestClient) -> None:
    assert post_prompt(client, title="Support Triage!")["name"] == "support-triage"
    assert post_prompt(client, title="Support Triage!")["name"] == "support-triage-2"


def test_second_prompt_with_a_given_name_is_refused(client: TestClient) -> None:
    post_prompt(client, name="triage")
    body = {"title": "Other", "content": "Other", "name": "triage"}
    problem(client.post(PROMPTS, json=body), 409, "prompt_name_taken")
    assert len(client.get(PROMPTS).json()["items"]) == 1


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"title": ""}, "rule_violation"),
        ({"title": " \n "}, "rule_violation"),
        ({"content": ""}, "rule_violation"),
        ({"content": "x" * 1_000_001}, "rule_violation"),
        ({"system_message": "x" * 1_000_001}, "rule_violation"),
        ({"name": "no spaces"}, "rule_violation"),
        ({"tags": [""]}, "rule_violation"),
        ({"title": "x" * 300}, "invalid_request"),
        ({"title": 1}, "invalid_request"),
        ({"title": None}, "invalid_request"),
        ({"content": ["x"]}, "invalid_request"),
        ({"description": "x" * 10_001}, "invalid_request"),
        ({"tags": "support"}, "invalid_request"),
        ({"tags": ["x"] * 51}, "invalid_request"),
        ({"metadata": []}, "invalid_request"),
        ({"status": "archived"}, "invalid_request"),
        ({"version": 7}, "invalid_request"),
        ({"user_id": "somebody"}, "invalid_request"),
    ],
)
def test_wrong_prompt_is_refused_and_nothing_is_stored(
    client: TestClient, fields: dict[str, Any], code: str
) -> None:
    body = problem(client.post(PROMPTS, json={"title": "T", "content": "C", **fields}), 422, code)
    if code == "invalid_request":
        assert {place.split(".")[1] for place in places(body)} == set(fields)
    assert client.get(PROMPTS).json()["items"] == []


def test_all_wrong_fields_are_named_at_once(client: TestClient) -> None:
    body = problem(client.post(PROMPTS, json={"title": 1, "colour": "red"}), 422, "invalid_request")
    assert sorted(places(body)) == ["body.colour", "body.content", "body.title"]


def test_unknown_prompt_is_not_found(client: TestClient) -> None:
    for path in ("/nobody", "/nobody/versions", "/nobody/versions/1", "/%00", "/%E2%82%AC"):
        problem(client.get(PROMPTS + path), 404, "prompt_not_found")


@pytest.mark.parametrize("tags", ['"1"', 'W/"1"', '"7", "1"', "*"])
def test_prompt_that_the_client_has_already_is_not_sent_again(client: TestClient, tags: str) -> None:
    url = f"{PROMPTS}/{post_prompt(client)['id']}"
    response = client.get(url, headers={"If-None-Match": tags})
    assert response.status_code == 304
    assert response.content == b""
    assert response.headers["etag"] == '"1"'


def test_changed_prompt_is_sent_in_spite_of_an_old_etag(client: TestClient) -> None:
    prompt = post_prompt(client)
    client.post(f"{PROMPTS}/{prompt['id']}/versions", json={"content": "Other"})
    response = client.get(f"{PROMPTS}/{prompt['id']}", headers={"If-None-Match": '"1"'})
    assert response.status_code == 200
    assert response.json()["content"] == "Other"


def test_pages_hold_every_prompt_once_newest_first(client: TestClient) -> None:
    ids = [post_prompt(client)["id"] for _ in range(5)]
    listed = walk(client, PROMPTS, limit=2)
    assert {row["id"] for row in listed} == set(ids)
    assert len(listed) == 5
    times = [row["created_at"] for row in listed]
    assert times == sorted(times, reverse=True)
    assert "content" not in listed[0]


def test_last_page_that_is_full_has_no_cursor(client: TestClient) -> None:
    for _ in range(2):
        post_prompt(client)
    assert client.get(PROMPTS, params={"limit": 2}).json()["next_cursor"] is None


def test_list_is_narrowed_by_name_status_and_deletion(client: TestClient) -> None:
    draft = post_prompt(client, name="draft")
    active = post_prompt(client, name="active", status="active")
    gone = post_prompt(client, name="gone")
    client.delete(f"{PROMPTS}/{gone['id']}", headers={"If-Match": "*"})

    def listed(**query: str) -> list[str]:
        return [row["id"] for row in client.get(PROMPTS, params=query).json()["items"]]

    assert listed(name="draft") == [draft["id"]]
    assert listed(status="active") == [active["id"]]
    assert listed(deleted="true") == [gone["id"]]
    assert listed(name="gone") == []


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "limit=many", "limit=", "status=new", "deleted=perhaps", "limt=10"]
)
def test_wrong_query_is_refused(client: TestClient, query: str) -> None:
    problem(client.get(f"{PROMPTS}?{query}"), 422, "invalid_request")


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "!!!",
        "é",
        "W10",  # []
        "WzEsMl0",  # [1,2]
        "WzEwMDAwMDAwMDAwMDAwMDAwMDAwMDAwLCJ4Il0",  # [10000000000000000000000,"x"]
        "WzEsIlx1ZDgwMCJd",  # [1,"\ud800"]
        "Wy05MjIzMzcyMDM2ODU0Nzc1ODA3LCJ4Il0",  # [-9223372036854775807,"x"]
    ],
)
def test_forged_cursor_is_refused(client: TestClient, cursor: str) -> None:
    problem(client.get(PROMPTS, params={"cursor": cursor}), 422, "bad_cursor")


def test_description_changes_without_a_new_version(client: TestClient) -> None:
    prompt = post_prompt(client, description="old", tags=["a"])
    response = client.patch(
        f"{PROMPTS}/{prompt['id']}",
        json={"title": "New", "description": "", "tags": ["b"], "metadata": {"k": 1}},
        headers={"If-Match": '"1"'},
    )
    assert response.status_code == 200
    assert response.headers["etag"] == '"2"'
    body = response.json()
    assert (body["title"], body["description"], body["tags"], body["metadata"]) == (
        "New",
        None,
        ["b"],
        {"k": 1},
    )
    assert body["version"] == 1
    assert body["name"] == prompt["name"]
    assert client.get(f"{PROMPTS}/{prompt['id']}").json() == body


def test_fields_that_a_change_does_not_name_stay(client: TestClient) -> None:
    prompt = post_prompt(client, description="old", tags=["a"], metadata={"k": 1})
    changed = client.patch(
        f"{PROMPTS}/{prompt['id']}", json={"title": "New"}, headers={"If-Match": '"1"'}
    ).json()
    kept = {"title", "row_version", "updated_at"}
    assert {k: v for k, v in changed.items() if k not in kept} == {
        k: v for k, v in prompt.items() if k not in kept
    }


@pytest.mark.parametrize(
    "body", [{}, {"content": "x"}, {"title": ""}, {"title": "x" * 300}, {"tags": {}}, []]
)
def test_wrong_change_is_refused(client: TestClient, body: Any) -> None:
    url = f"{PROMPTS}/{post_prompt(client)['id']}"
    response = client.patch(url, json=body, headers={"If-Match": '"1"'})
    assert response.status_code == 422
    assert client.get(url).headers["etag"] == '"1"'


def _changes(client: TestClient, prompt_id: str, headers: dict[str, str]) -> dict[str, Any]:
    url = f"{PROMPTS}/{prompt_id}"
    return {
        "describe": client.patch(url, json={"title": "New"}, headers=headers),
        "archive": client.post(f"{url}/archive", headers=headers),
        "activate": client.post(f"{url}/activate", headers=headers),
        "delete": client.delete(url, headers=headers),
        "restore": client.post(f"{url}/restore", headers=headers),
    }


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 428, "precondition_required"),
        ({"If-Match": '"99"'}, 412, "stale_version"),
        ({"If-Match": 'W/"1"'}, 412, "precondition_failed"),
        ({"If-Match": '"abc"'}, 412, "precondition_failed"),
        ({"If-Match": '"01"'}, 412, "precondition_failed"),
        ({"If-Match": f'"{"9" * 30}"'}, 412, "precondition_failed"),
        ({"If-Match": "1"}, 400, "bad_etag"),
        ({"If-Match": '"1", "2"'}, 400, "bad_etag"),
        ({"If-Match": ""}, 400, "bad_etag"),
    ],
)
def test_change_without_the_right_etag_changes_nothing(
    client: TestClient, headers: dict[str, str], status: int, code: str
) -> None:
    prompt = post_prompt(client)
    for response in _changes(client, prompt["id"], headers).values():
        problem(response, status, code)
    assert client.get(f"{PROMPTS}/{prompt['id']}").json() == prompt


def test_change_of_an_unknown_prompt_is_not_found(client: TestClient) -> None:
    for response in _changes(client, "nobody", {"If-Match": '"1"'}).values():
        problem(response, 404, "prompt_not_found")


def test_star_in_if_match_overwrites_whatever_is_there(client: TestClient) -> None:
    prompt = post_prompt(client)
    responses = _changes(client, prompt["id"], {"If-Match": "*"})
    assert {name: response.status_code for name, response in responses.items()} == {
        "describe": 200,
        "archive": 200,
        "activate": 200,
        "delete": 204,
        "restore": 200,
    }


def test_prompt_lives_through_archive_delete_and_restore_by_the_etags_it_was_given(
    client: TestClient,
) -> None:
    url = f"{PROMPTS}/{post_prompt(client)['id']}"
    archived = client.post(f"{url}/archive", headers={"If-Match": '"1"'})
    assert archived.json()["status"] == "archived"
    problem(client.post(f"{url}/versions", json={"content": "Other"}), 409, "prompt_state")
    active = client.post(f"{url}/activate", headers={"If-Match": archived.headers["etag"]})
    assert active.json()["status"] == "active"
    deleted = client.delete(url, headers={"If-Match": active.headers["etag"]})
    assert deleted.status_code == 204
    assert deleted.content == b""
    for path in ("", "/versions", "/versions/1"):
        problem(client.get(url + path), 404, "prompt_not_found")
    problem(client.post(f"{url}/versions", json={"content": "Other"}), 404, "prompt_not_found")
    restored = client.post(f"{url}/restore", headers={"If-Match": deleted.headers["etag"]})
    assert restored.status_code == 200
    assert restored.json()["deleted_at"] is None
    assert client.get(url).headers["etag"] == restored.headers["etag"]


def test_live_prompt_cannot_be_restored(client: TestClient) -> None:
    url = f"{PROMPTS}/{post_prompt(client)['id']}"
    problem(client.post(f"{url}/restore", headers={"If-Match": '"1"'}), 409, "prompt_state")


def test_prompt_whose_name_was_taken_meanwhile_cannot_be_restored(client: TestClient) -> None:
    old = post_prompt(client, name="triage")
    deleted = client.delete(f"{PROMPTS}/{old['id']}", headers={"If-Match": '"1"'})
    post_prompt(client, name="triage")
    response = client.post(f"{PROMPTS}/{old['id']}/restore", headers={"If-Match": deleted.headers["etag"]})
    problem(response, 409, "prompt_name_taken")


def test_version_is_added_without_if_match_and_found_at_its_location(client: TestClient) -> None:
    prompt = post_prompt(client, system_message="Old.")
    response = client.post(f"{PROMPTS}/{prompt['id']}/versions", json={"content": "Other {{x}}"})
    assert response.status_code == 201
    assert response.headers["location"] == f"{PROMPTS}/{prompt['id']}/versions/2"
    assert response.headers["etag"] == '"2"'
    head = response.json()
    assert (head["version"], head["content"], head["system_message"]) == (2, "Other {{x}}", None)
    assert client.get(f"{PROMPTS}/{prompt['id']}").json() == head
    version = client.get(response.headers["location"]).json()
    assert {
        key: head[key] for key in ("content", "system_message", "content_hash", "version")
    }.items() <= version.items()
    first = client.get(f"{PROMPTS}/{prompt['id']}/versions/1").json()
    assert (first["content"], first["system_message"]) == ("Sort: {{message}}", "Old.")


@pytest.mark.parametrize("body", [{}, {"content": ""}, {"content": 1}, {"content": "x", "version": 9}])
def test_wrong_version_is_refused(client: TestClient, body: Any) -> None:
    url = f"{PROMPTS}/{post_prompt(client)['id']}"
    assert client.post(f"{url}/versions", json=body).status_code == 422
    assert client.get(url).json()["version"] == 1


def test_version_of_an_unknown_prompt_is_not_found(client: TestClient) -> None:
    problem(client.post(f"{PROMPTS}/nobody/versions", json={"content": "x"}), 404, "prompt_not_found")


def test_versions_are_listed_newest_first_page_by_page(client: TestClient) -> None:
    url = f"{PROMPTS}/{post_prompt(client)['id']}/versions"
    for number in (2, 3):
        client.post(url, json={"content": f"Version {number}"})
    assert [row["version"] for row in walk(client, url, limit=2)] == [3, 2, 1]


def test_unknown_version_is_not_found(client: TestClient) -> None:
    url = f"{PROMPTS}/{post_prompt(client)['id']}/versions"
    problem(client.get(f"{url}/2"), 404, "prompt_version_not_found")


@pytest.mark.parametrize("number", ["0", "-1", "one", "1.5", "9" * 30])
def test_version_number_that_is_none_is_refused(client: TestClient, number: str) -> None:
    url = f"{PROMPTS}/{post_prompt(client)['id']}/versions/{number}"
    problem(client.get(url), 422, "invalid_request")


def test_forged_cursor_of_versions_is_refused(client: TestClient) -> None:
    url = f"{PROMPTS}/{post_prompt(client)['id']}/versions"
    huge = "WzEwMDAwMDAwMDAwMDAwMDAwMDAwMDAwXQ"  # [10000000000000000000000]
    problem(client.get(url, params={"cursor": huge}), 422, "bad_cursor")


def test_text_is_stored_as_it_was_sent(client: TestClient) -> None:
    content = 'Zeile\r\n\t"{\\"json\\": {{x}}}" 日本語 🎌 \u2028 e\u0301 '
    prompt = post_prompt(client, content=content, system_message=content)
    found = client.get(f"{PROMPTS}/{prompt['id']}").json()
    assert found["content"] == found["system_message"] == content


def test_prompts_of_a_remote_database_are_read_too(client: TestClient, app: FastAPI) -> None:
    """A remote one is read in the thread pool, a local one on the event loop; the answers are the same."""
    urls = [
        PROMPTS,
        f"{PROMPTS}/{(prompt := post_prompt(client))['id']}",
        f"{PROMPTS}/{prompt['id']}/versions/1",
    ]
    local = [client.get(url).json() for url in urls]
    app.state.read = Read(app.state.services, is_local=False)
    assert [client.get(url).json() for url in urls] == local
    problem(client.get(f"{PROMPTS}/nobody"), 404, "prompt_not_found")
