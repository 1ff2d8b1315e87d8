"""Writes on prompt templates: one function, one transaction."""

from collections.abc import Mapping
from datetime import datetime

from src.application.shared.unit_of_work import UnitOfWork
from src.domain.prompt.template import PromptTemplate, TemplateVariable
from src.domain.shared.errors import require_row_version
from src.domain.shared.ids import Principal, TemplateId
from src.domain.shared.placeholders import JsonValue


def create_template(
    *,
    name: str,
    template: str,
    variables: tuple[TemplateVariable, ...],
    category: str,
    by: Principal,
    uow: UnitOfWork,
    now: datetime,
    description: str | None = None,
) -> PromptTemplate:
    created = PromptTemplate.create(
        name=name,
        template=template,
        variables=variables,
        category=category,
        by=by,
        now=now,
        description=description,
    )
    with uow:
        uow.templates.add(created)
        uow.commit()
    return created


def change_template(
    *,
    template_id: TemplateId,
    expected_row_version: int | None,
    uow: UnitOfWork,
    now: datetime,
    name: str | None = None,
    description: str | None = None,
    template: str | None = None,
    variables: tuple[TemplateVariable, ...] | None = None,
    category: str | None = None,
) -> PromptTemplate:
    with uow:
        found = uow.templates.get(template_id)
        require_row_version(found.row_version, expected_row_version)
        found.change(
            now=now,
            name=name,
            description=description,
            template=template,
            variables=variables,
            category=category,
        )
        uow.commit()
    return found


def delete_template(*, template_id: TemplateId, expected_row_version: int | None, uow: UnitOfWork) -> None:
    with uow:
        found = uow.templates.get(template_id)
        require_row_version(found.row_version, expected_row_version)
        uow.templates.remove(found)
        uow.commit()


def instantiate_template(*, template_id: TemplateId, values: Mapping[str, JsonValue], uow: UnitOfWork) -> str:
    """The filled text; counts one use when it succeeds."""
    with uow:
        text = uow.templates.get(template_id).instantiate(values)
        uow.templates.count_use(template_id)
        uow.commit()
    return text
