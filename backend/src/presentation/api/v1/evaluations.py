"""Evaluations: runs of a prompt version over a suite, started here and watched here."""

from collections.abc import AsyncIterator
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Query
from fastapi.concurrency import run_in_threadpool
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.responses import Response

from src.application.evaluation import commands
from src.application.evaluation.queries import EvaluationFilter, EvaluationView
from src.application.services import Services
from src.core.config.settings.base import Settings
from src.domain.shared.ids import EvaluationId, PromptId, SuiteId
from src.presentation.api.dependencies import IfNoneMatch, OptionalIfMatch, ServicesDep, SettingsDep
from src.presentation.api.etags import etag_of
from src.presentation.api.json_body import JsonRoute
from src.presentation.api.problems import NOT_MODIFIED, FieldError, fields_refused, problems
from src.presentation.api.responses import API_ROOT, json_response, json_unless_current
from src.presentation.api.v1.evaluation_progress import progress_events
from src.presentation.api.v1.evaluation_schemas import (
    EvaluationCreate,
    EvaluationOut,
    EvaluationPage,
    EvaluationQuery,
)
from src.presentation.api.v1.result_schemas import ResultPage, ResultQuery
from src.presentation.api.wire import BODY_ERRORS

router = APIRouter(prefix="/evaluations", tags=["evaluations"], route_class=JsonRoute)
_RESULT_KEY = (int, int, str)  # the kinds of a cursor over (position, repeat, id)


async def _evaluation(evaluation_id: str, services: ServicesDep) -> EvaluationView:
    return await run_in_threadpool(services.evaluations.get, evaluation_id)


@router.post("", status_code=202, response_model=EvaluationOut, responses=problems(404, *BODY_ERRORS))
def start_evaluation(body: EvaluationCreate, services: ServicesDep, settings: SettingsDep) -> Response:
    """Start a run in the background; follow it at `/events`, or ask again with the ETag."""
    if body.base_url is not None:
        _require_allowed(body.base_url, settings)
    services.open_provider(body.settings())  # one that is not set up is refused before anything is stored
    evaluation = commands.start_evaluation(
        prompt_id=PromptId(body.prompt_id),
        version=body.version,
        suite_id=SuiteId(body.suite_id),
        settings=body.settings(),
        owner=services.runs.owner,
        by=services.principal,
        uow=services.unit_of_work(),
        now=services.now(),
    )
    response = _accepted(evaluation.id, services)
    services.runs.launch(evaluation.id)
    return response


@router.get("", response_model=EvaluationPage, responses=problems(422))
def list_evaluations(query: Annotated[EvaluationQuery, Query()], services: ServicesDep) -> Response:
    """List evaluations, newest first."""
    where = EvaluationFilter(prompt_id=query.prompt_id, suite_id=query.suite_id, status=query.status)
    page, now = services.evaluations.list(where, query.request()), services.now()
    items = [EvaluationOut.of(view, now) for view in page.items]
    return json_response(EvaluationPage(items=items, next_cursor=page.next_cursor))


@router.get("/{evaluation_id}", response_model=EvaluationOut, responses={**NOT_MODIFIED, **problems(404)})
def get_evaluation(evaluation_id: str, services: ServicesDep, if_none_match: IfNoneMatch = None) -> Response:
    """Get an evaluation with its settings and, when it has ended, its metrics."""
    view = services.evaluations.get(evaluation_id)
    body, etag = EvaluationOut.of(view, services.now()), etag_of(view.row_version)
    if body.abandoned:  # a run is abandoned by time passing, which leaves the row, and so the ETag, as it was
        return json_response(body, etag=etag)
    return json_unless_current(body, etag=etag, if_none_match=if_none_match)


@router.get("/{evaluation_id}/results", response_model=ResultPage, responses=problems(404, 422))
def list_results(
    evaluation_id: str, query: Annotated[ResultQuery, Query()], services: ServicesDep
) -> Response:
    """List results in the order of the suite, also while the run goes on."""
    page = services.evaluations.list_results(evaluation_id, query.outcome, query.request(_RESULT_KEY))
    return json_response(ResultPage.model_validate(page))


@router.post("/{evaluation_id}/cancel", response_model=EvaluationOut, responses=problems(400, 404, 409, 412))
def cancel_evaluation(evaluation_id: str, services: ServicesDep, expected: OptionalIfMatch) -> Response:
    """End a run wherever it runs; stored answers stay. `If-Match` is optional: a running row changes by itself."""
    commands.cancel_evaluation(
        evaluation_id=EvaluationId(evaluation_id),
        expected_row_version=expected,
        uow=services.unit_of_work(),
        now=services.now(),
    )
    view = services.evaluations.get(evaluation_id)
    return json_response(EvaluationOut.of(view, services.now()), etag=etag_of(view.row_version))


@router.post(
    "/{evaluation_id}/resume",
    status_code=202,
    response_model=EvaluationOut,
    responses=problems(404, 409),
)
def resume_evaluation(evaluation_id: str, services: ServicesDep) -> Response:
    """Go on with a failed or abandoned run; cases that have an answer are not asked again."""
    evaluation = commands.resume_evaluation(
        evaluation_id=EvaluationId(evaluation_id),
        owner=services.runs.owner,
        uow=services.unit_of_work(),
        now=services.now(),
    )
    response = _accepted(evaluation.id, services)
    services.runs.launch(evaluation.id)
    return response


@router.get("/{evaluation_id}/events", response_class=EventSourceResponse, responses=problems(404))
async def stream_progress(
    first: Annotated[EvaluationView, Depends(_evaluation)], services: ServicesDep
) -> AsyncIterator[ServerSentEvent]:
    """Watch a run: a `progress` event at each change, and one `done` when it has ended or was abandoned."""
    async for event in progress_events(first, services):
        yield event


def _accepted(evaluation_id: EvaluationId, services: Services) -> Response:
    """Read before the run is launched, so that the answer shows it as it was accepted."""
    view = services.evaluations.get(evaluation_id)
    return json_response(
        EvaluationOut.of(view, services.now()),
        status=202,
        etag=etag_of(view.row_version),
        location=f"{API_ROOT}/evaluations/{evaluation_id}",
    )


def _require_allowed(base_url: str, settings: Settings) -> None:
    """Only on a laptop may a request choose where the server sends prompts; elsewhere LLM_BASE_URLS says where."""
    try:
        parts = urlsplit(base_url)
        is_url = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:  # such as an unclosed bracket of an IPv6 address
        is_url = False
    if not is_url:
        reason = "It is no http or https URL without a user name"
    elif not settings.is_local and base_url.rstrip("/") not in {
        url.rstrip("/") for url in settings.llm_base_urls
    }:
        reason = "It is not among the addresses that the server's LLM_BASE_URLS allows"
    else:
        return
    raise fields_refused([FieldError(loc=["body", "base_url"], type="base_url", msg=reason)])
