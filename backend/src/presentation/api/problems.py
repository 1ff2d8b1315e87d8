"""Errors on the wire: RFC 9457 problems, whose type is `urn:autoforge:problem:` and a code that never changes."""

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.middleware.body_limit import MAX_BODY_SIZE_SCOPE_KEY
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Scope

from src.application.shared.database_errors import (
    DatabaseRefusedTokenError,
    DatabaseUnavailableError,
    OutcomeUnknownError,
)
from src.domain.evaluation.errors import SuiteFileError
from src.domain.shared.errors import (
    ConflictError,
    DomainError,
    NotFoundError,
    RuleViolationError,
    StaleVersionError,
    UnavailableError,
)

MEDIA_TYPE = "application/problem+json"
MAX_FIELD_ERRORS = 100  # a body of 4 MB can hold a hundred thousand mistakes
_PROBLEM = {"$ref": "#/components/schemas/Problem"}
_FASTAPIS = {"$ref": "#/components/schemas/HTTPValidationError"}
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_STATUS: dict[type[DomainError], int] = {
    NotFoundError: 404,
    StaleVersionError: 412,
    ConflictError: 409,
    RuleViolationError: 422,
    UnavailableError: 503,
    DatabaseRefusedTokenError: 503,
    OutcomeUnknownError: 504,
}
_HTTP = {
    400: ("bad_request", "The request cannot be read"),
    404: ("route_not_found", "There is nothing at this address"),
    405: ("method_not_allowed", "This address does not take that method"),
    413: ("body_too_large", "The body is too large"),
}
_MEANINGS = {
    400: "The body is no JSON, or a header cannot be read",
    404: "It does not exist in this workspace",
    409: "Its state, or another row, forbids it",
    412: "The row has changed since the ETag in `If-Match`",
    413: "The body is larger than the server takes",
    415: "The body is of a kind that this route does not take",
    422: "A value breaks a rule; `errors` names the fields",
    428: "`If-Match` is missing",
    500: "A fault of the server; its log has the `request_id`",
    503: "The database does not answer; nothing was changed",
    504: "The answer to a commit never came: look before you repeat it",
}


class FieldError(BaseModel):
    """One value that was refused. The value itself is not repeated."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"loc": ["body", "title"], "type": "missing", "msg": "Field required"}]
        }
    )

    loc: list[str | int] = Field(
        description="Where it stands: `body`, `query` or `path`, then keys and indexes."
    )
    type: str = Field(description="A stable word for what is wrong.")
    msg: str = Field(description="The same for people.")


class Problem(BaseModel):
    """An error (RFC 9457)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:autoforge:problem:prompt_not_found",
                    "title": "Prompt not found",
                    "status": 404,
                    "detail": "There is no prompt '7f3c' in this workspace.",
                    "instance": "/api/v1/prompts/7f3c",
                    "request_id": "0b9f4a52c1d14c0f9a53a6d0c1a3f6f2",
                }
            ]
        }
    )

    type: str = Field(description="`urn:autoforge:problem:` and a stable code.")
    title: str = Field(description="What kind of problem it is; the same for every problem of that type.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What is wrong this time, and what to do.")
    instance: str = Field(description="Path of the request.")
    request_id: str | None = Field(default=None, description="Names the request in the log of the server.")
    errors: list[FieldError] | None = Field(
        default=None, description="The values that were refused, the first 100."
    )
    file: str | None = Field(
        default=None, description="For a suite that cannot be loaded: the file, or `body`."
    )
    line: int | None = Field(default=None, description="The line in that file, from 1.")
    field: str | None = Field(default=None, description="The path of the field in that file.")


class RequestRefusedError(HTTPException):
    """Something about the request as HTTP, which no rule of the domain knows."""

    def __init__(self, status: int, code: str, title: str, detail: str) -> None:
        super().__init__(status, detail)
        self.code, self.title = code, title


def problem_response(
    scope: Scope,
    status: int,
    code: str,
    title: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    **members: Any,
) -> Response:
    problem = {
        "type": f"urn:autoforge:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": quote(scope["path"]),
        "request_id": scope.get("state", {}).get("request_id"),
        **members,
    }
    # `replace`: half a surrogate pair from a request must not turn its own refusal into a fault
    body = json.dumps(problem, ensure_ascii=False, allow_nan=False).encode(errors="replace")
    return Response(body, status, headers, media_type=MEDIA_TYPE)


def internal_error(scope: Scope) -> Response:
    detail = "Something went wrong on the server. Its log tells more under this request_id."
    return problem_response(scope, 500, "internal_error", "A fault of the server", detail)


def too_large(scope: Scope) -> Response:
    limit = scope.get(MAX_BODY_SIZE_SCOPE_KEY)
    detail = f"At most {limit:,} bytes fit." if limit is not None else "It is larger than this route takes."
    return problem_response(scope, 413, *_HTTP[413], detail)


def fields_refused(errors: list[FieldError]) -> RequestValidationError:
    """For rules that need more than a schema to be checked; answered like every other wrong value."""
    return RequestValidationError([error.model_dump() for error in errors])


def install_problems(app: FastAPI) -> None:
    """Answers every error with a problem, and says so in the OpenAPI document."""
    app.add_exception_handler(DomainError, _on_domain_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.openapi = _with_problem_media(app.openapi)  # type: ignore[method-assign]


NOT_MODIFIED: dict[int | str, dict[str, Any]] = {
    304: {"description": "An ETag in `If-None-Match` is current"}
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """`responses=` of a route that can answer with these errors."""
    return {status: {"model": Problem, "description": _MEANINGS[status]} for status in statuses}


async def _on_domain_error(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, DomainError)
    status = next(_STATUS[cls] for cls in (*type(exc).__mro__, RuleViolationError) if cls in _STATUS)
    members: dict[str, Any] = {}
    if isinstance(exc, SuiteFileError):
        place = {"file": exc.file, "line": exc.line, "field": exc.field}
        members = {name: value for name, value in place.items() if value is not None}
    headers = {"Retry-After": str(exc.retry_after)} if isinstance(exc, DatabaseUnavailableError) else None
    return problem_response(request.scope, status, exc.code, exc.title, str(exc), headers=headers, **members)


async def _on_validation_error(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, RequestValidationError)
    found = exc.errors()
    errors = [{"loc": list(e["loc"]), "type": e["type"], "msg": e["msg"]} for e in found[:MAX_FIELD_ERRORS]]
    first = f"{'.'.join(str(part) for part in errors[0]['loc'])}: {errors[0]['msg']}"
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return problem_response(
        request.scope, 422, "invalid_request", "The request is not valid", f"{first}{more}", errors=errors
    )


async def _on_http_error(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, HTTPException)
    scope, status, detail = request.scope, exc.status_code, exc.detail
    if isinstance(exc, RequestRefusedError):
        return problem_response(scope, status, exc.code, exc.title, detail, headers=exc.headers)
    if status == 413:
        return too_large(scope)
    headers = dict(exc.headers or {})
    if status == 404:
        detail = "No route has this path. The routes are listed at /docs."
    if status == 405:
        headers["Allow"] = ", ".join(_allowed_methods(request))
        detail = f"{request.method:.20} is not possible here. It takes {headers['Allow']}."
    code, title = _HTTP.get(status, (f"http_{status}", "The request failed"))
    return problem_response(scope, status, code, title, detail, headers=headers)


def _allowed_methods(request: Request) -> list[str]:
    """All methods of the path: Starlette names those of the first route on it only."""
    routes = request.app.router.routes

    def is_routed(method: str) -> bool:
        scope = {"type": "http", "method": method, "path": request.scope["path"], "app": request.app}
        return any(route.matches(dict(scope))[0] is Match.FULL for route in routes)

    return [method for method in _METHODS if is_routed(method)]


def _with_problem_media(openapi: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
    """FastAPI documents error models under the media type of the route, and an error of its own that we never send."""

    def documented() -> dict[str, Any]:
        document = openapi()
        for operation in (method for path in document["paths"].values() for method in path.values()):
            responses = operation["responses"]
            for status, response in list(responses.items()):
                schemas = [media.get("schema") for media in response.get("content", {}).values()]
                if _PROBLEM in schemas:
                    response["content"] = {MEDIA_TYPE: {"schema": _PROBLEM}}
                elif _FASTAPIS in schemas:
                    del responses[status]  # added for any text in a path, none of which is refused
        for unused in ("HTTPValidationError", "ValidationError"):
            document["components"]["schemas"].pop(unused, None)
        return document

    return documented
