"""Prompts and their versions."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from src.application.prompt import commands
from src.application.prompt.queries import PromptFilter
from src.domain.prompt.prompt import Prompt, PromptContent, PromptStatus
from src.domain.shared.ids import PromptId
from src.presentation.api.dependencies import IfMatch, IfNoneMatch, PageQuery, ReadDep, ServicesDep, WriteDep
from src.presentation.api.etags import etag_of
from src.presentation.api.json_body import JsonRoute
from src.presentation.api.problems import NOT_MODIFIED, problems
from src.presentation.api.responses import API_ROOT, json_response, json_unless_current
from src.presentation.api.v1.prompt_schemas import (
    PromptCreate,
    PromptOut,
    PromptPage,
    PromptQuery,
    PromptUpdate,
    VersionCreate,
    VersionOut,
    VersionPage,
)
from src.presentation.api.wire import BODY_ERRORS, CHANGE_ERRORS, MAX_NUMBER

router = APIRouter(prefix="/prompts", tags=["prompts"], route_class=JsonRoute)
VersionNumber = Annotated[int, Path(ge=1, le=MAX_NUMBER)]


# The routes that are called most stand first: they are matched in this order.
@router.get("/{prompt_id}", response_model=PromptOut, responses={**NOT_MODIFIED, **problems(404)})
async def get_prompt(prompt_id: str, read: ReadDep, if_none_match: IfNoneMatch = None) -> Response:
    """Get a prompt with the text of its newest version."""
    prompt = await read(lambda services: services.prompts.get(prompt_id))
    body = PromptOut.model_validate(prompt)
    return json_unless_current(body, etag=etag_of(prompt.row_version), if_none_match=if_none_match)


@router.post(
    "/{prompt_id}/versions",
    status_code=201,
    response_model=PromptOut,
    responses=problems(404, 409, *BODY_ERRORS),
)
async def revise_prompt(
    prompt_id: str, body: VersionCreate, services: ServicesDep, write: WriteDep
) -> Response:
    """Add a version, which becomes the newest; versions are never changed, so this needs no `If-Match`."""
    content = PromptContent(body.content, body.system_message)
    prompt = await write(
        lambda uow: commands.revise_prompt(
            prompt_id=PromptId(prompt_id), content=content, by=services.principal, uow=uow, now=services.now()
        )
    )
    location = f"{API_ROOT}/prompts/{prompt.id}/versions/{prompt.version}"
    return _prompt_response(prompt, status=201, location=location)


@router.get("", response_model=PromptPage, responses=problems(422))
async def list_prompts(query: Annotated[PromptQuery, Query()], read: ReadDep) -> Response:
    """List prompts, newest first, without their texts."""
    where = PromptFilter(name=query.name, status=query.status, deleted=query.deleted)
    page = await read(lambda services: services.prompts.list(where, query.request()))
    return json_response(PromptPage.model_validate(page))


@router.post("", status_code=201, response_model=PromptOut, responses=problems(409, *BODY_ERRORS))
def create_prompt(body: PromptCreate, services: ServicesDep) -> Response:
    """Register a prompt; its content becomes version 1."""
    prompt = commands.create_prompt(
        title=body.title,
        content=PromptContent(body.content, body.system_message),
        name=body.name,
        description=body.description,
        tags=tuple(body.tags),
        metadata=body.metadata,
        status=PromptStatus(body.status),
        by=services.principal,
        uow=services.unit_of_work(),
        now=services.now(),
    )
    return _prompt_response(prompt, status=201, location=f"{API_ROOT}/prompts/{prompt.id}")


@router.patch("/{prompt_id}", response_model=PromptOut, responses=problems(*CHANGE_ERRORS, *BODY_ERRORS))
def describe_prompt(prompt_id: str, body: PromptUpdate, expected: IfMatch, services: ServicesDep) -> Response:
    """Change title, description, tags or metadata; the text changes by adding a version."""
    prompt = commands.describe_prompt(
        prompt_id=PromptId(prompt_id),
        expected_row_version=expected,
        title=body.title,
        description=body.description,
        tags=None if body.tags is None else tuple(body.tags),
        metadata=body.metadata,
        uow=services.unit_of_work(),
        now=services.now(),
    )
    return _prompt_response(prompt)


@router.delete("/{prompt_id}", status_code=204, responses=problems(*CHANGE_ERRORS))
def delete_prompt(prompt_id: str, expected: IfMatch, services: ServicesDep) -> Response:
    """Hide a prompt everywhere; the ETag of the answer is the one to restore it with."""
    prompt = commands.delete_prompt(
        prompt_id=PromptId(prompt_id),
        expected_row_version=expected,
        uow=services.unit_of_work(),
        now=services.now(),
    )
    return Response(status_code=204, headers={"ETag": etag_of(prompt.row_version)})


@router.post("/{prompt_id}/restore", response_model=PromptOut, responses=problems(*CHANGE_ERRORS))
def restore_prompt(prompt_id: str, expected: IfMatch, services: ServicesDep) -> Response:
    """Bring a deleted prompt back with all its versions."""
    prompt = commands.restore_prompt(
        prompt_id=PromptId(prompt_id),
        expected_row_version=expected,
        uow=services.unit_of_work(),
        now=services.now(),
    )
    return _prompt_response(prompt)


@router.post("/{prompt_id}/archive", response_model=PromptOut, responses=problems(*CHANGE_ERRORS))
def archive_prompt(prompt_id: str, expected: IfMatch, services: ServicesDep) -> Response:
    """Take a prompt out of use; it takes no more versions until it is activated."""
    prompt = commands.archive_prompt(
        prompt_id=PromptId(prompt_id),
        expected_row_version=expected,
        uow=services.unit_of_work(),
        now=services.now(),
    )
    return _prompt_response(prompt)


@router.post("/{prompt_id}/activate", response_model=PromptOut, responses=problems(*CHANGE_ERRORS))
def activate_prompt(prompt_id: str, expected: IfMatch, services: ServicesDep) -> Response:
    """Put a draft or an archived prompt into use."""
    prompt = commands.activate_prompt(
        prompt_id=PromptId(prompt_id),
        expected_row_version=expected,
        uow=services.unit_of_work(),
        now=services.now(),
    )
    return _prompt_response(prompt)


@router.get("/{prompt_id}/versions", response_model=VersionPage, responses=problems(404, 422))
def list_versions(prompt_id: str, query: Annotated[PageQuery, Query()], services: ServicesDep) -> Response:
    """List the versions of a prompt with their texts, newest first."""
    page = services.prompts.list_versions(prompt_id, query.request((int,)))
    return json_response(VersionPage.model_validate(page))


@router.get("/{prompt_id}/versions/{version}", response_model=VersionOut, responses=problems(404, 422))
async def get_version(prompt_id: str, version: VersionNumber, read: ReadDep) -> Response:
    """Get one version of a prompt."""
    found = await read(lambda services: services.prompts.get_version(prompt_id, version))
    return json_response(VersionOut.model_validate(found))


def _prompt_response(prompt: Prompt, *, status: int = 200, location: str | None = None) -> Response:
    return json_response(
        PromptOut.of(prompt), status=status, etag=etag_of(prompt.row_version), location=location
    )
