"""Prompt templates in SQL: the repository of the write side, and the reader of the read side."""

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.orm import Session, sessionmaker

from src.application.prompt.queries import TemplateView
from src.application.shared.page import Page, PageRequest
from src.domain.prompt.errors import TemplateNameTakenError, TemplateNotFoundError
from src.domain.prompt.template import PromptTemplate
from src.domain.shared.ids import TemplateId, WorkspaceId
from src.infrastructure.prompt.models.prompt_model import PromptTemplateModel
from src.infrastructure.shared.database.errors import on_unique_violation
from src.infrastructure.shared.database.keyset import keyset_values, newest_first, newest_first_key

_VIEW = (
    PromptTemplateModel.id,
    PromptTemplateModel.name,
    PromptTemplateModel.description,
    PromptTemplateModel.template,
    PromptTemplateModel.variables,
    PromptTemplateModel.category,
    PromptTemplateModel.usage_count,
    PromptTemplateModel.created_at,
    PromptTemplateModel.updated_at,
    PromptTemplateModel.row_version,
)


class SqlTemplateRepository:
    def __init__(self, session: Session, workspace_id: WorkspaceId) -> None:
        self._session = session
        self._workspace_id = workspace_id
        self._seen: dict[TemplateId, tuple[PromptTemplate, PromptTemplateModel]] = {}

    def add(self, template: PromptTemplate) -> None:
        self._seen[template.id] = (template, PromptTemplateModel())

    def get(self, template_id: TemplateId) -> PromptTemplate:
        if template_id in self._seen:
            return self._seen[template_id][0]
        row = self._session.get(PromptTemplateModel, template_id)
        if row is None or row.workspace_id != self._workspace_id:
            raise TemplateNotFoundError(template_id)
        template = row.to_domain()
        self._seen[template.id] = (template, row)
        return template

    def count_use(self, template_id: TemplateId) -> None:
        used = (
            update(PromptTemplateModel)
            .where(
                PromptTemplateModel.id == template_id, PromptTemplateModel.workspace_id == self._workspace_id
            )
            # updated_at tells of edits, so it stays
            .values(
                usage_count=PromptTemplateModel.usage_count + 1, updated_at=PromptTemplateModel.updated_at
            )
            .execution_options(synchronize_session=False)
        )
        self._session.execute(used)

    def remove(self, template: PromptTemplate) -> None:
        self._seen.pop(template.id, None)
        self._session.execute(
            delete(PromptTemplateModel)
            .where(PromptTemplateModel.id == template.id)
            .execution_options(synchronize_session=False)
        )

    def flush(self) -> None:
        for template, row in self._seen.values():
            row.write(template)
            self._session.add(row)
            with on_unique_violation(("prompt_templates.name", TemplateNameTakenError(template.name))):
                self._session.flush()
            template.row_version = row.row_version


class SqlTemplateReader:
    def __init__(self, sessions: sessionmaker[Session], workspace_id: WorkspaceId) -> None:
        self._sessions = sessions
        self._workspace_id = workspace_id

    def get(self, template_id: str) -> TemplateView:
        return self._view(template_id, PromptTemplateModel.id == template_id)

    def get_by_name(self, name: str) -> TemplateView:
        return self._view(name, PromptTemplateModel.name == name)

    def list(self, category: str | None, page: PageRequest) -> Page[TemplateView]:
        statement = select(*_VIEW).where(PromptTemplateModel.workspace_id == self._workspace_id)
        if category is not None:
            statement = statement.where(PromptTemplateModel.category == category)
        statement = newest_first(statement, PromptTemplateModel, after=page.after is not None)
        with self._sessions() as session:
            rows = [TemplateView(*row) for row in session.execute(statement, keyset_values(page))]
        return Page.of(rows, page, newest_first_key)

    def _view(self, key: str, condition: ColumnElement[bool]) -> TemplateView:
        statement = select(*_VIEW).where(PromptTemplateModel.workspace_id == self._workspace_id, condition)
        with self._sessions() as session:
            row = session.execute(statement).one_or_none()
        if row is None:
            raise TemplateNotFoundError(key)
        return TemplateView(*row)
