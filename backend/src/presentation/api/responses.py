"""Answers, encoded where they are made: FastAPI would validate them again, in a second hop through the thread pool."""

from pydantic import BaseModel
from starlette.responses import Response

from src.presentation.api.etags import is_listed

API_ROOT = "/api/v1"


def json_response(
    body: BaseModel, *, status: int = 200, etag: str | None = None, location: str | None = None
) -> Response:
    headers = {"ETag": etag, "Location": location}
    present = {name: value for name, value in headers.items() if value is not None}
    return Response(body.model_dump_json(), status, present, media_type="application/json")


def json_unless_current(body: BaseModel, *, etag: str, if_none_match: str | None) -> Response:
    """304 without a body when the client has this version already."""
    if is_listed(if_none_match, etag):
        return Response(status_code=304, headers={"ETag": etag})
    return json_response(body, etag=etag)
