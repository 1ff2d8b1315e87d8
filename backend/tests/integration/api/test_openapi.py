import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import BaseModel
from starlette.testclient import TestClient

from src.main import VERSION
from tests.contract.refresh_openapi import SNAPSHOT, openapi_text

METHODS = {"get", "post", "put", "patch", "delete"}
PYPROJECT = Path(__file__).parents[3] / "pyproject.toml"


@pytest.fixture(scope="module")
def document(shared_app: FastAPI) -> dict[str, Any]:
    return shared_app.openapi()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def schemas(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["components"]["schemas"]
    return found


def wire_models(base: type[BaseModel] = BaseModel) -> Iterator[type[BaseModel]]:
    for model in base.__subclasses__():
        yield from wire_models(model)
        if model.__module__.startswith("src.presentation.api."):
            yield model


def request_schemas(document: dict[str, Any]) -> set[str]:
    """Names of all schemas that a request body can hold."""
    names: set[str] = set()

    def follow(node: Any) -> None:
        if isinstance(node, dict):
            if "$ref" in node and (name := node["$ref"].rpartition("/")[2]) not in names:
                names.add(name)
                follow(schemas(document)[name])
            for value in node.values():
                follow(value)
        elif isinstance(node, list):
            for value in node:
                follow(value)

    for _, operation in operations(document):
        follow(operation.get("requestBody"))
    return names


def test_document_is_the_one_that_was_agreed_on() -> None:
    assert SNAPSHOT.read_text(encoding="utf-8") == openapi_text(), (
        "The HTTP API has changed. If clients can live with it, run in backend/: "
        "python -m tests.contract.refresh_openapi; then read the diff and commit it."
    )


def test_version_is_the_one_of_the_package(document: dict[str, Any]) -> None:
    packaged = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["version"]
    assert document["info"]["version"] == VERSION == packaged


def test_docs_page_is_served(client: TestClient) -> None:
    assert "/openapi.json" in client.get("/docs").text
    assert client.get("/openapi.json").json()["info"]["title"] == "AutoForgeNexus"


def test_every_operation_says_what_it_does_and_documents_its_errors(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        assert operation["description"].strip().endswith("."), name
        assert operation["tags"], name
        statuses = set(operation["responses"])
        assert "500" in statuses, name
        if "{" in name:
            assert "404" in statuses, name
        if "requestBody" in operation:
            assert {"413", "415", "422"} <= statuses, name
        if any(parameter["in"] == "query" for parameter in operation.get("parameters", [])):
            assert "422" in statuses, name
        headers = {parameter["name"].lower() for parameter in operation.get("parameters", [])}
        if "if-match" in headers:
            assert "412" in statuses, name
        if "if-none-match" in headers:
            assert "304" in statuses, name


def test_every_error_is_documented_as_a_problem(document: dict[str, Any]) -> None:
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for name, operation in operations(document):
        for status, response in operation["responses"].items():
            if status >= "400":
                assert response["content"] == problem, (name, status)
    assert "HTTPValidationError" not in schemas(document)


def test_operation_ids_are_the_names_of_use_cases(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, operation in operations(document)]
    assert len(ids) == len(set(ids))
    assert {"create_prompt", "revise_prompt", "start_evaluation", "import_suite"} <= set(ids)


def test_every_request_schema_refuses_unknown_fields(document: dict[str, Any]) -> None:
    names = request_schemas(document)
    assert {"PromptCreate", "TemplateUpdate", "VariableIn", "AssertionIn", "ScriptedAnswer"} <= names
    for name in names:
        assert schemas(document)[name]["additionalProperties"] is False, name


def test_every_schema_has_examples_that_are_valid(document: dict[str, Any]) -> None:
    models = {model.__name__: model for model in wire_models()}
    for name in schemas(document):
        extra = models[name].model_config.get("json_schema_extra")
        examples = extra.get("examples") if isinstance(extra, dict) else None
        assert isinstance(examples, list), f"{name} has no examples in its model_config"
        for example in examples:
            models[name].model_validate_json(json.dumps(example))


def test_every_example_of_a_request_is_taken(client: TestClient, document: dict[str, Any]) -> None:
    for path, name in (
        ("prompts", "PromptCreate"),
        ("templates", "TemplateCreate"),
        ("suites", "SuiteCreate"),
    ):
        for example in schemas(document)[name]["examples"]:
            response = client.post(f"/api/v1/{path}", json=example)
            assert response.status_code == 201, response.text
