"""Prompts in SQL, the read side: columns into read models, each call in its own session."""

from typing import Any

from sqlalchemy import Row, and_, select
from sqlalchemy.orm import Session, sessionmaker

from src.application.prompt.queries import PromptFilter, PromptSummary, PromptVersionView, PromptView
from src.application.shared.page import Page, PageRequest
from src.domain.prompt.errors import PromptNotFoundError, PromptVersionNotFoundError
from src.domain.shared.ids import WorkspaceId
from src.infrastructure.prompt.models.prompt_model import PromptModel, PromptVersionModel
from src.infrastructure.shared.database.keyset import newest_first, newest_first_key

_SUMMARY = (
    PromptModel.id,
    PromptModel.name,
    PromptModel.title,
    PromptModel.description,
    PromptModel.tags,
    PromptModel.version,
    PromptModel.content_hash,
    PromptModel.status,
    PromptModel.created_at,
    PromptModel.updated_at,
    PromptModel.deleted_at,
    PromptModel.row_version,
)
_HEAD = (
    PromptModel.id.label("prompt_id"),
    PromptModel.version,
    PromptModel.content,
    PromptModel.system_message,
    PromptModel.content_hash,
    PromptModel.user_id,
    PromptModel.created_at,
)
_VERSION = (
    PromptVersionModel.prompt_id,
    PromptVersionModel.version,
    PromptVersionModel.content,
    PromptVersionModel.system_message,
    PromptVersionModel.content_hash,
    PromptVersionModel.user_id,
    PromptVersionModel.created_at,
)
_VIEW = (
    PromptModel.id,
    PromptModel.name,
    PromptModel.title,
    PromptModel.description,
    PromptModel.content,
    PromptModel.system_message,
    PromptModel.content_hash,
    PromptModel.tags,
    PromptModel.meta_data.label("metadata"),
    PromptModel.version,
    PromptModel.status,
    PromptModel.user_id,
    PromptModel.parent_id,
    PromptModel.created_at,
    PromptModel.updated_at,
    PromptModel.deleted_at,
    PromptModel.row_version,
)


class SqlPromptReader:
    def __init__(self, sessions: sessionmaker[Session], workspace_id: WorkspaceId) -> None:
        self._sessions = sessions
        self._workspace_id = workspace_id

    def get(self, prompt_id: str) -> PromptView:
        return self._view(prompt_id, PromptModel.id == prompt_id)

    def get_by_name(self, name: str) -> PromptView:
        return self._view(name, PromptModel.name == name)

    def list(self, where: PromptFilter, page: PageRequest) -> Page[PromptSummary]:
        deleted = PromptModel.deleted_at
        statement = select(*_SUMMARY).where(
            PromptModel.workspace_id == self._workspace_id,
            deleted.is_not(None) if where.deleted else deleted.is_(None),
        )
        if where.name is not None:
            statement = statement.where(PromptModel.name == where.name)
        if where.status is not None:
            statement = statement.where(PromptModel.status == where.status)
        statement = newest_first(statement, PromptModel.created_at, PromptModel.id, page)
        with self._sessions() as session:
            rows = [PromptSummary(*row) for row in session.execute(statement)]
        return Page.of(rows, page, newest_first_key)

    def get_version(self, prompt_id: str, version: int) -> PromptVersionView:
        """A prompt made by hand may have no history yet: then its head stands for it."""
        wanted = and_(PromptVersionModel.prompt_id == PromptModel.id, PromptVersionModel.version == version)
        statement = (
            select(*_HEAD, *_VERSION)
            .outerjoin_from(PromptModel, PromptVersionModel, wanted)
            .where(*self._live(PromptModel.id == prompt_id))
        )
        with self._sessions() as session:
            row = session.execute(statement).one_or_none()
        if row is None:
            raise PromptNotFoundError(prompt_id)
        head, found = row[: len(_HEAD)], row[len(_HEAD) :]
        if found[0] is not None:
            return PromptVersionView(*found)
        if head[1] == version:
            return PromptVersionView(*head)
        raise PromptVersionNotFoundError(prompt_id, version)

    def list_versions(self, prompt_id: str, page: PageRequest) -> Page[PromptVersionView]:
        statement = select(*_VERSION).where(PromptVersionModel.prompt_id == prompt_id)
        if page.after is not None:
            statement = statement.where(PromptVersionModel.version < page.after[0])
        statement = statement.order_by(PromptVersionModel.version.desc()).limit(page.limit + 1)
        with self._sessions() as session:
            head = session.execute(
                select(*_HEAD).where(*self._live(PromptModel.id == prompt_id))
            ).one_or_none()
            if head is None:
                raise PromptNotFoundError(prompt_id)
            rows: list[Row[Any]] = list(session.execute(statement))
        if not rows and page.after is None:
            rows = [head]
        return Page.of([PromptVersionView(*row) for row in rows], page, lambda entry: (entry.version,))

    def _view(self, key: str, condition: Any) -> PromptView:
        with self._sessions() as session:
            row = session.execute(select(*_VIEW).where(*self._live(condition))).one_or_none()
        if row is None:
            raise PromptNotFoundError(key)
        return PromptView(*row)

    def _live(self, condition: Any) -> tuple[Any, ...]:
        return PromptModel.workspace_id == self._workspace_id, PromptModel.deleted_at.is_(None), condition
