from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.integration.api.calls import TEMPLATES, places, post_template, problem, walk


def test_created_template_is_found_at_its_location(client: TestClient) -> None:
    response = client.post(
        TEMPLATES,
        json={
            "name": "mail/subject",
            "template": "{{count}} lines about {{topic}}",
            "variables": [
                {"name": "topic"},
                {
                    "name": "count",
                    "type": "integer",
                    "required": False,
                    "default": 3,
                    "description": "How many.",
                },
            ],
            "category": "mail",
            "description": "For mails.",
        },
    )
    assert response.status_code == 201
    assert response.headers["etag"] == '"1"'
    assert client.get(response.headers["location"]).json() == response.json()
    assert response.json()["usage_count"] == 0
    assert response.json()["variables"][0] == {
        "name": "topic",
        "type": "string",
        "required": True,
        "default": None,
        "description": None,
    }


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"template": ""}, "rule_violation"),
        ({"template": "Hello {{who}}"}, "rule_violation"),
        ({"variables": []}, "rule_violation"),
        ({"variables": [{"name": "name"}, {"name": "name"}]}, "rule_violation"),
        (
            {"variables": [{"name": "name", "type": "integer", "required": False, "default": "3"}]},
            "rule_violation",
        ),
        ({"name": "no spaces"}, "rule_violation"),
        ({"category": " "}, "rule_violation"),
        ({"category": ""}, "invalid_request"),
        ({"variables": [{"name": "name", "type": "date"}]}, "invalid_request"),
        ({"variables": [{"name": "name", "required": 1}]}, "invalid_request"),
        ({"variables": [{"name": "name", "kind": "string"}]}, "invalid_request"),
        ({"variables": {"name": "string"}}, "invalid_request"),
        ({"usage_count": 1000}, "invalid_request"),
    ],
)
def test_wrong_template_is_refused_and_nothing_is_stored(
    client: TestClient, fields: dict[str, Any], code: str
) -> None:
    body = {"name": "greeting", "template": "Hello {{name}}", "variables": [{"name": "name"}], **fields}
    problem(client.post(TEMPLATES, json=body), 422, code)
    assert client.get(TEMPLATES).json()["items"] == []


def test_error_names_the_variable_by_its_place(client: TestClient) -> None:
    body = {"name": "a", "template": "{{x}}", "variables": [{"name": "x", "type": "date"}]}
    assert places(problem(client.post(TEMPLATES, json=body), 422, "invalid_request")) == [
        "body.variables.0.type"
    ]


def test_second_template_of_the_same_name_is_refused(client: TestClient) -> None:
    post_template(client, name="greeting")
    body = {"name": "greeting", "template": "Hi"}
    problem(client.post(TEMPLATES, json=body), 409, "template_name_taken")


def test_template_cannot_be_given_the_name_of_another(client: TestClient) -> None:
    post_template(client, name="greeting")
    other = post_template(client, name="farewell")
    response = client.patch(
        f"{TEMPLATES}/{other['id']}", json={"name": "greeting"}, headers={"If-Match": '"1"'}
    )
    problem(response, 409, "template_name_taken")


def test_unknown_template_is_not_found(client: TestClient) -> None:
    url, match = f"{TEMPLATES}/nobody", {"If-Match": '"1"'}
    problem(client.get(url), 404, "template_not_found")
    problem(client.patch(url, json={"category": "x"}, headers=match), 404, "template_not_found")
    problem(client.delete(url, headers=match), 404, "template_not_found")
    problem(client.post(f"{url}/instantiate", json={}), 404, "template_not_found")


def test_pages_hold_every_template_once_and_categories_narrow_them(client: TestClient) -> None:
    for number in range(3):
        post_template(client, name=f"t{number}", category="mail" if number else "chat")
    assert {row["name"] for row in walk(client, TEMPLATES, limit=2)} == {"t0", "t1", "t2"}
    mails = client.get(TEMPLATES, params={"category": "mail"}).json()["items"]
    assert {row["name"] for row in mails} == {"t1", "t2"}
    problem(client.get(TEMPLATES, params={"categry": "mail"}), 422, "invalid_request")
    problem(client.get(TEMPLATES, params={"cursor": "x"}), 422, "bad_cursor")


def test_text_and_variables_change_together(client: TestClient) -> None:
    url = f"{TEMPLATES}/{post_template(client)['id']}"
    response = client.patch(
        url,
        json={"template": "Bye {{who}}", "variables": [{"name": "who"}], "description": "Leaving."},
        headers={"If-Match": '"1"'},
    )
    assert response.status_code == 200
    assert response.headers["etag"] == '"2"'
    assert client.get(url).json() == response.json()
    assert response.json()["template"] == "Bye {{who}}"
    assert response.json()["name"] == "greeting"


@pytest.mark.parametrize("body", [{}, {"template": "Bye {{who}}"}, {"template": 1}, {"id": "x"}])
def test_wrong_change_is_refused(client: TestClient, body: Any) -> None:
    url = f"{TEMPLATES}/{post_template(client)['id']}"
    assert client.patch(url, json=body, headers={"If-Match": '"1"'}).status_code == 422
    assert client.get(url).headers["etag"] == '"1"'


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 428, "precondition_required"),
        ({"If-Match": '"2"'}, 412, "stale_version"),
        ({"If-Match": 'W/"1"'}, 412, "precondition_failed"),
        ({"If-Match": "1"}, 400, "bad_etag"),
    ],
)
def test_change_without_the_right_etag_changes_nothing(
    client: TestClient, headers: dict[str, str], status: int, code: str
) -> None:
    template = post_template(client)
    url = f"{TEMPLATES}/{template['id']}"
    problem(client.patch(url, json={"category": "mail"}, headers=headers), status, code)
    problem(client.delete(url, headers=headers), status, code)
    assert client.get(url).json() == template


def test_deleted_template_is_gone_and_its_name_free(client: TestClient) -> None:
    url = f"{TEMPLATES}/{post_template(client)['id']}"
    assert client.delete(url, headers={"If-Match": '"1"'}).status_code == 204
    problem(client.get(url), 404, "template_not_found")
    post_template(client)


def test_template_is_filled_with_values_and_the_use_is_counted(client: TestClient) -> None:
    template = post_template(
        client,
        template="{{count}} × {{topic}} {{flag}} {{ data }} \\{{topic}}",
        variables=[
            {"name": "topic"},
            {"name": "count", "type": "integer", "required": False, "default": 3},
            {"name": "flag", "type": "boolean"},
            {"name": "data", "type": "json"},
        ],
    )
    url = f"{TEMPLATES}/{template['id']}"
    values = {"topic": "{{count}}", "flag": True, "data": {"a": [1, None]}}
    response = client.post(f"{url}/instantiate", json={"values": values})
    assert response.status_code == 200
    assert response.json() == {"content": '3 × {{count}} true {"a": [1, null]} {{topic}}'}
    used = client.get(url, headers={"If-None-Match": '"1"'})
    assert used.status_code == 200, "the count changed, so nobody may be told that nothing did"
    assert used.json()["usage_count"] == 1
    assert used.headers["etag"] == '"1"'


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "missing_variables"),
        ({"values": {}}, "missing_variables"),
        ({"values": {"name": "x", "nmae": "y"}}, "unknown_variables"),
        ({"values": {"name": 1}}, "rule_violation"),
        ({"values": {"name": None}}, "rule_violation"),
        ({"values": []}, "invalid_request"),
        ({"name": "x"}, "invalid_request"),
    ],
)
def test_template_is_not_filled_with_wrong_values(client: TestClient, body: Any, code: str) -> None:
    url = f"{TEMPLATES}/{post_template(client)['id']}"
    problem(client.post(f"{url}/instantiate", json=body), 422, code)
    assert client.get(url).json()["usage_count"] == 0
