import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from src.bootstrap import Container
from src.core.config.settings.base import Settings
from src.main import create_app
from tests.integration.api.calls import SUITES, a_case, places, post_suite, problem, walk

YAML = """
name: triage
threshold: 0.5
cases:
  - name: refund
    variables: {message: I was charged twice}
    expected: billing
  - variables: {message: It crashes}
    assertions:
      - {type: icontains, value: bug, weight: 2}
"""
CSV = "__name,message,__expected\nrefund,I was charged twice,billing\n"
JSONL = '{"name": "refund", "variables": {"message": "x"}, "expected": "billing"}\n'


def _import(client: TestClient, body: str, media: str, **query: str) -> Any:
    return client.post(f"{SUITES}/import", content=body, headers={"Content-Type": media}, params=query)


def _cases(client: TestClient, suite: dict[str, Any]) -> list[dict[str, Any]]:
    return walk(client, f"{SUITES}/{suite['id']}/cases", limit=200)


def test_created_suite_is_found_at_its_location(client: TestClient) -> None:
    body = {"name": "triage", "description": "d", "threshold": 0.5, "cases": [a_case("one")]}
    response = client.post(SUITES, json=body)
    assert response.status_code == 201
    assert response.headers["etag"] == '"1"'
    found = client.get(response.headers["location"])
    assert found.json() == response.json()
    assert found.json()["case_count"] == found.json()["version"] == 1
    assert found.json()["threshold"] == 0.5


def test_cases_are_stored_in_order_with_what_was_left_out(client: TestClient) -> None:
    suite = post_suite(
        client,
        cases=[
            {"variables": {"n": 1}, "expected": "yes"},
            a_case(
                "b", threshold=0.5, assertions=[{"type": "not-contains", "value": "{{message}}", "weight": 0}]
            ),
            a_case("c", assertions=[{"type": "latency", "threshold": 100}, {"type": "is-json"}]),
        ],
    )
    cases = _cases(client, suite)
    assert [(case["position"], case["name"]) for case in cases] == [(0, "case-0001"), (1, "b"), (2, "c")]
    assert cases[0]["assertions"] == [{"type": "equals", "value": "{{expected}}"}]
    assert cases[1]["assertions"] == [{"type": "not-contains", "value": "{{message}}", "weight": 0}]
    assert cases[1]["threshold"] == 0.5
    assert [entry["type"] for entry in cases[2]["assertions"]] == ["latency", "is-json"]


def test_same_content_again_is_the_current_version(client: TestClient) -> None:
    first = post_suite(client)
    again = client.post(SUITES, json={"name": "triage", "cases": [a_case("one"), a_case("two")]})
    assert again.status_code == 200
    assert again.json() == first


def test_changed_content_is_the_next_version_and_the_old_one_stays(client: TestClient) -> None:
    first = post_suite(client)
    second = post_suite(client, cases=[a_case("one")])
    assert (second["version"], second["case_count"]) == (2, 1)
    old = client.get(f"{SUITES}/{first['id']}")
    assert old.json()["superseded_at"] is not None
    assert old.headers["etag"] == '"2"'
    assert len(_cases(client, first)) == 2
    assert [suite["version"] for suite in client.get(SUITES).json()["items"]] == [2]
    versions = client.get(SUITES, params={"name": "triage"}).json()["items"]
    assert [suite["version"] for suite in versions] == [2, 1]


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"cases": []}, "body.cases"),
        ({"cases": None}, "body.cases"),
        ({"name": ""}, "body.name"),
        ({"name": "x" * 256}, "body.name"),
        ({"threshold": 1.1}, "body.threshold"),
        ({"threshold": "1"}, "body.threshold"),
        ({"threshold": True}, "body.threshold"),
        ({"tests": []}, "body.tests"),
        ({"cases": [{"variables": {}}]}, "body.cases.0.assertions"),
        ({"cases": [a_case("a", threshold=-1)]}, "body.cases.0.threshold"),
        ({"cases": [a_case(" ")]}, "body.cases.0.name"),
        ({"cases": [a_case("a"), a_case("a")]}, "body.cases.1.name"),
        ({"cases": [a_case("a", expected=1)]}, "body.cases.0.expected"),
        (
            {"cases": [a_case("a", assertions=[{"type": "eqals", "value": "x"}])]},
            "body.cases.0.assertions.0.type",
        ),
        ({"cases": [a_case("a", assertions=[{"value": "x"}])]}, "body.cases.0.assertions.0.type"),
        (
            {"cases": [a_case("a", assertions=[{"type": "regex", "value": "("}])]},
            "body.cases.0.assertions.0.value",
        ),
        ({"cases": [a_case("a", assertions=[{"type": "contains"}])]}, "body.cases.0.assertions.0.value"),
        (
            {"cases": [a_case("a", assertions=[{"type": "contains", "value": "{{nobody}}"}])]},
            "body.cases.0.assertions.0",
        ),
        ({"cases": [a_case("a", assertions=[{"type": "latency"}])]}, "body.cases.0.assertions.0.threshold"),
        (
            {"cases": [a_case("a", assertions=[{"type": "is-json", "value": {"type": 7}}])]},
            "body.cases.0.assertions.0.value",
        ),
        (
            {"cases": [a_case("a", assertions=[{"type": "is-json", "weight": -1}])]},
            "body.cases.0.assertions.0.weight",
        ),
    ],
)
def test_wrong_suite_is_refused_with_the_place_of_the_error(
    client: TestClient, fields: dict[str, Any], place: str
) -> None:
    body = {"name": "triage", "cases": [a_case("one")], **fields}
    assert places(problem(client.post(SUITES, json=body), 422, "invalid_request")) == [place]
    assert client.get(SUITES).json()["items"] == []


def test_all_wrong_cases_are_named_at_once(client: TestClient) -> None:
    wrong = [a_case(f"c{n}", assertions=[{"type": "regx", "value": "x"}]) for n in range(30)]
    body = problem(client.post(SUITES, json={"name": "s", "cases": wrong}), 422, "invalid_request")
    assert places(body)[:2] == ["body.cases.0.assertions.0.type", "body.cases.1.assertions.0.type"]
    assert len(body["errors"]) == 20
    assert "did you mean 'regex'" in body["errors"][0]["msg"]


def test_name_of_blanks_is_refused(client: TestClient) -> None:
    problem(client.post(SUITES, json={"name": "  ", "cases": [a_case("a")]}), 422, "rule_violation")


@pytest.mark.parametrize(
    ("media", "body", "query"),
    [
        ("application/yaml", YAML, {}),
        ("text/yaml; charset=utf-8", YAML, {"name": "other"}),
        ("application/x-yaml", YAML, {}),
        ("text/csv", CSV, {"name": "other"}),
        ("application/jsonl", JSONL, {"name": "other"}),
        ("Application/X-NDJSON", JSONL, {"name": "other"}),
    ],
)
def test_suite_is_imported_from_a_file(
    client: TestClient, media: str, body: str, query: dict[str, str]
) -> None:
    response = _import(client, body, media, **query)
    assert response.status_code == 201, response.text
    suite = client.get(response.headers["location"]).json()
    assert suite["name"] == query.get("name", "triage")
    assert _cases(client, suite)[0]["name"] == "refund"
    assert _import(client, body, media, **query).status_code == 200


def test_broken_yaml_is_refused_with_its_line(client: TestClient) -> None:
    body = problem(_import(client, "name: a\ncases:\n  - {name: [}\n", "application/yaml"), 422, "suite_file")
    assert body["file"] == "body"
    assert body["line"] == 3
    assert client.get(SUITES).json()["items"] == []


def test_wrong_field_of_a_file_is_named(client: TestClient) -> None:
    body = problem(_import(client, YAML.replace("icontains", "icontain"), "text/yaml"), 422, "suite_file")
    assert body["field"] == "cases[1].assertions[0].type"
    assert body["line"] == 10


@pytest.mark.parametrize(
    ("media", "body"),
    [
        ("application/yaml", ""),
        ("application/yaml", "name: a\ncases: []\n"),
        ("application/yaml", "name: a\ncases: cases.csv\n"),
        ("application/yaml", "name: a\nprompt: /etc/passwd\ncases: [{expected: x}]\n"),
        ("application/yaml", "\udcff"),
        ("text/csv", CSV),
        ("application/jsonl", "{"),
    ],
)
def test_file_that_is_no_suite_is_refused(client: TestClient, media: str, body: str) -> None:
    content = body.encode(errors="surrogateescape")
    response = client.post(f"{SUITES}/import", content=content, headers={"Content-Type": media})
    assert problem(response, 422, "suite_file")["file"] == "body"


@pytest.mark.parametrize("media", ["application/json", "text/plain", "multipart/form-data", ""])
def test_file_of_another_kind_is_refused(client: TestClient, media: str) -> None:
    problem(_import(client, YAML, media), 415, "unsupported_media_type")


def test_imports_may_be_larger_than_other_bodies(migrated_settings: Settings) -> None:
    small = migrated_settings.model_copy(update={"max_body_bytes": 1024, "max_import_bytes": 4096})
    with TestClient(create_app(container=Container(small))) as client:
        case = json.dumps({"name": "a", "expected": "x" * 2000}) + "\n"
        assert _import(client, case, "application/jsonl", name="s").status_code == 201
        problem(_import(client, case * 3, "application/jsonl", name="s"), 413, "body_too_large")
        problem(
            client.post(SUITES, content=case, headers={"Content-Type": "application/json"}),
            413,
            "body_too_large",
        )


def test_unknown_suite_is_not_found(client: TestClient) -> None:
    problem(client.get(f"{SUITES}/nobody"), 404, "suite_not_found")
    problem(client.get(f"{SUITES}/nobody/cases"), 404, "suite_not_found")


def test_suite_that_the_client_has_already_is_not_sent_again(client: TestClient) -> None:
    url = f"{SUITES}/{post_suite(client)['id']}"
    assert client.get(url, headers={"If-None-Match": '"1"'}).status_code == 304


def test_pages_hold_every_suite_and_every_case_once(client: TestClient) -> None:
    suites = [post_suite(client, name=f"s{n}", cases=[a_case(f"c{c}") for c in range(5)]) for n in range(3)]
    assert {row["id"] for row in walk(client, SUITES, limit=2)} == {suite["id"] for suite in suites}
    cases = walk(client, f"{SUITES}/{suites[0]['id']}/cases", limit=2)
    assert [case["name"] for case in cases] == ["c0", "c1", "c2", "c3", "c4"]


def test_wrong_queries_are_refused(client: TestClient) -> None:
    suite = post_suite(client)
    huge = "WzEwMDAwMDAwMDAwMDAwMDAwMDAwMDAwXQ"  # [10000000000000000000000]
    problem(client.get(SUITES, params={"nam": "x"}), 422, "invalid_request")
    problem(client.get(SUITES, params={"cursor": huge}), 422, "bad_cursor")
    problem(client.get(f"{SUITES}/{suite['id']}/cases", params={"cursor": huge}), 422, "bad_cursor")
    problem(client.get(f"{SUITES}/{suite['id']}/cases", params={"limit": 1000}), 422, "invalid_request")
