"""Test suites: cases with assertions, sent as JSON or imported from a file."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from src.application.evaluation import commands
from src.application.evaluation.ports import SuiteSource
from src.application.services import Services, SuiteMedia
from src.domain.evaluation.suite import MAX_NAME_LENGTH
from src.presentation.api.dependencies import IfNoneMatch, PageQuery, ServicesDep
from src.presentation.api.etags import etag_of
from src.presentation.api.json_body import JsonRoute, unsupported_media
from src.presentation.api.problems import NOT_MODIFIED, problems
from src.presentation.api.responses import API_ROOT, json_response, json_unless_current
from src.presentation.api.v1.suite_body import JsonSuite
from src.presentation.api.v1.suite_schemas import CasePage, SuiteCreate, SuiteOut, SuitePage, SuiteQuery
from src.presentation.api.wire import BODY_ERRORS

router = APIRouter(prefix="/suites", tags=["suites"], route_class=JsonRoute)
import_router = APIRouter(prefix="/suites", tags=["suites"])  # its bodies may be larger

_MEDIA: dict[str, SuiteMedia] = {
    "application/yaml": "yaml",
    "application/x-yaml": "yaml",
    "text/yaml": "yaml",
    "text/csv": "csv",
    "application/jsonl": "jsonl",
    "application/x-ndjson": "jsonl",
}
_FILE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The file as it is. YAML may hold everything; CSV and JSONL are bare cases and need `name`.",
        "content": {media: {"schema": {"type": "string"}} for media in _MEDIA},
    }
}
_ALREADY_THERE: dict[int | str, dict[str, Any]] = {
    200: {"model": SuiteOut, "description": "The current version has exactly this content"}
}


async def _suite_media(request: Request) -> SuiteMedia:
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media not in _MEDIA:
        raise unsupported_media(
            f"Content-Type {media!r:.80} is no kind of suite file. Known are {', '.join(_MEDIA)}."
        )
    return _MEDIA[media]


async def _file(
    request: Request, media: Annotated[SuiteMedia, Depends(_suite_media)]
) -> tuple[SuiteMedia, bytes]:
    return media, await request.body()


@router.post(
    "", status_code=201, response_model=SuiteOut, responses={**_ALREADY_THERE, **problems(409, *BODY_ERRORS)}
)
def create_suite(body: SuiteCreate, services: ServicesDep) -> Response:
    """Store a suite, or the next version of one; 200 when the current version has exactly this content."""
    return _store(JsonSuite(body, services.scorer), services)


@import_router.post(
    "/import",
    status_code=201,
    response_model=SuiteOut,
    responses={**_ALREADY_THERE, **problems(409, 413, 415, 422)},
    openapi_extra=_FILE_BODY,
)
def import_suite(
    file: Annotated[tuple[SuiteMedia, bytes], Depends(_file)],
    services: ServicesDep,
    name: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=MAX_NAME_LENGTH,
            description="Wins over the file's own; bare cases have none.",
        ),
    ] = None,
) -> Response:
    """Store a suite from a YAML, CSV or JSONL file; an error names the line and the field."""
    media, content = file
    return _store(services.suite_files.parse(content, media=media, label="body", name=name), services)


@router.get("", response_model=SuitePage, responses=problems(422))
def list_suites(query: Annotated[SuiteQuery, Query()], services: ServicesDep) -> Response:
    """List the current version of every suite, newest first, or with `name` all versions of one."""
    return json_response(SuitePage.model_validate(services.suites.list(query.name, query.request())))


@router.get("/{suite_id}", response_model=SuiteOut, responses={**NOT_MODIFIED, **problems(404)})
def get_suite(suite_id: str, services: ServicesDep, if_none_match: IfNoneMatch = None) -> Response:
    """Get the head of a suite version."""
    suite = services.suites.get(suite_id)
    body = SuiteOut.model_validate(suite)
    return json_unless_current(body, etag=etag_of(suite.row_version), if_none_match=if_none_match)


@router.get("/{suite_id}/cases", response_model=CasePage, responses=problems(404, 422))
def list_cases(suite_id: str, query: Annotated[PageQuery, Query()], services: ServicesDep) -> Response:
    """List the cases of a suite version in order."""
    page = services.suites.list_cases(suite_id, query.request((int,)))
    return json_response(CasePage.model_validate(page))


def _store(source: SuiteSource, services: Services) -> Response:
    suite, is_new = commands.import_suite(
        source, by=services.principal, uow=services.unit_of_work(), now=services.now()
    )
    return json_response(
        SuiteOut.model_validate(suite),
        status=201 if is_new else 200,
        etag=etag_of(suite.row_version),
        location=f"{API_ROOT}/suites/{suite.id}",
    )
