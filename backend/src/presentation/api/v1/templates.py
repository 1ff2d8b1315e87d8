"""Prompt templates: texts whose variables have declared types."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from src.application.prompt import template_commands as commands
from src.domain.prompt.template import PromptTemplate
from src.domain.shared.ids import TemplateId
from src.presentation.api.dependencies import IfMatch, ServicesDep
from src.presentation.api.etags import etag_of
from src.presentation.api.json_body import JsonRoute
from src.presentation.api.problems import problems
from src.presentation.api.responses import API_ROOT, json_response
from src.presentation.api.v1.template_schemas import (
    InstantiateIn,
    InstantiateOut,
    TemplateCreate,
    TemplateOut,
    TemplatePage,
    TemplateQuery,
    TemplateUpdate,
)
from src.presentation.api.wire import BODY_ERRORS, CHANGE_ERRORS

router = APIRouter(prefix="/templates", tags=["templates"], route_class=JsonRoute)


@router.post("", status_code=201, response_model=TemplateOut, responses=problems(409, *BODY_ERRORS))
def create_template(body: TemplateCreate, services: ServicesDep) -> Response:
    """Create a template whose declared variables are exactly those that its text uses."""
    template = commands.create_template(
        name=body.name,
        template=body.template,
        variables=tuple(variable.to_domain() for variable in body.variables),
        category=body.category,
        description=body.description,
        by=services.principal,
        uow=services.unit_of_work(),
        now=services.now(),
    )
    return _template_response(template, status=201, location=f"{API_ROOT}/templates/{template.id}")


@router.get("", response_model=TemplatePage, responses=problems(422))
def list_templates(query: Annotated[TemplateQuery, Query()], services: ServicesDep) -> Response:
    """List templates, newest first."""
    page = services.templates.list(query.category, query.request())
    return json_response(TemplatePage.model_validate(page))


# No 304 here: the usage count changes without a new row version, so the ETag guards changes and does not date the text.
@router.get("/{template_id}", response_model=TemplateOut, responses=problems(404))
def get_template(template_id: str, services: ServicesDep) -> Response:
    """Get a template."""
    template = services.templates.get(template_id)
    return json_response(TemplateOut.model_validate(template), etag=etag_of(template.row_version))


@router.patch("/{template_id}", response_model=TemplateOut, responses=problems(*CHANGE_ERRORS, *BODY_ERRORS))
def change_template(
    template_id: str, body: TemplateUpdate, expected: IfMatch, services: ServicesDep
) -> Response:
    """Change a template; text and variables are checked against each other as they end up."""
    template = commands.change_template(
        template_id=TemplateId(template_id),
        expected_row_version=expected,
        name=body.name,
        template=body.template,
        variables=None
        if body.variables is None
        else tuple(variable.to_domain() for variable in body.variables),
        category=body.category,
        description=body.description,
        uow=services.unit_of_work(),
        now=services.now(),
    )
    return _template_response(template)


@router.delete("/{template_id}", status_code=204, responses=problems(400, 404, 412, 428))
def delete_template(template_id: str, expected: IfMatch, services: ServicesDep) -> Response:
    """Delete a template for good."""
    commands.delete_template(
        template_id=TemplateId(template_id), expected_row_version=expected, uow=services.unit_of_work()
    )
    return Response(status_code=204)


@router.post(
    "/{template_id}/instantiate", response_model=InstantiateOut, responses=problems(404, *BODY_ERRORS)
)
def instantiate_template(template_id: str, body: InstantiateIn, services: ServicesDep) -> Response:
    """Fill in a template; a missing, unknown or wrongly typed value is refused."""
    content = commands.instantiate_template(
        template_id=TemplateId(template_id), values=body.values, uow=services.unit_of_work()
    )
    return json_response(InstantiateOut(content=content))


def _template_response(
    template: PromptTemplate, *, status: int = 200, location: str | None = None
) -> Response:
    body = TemplateOut.model_validate(template)
    return json_response(body, status=status, etag=etag_of(template.row_version), location=location)
