"""Prompts in SQL, the read side: columns into read models.

Statements are built once, and run without a session: building one, and opening the other, cost more than the query.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, cast

from sqlalchemy import Engine, Select, Table, and_, bindparam, select

from src.application.prompt.queries import PromptFilter, PromptSummary, PromptVersionView, PromptView
from src.application.shared.page import Page, PageRequest
from src.domain.prompt.errors import PromptNotFoundError, PromptVersionNotFoundError
from src.domain.shared.ids import WorkspaceId
from src.infrastructure.prompt.models.prompt_model import PromptModel, PromptVersionModel
from src.infrastructure.shared.database.keyset import keyset_values, newest_first, newest_first_key

_prompts, _versions = cast(Table, PromptModel.__table__).c, cast(Table, PromptVersionModel.__table__).c

_SUMMARY = (
    _prompts.id,
    _prompts.name,
    _prompts.title,
    _prompts.description,
    _prompts.tags,
    _prompts.version,
    _prompts.content_hash,
    _prompts.status,
    _prompts.created_at,
    _prompts.updated_at,
    _prompts.deleted_at,
    _prompts.row_version,
)
_VERSION = (
    _versions.prompt_id,
    _versions.version,
    _versions.content,
    _versions.system_message,
    _versions.content_hash,
    _versions.user_id,
    _versions.created_at,
)
_HEAD = (  # the head of a prompt, in the order of _VERSION
    _prompts.id,
    _prompts.version,
    _prompts.content,
    _prompts.system_message,
    _prompts.content_hash,
    _prompts.user_id,
    _prompts.created_at,
)
_VIEW = (
    _prompts.id,
    _prompts.name,
    _prompts.title,
    _prompts.description,
    _prompts.content,
    _prompts.system_message,
    _prompts.content_hash,
    _prompts.tags,
    _prompts.meta_data,
    _prompts.version,
    _prompts.status,
    _prompts.user_id,
    _prompts.parent_id,
    _prompts.created_at,
    _prompts.updated_at,
    _prompts.deleted_at,
    _prompts.row_version,
)
_IN_WORKSPACE = _prompts.workspace_id == bindparam("workspace_id")
_LIVE = and_(_IN_WORKSPACE, _prompts.deleted_at.is_(None))
_BY_ID = select(*_VIEW).where(_LIVE, _prompts.id == bindparam("id"))
_BY_NAME = select(*_VIEW).where(_LIVE, _prompts.name == bindparam("name"))
_HEAD_BY_ID = select(*_HEAD).where(_LIVE, _prompts.id == bindparam("id"))
_HEAD_AND_VERSION = (
    select(*_HEAD, *_VERSION)
    .outerjoin_from(
        _prompts.id.table,
        _versions.id.table,
        and_(_versions.prompt_id == _prompts.id, _versions.version == bindparam("version")),
    )
    .where(_LIVE, _prompts.id == bindparam("id"))
)


@cache
def _list_statement(*, deleted: bool, by_name: bool, by_status: bool, after: bool) -> Select[Any]:
    statement = select(*_SUMMARY).where(
        _IN_WORKSPACE, _prompts.deleted_at.is_not(None) if deleted else _prompts.deleted_at.is_(None)
    )
    if by_name:
        statement = statement.where(_prompts.name == bindparam("name"))
    if by_status:
        statement = statement.where(_prompts.status == bindparam("status"))
    return newest_first(statement, _prompts, after=after)


@cache
def _versions_statement(*, after: bool) -> Select[Any]:
    statement = select(*_VERSION).where(_versions.prompt_id == bindparam("id"))
    if after:
        statement = statement.where(_versions.version < bindparam("after"))
    return statement.order_by(_versions.version.desc()).limit(bindparam("rows"))


class SqlPromptReader:
    def __init__(self, engine: Engine, workspace_id: WorkspaceId) -> None:
        self._engine = engine
        self._workspace_id = workspace_id

    def get(self, prompt_id: str) -> PromptView:
        row = self._one(_BY_ID, id=prompt_id)
        if row is None:
            raise PromptNotFoundError(prompt_id)
        return PromptView(*row)

    def get_by_name(self, name: str) -> PromptView:
        row = self._one(_BY_NAME, name=name)
        if row is None:
            raise PromptNotFoundError(name)
        return PromptView(*row)

    def list(self, where: PromptFilter, page: PageRequest) -> Page[PromptSummary]:
        statement = _list_statement(
            deleted=where.deleted,
            by_name=where.name is not None,
            by_status=where.status is not None,
            after=page.after is not None,
        )
        rows = self._all(statement, name=where.name, status=where.status, **keyset_values(page))
        return Page.of([PromptSummary(*row) for row in rows], page, newest_first_key)

    def get_version(self, prompt_id: str, version: int) -> PromptVersionView:
        """A prompt made by hand may have no history yet: then its head stands for it."""
        row = self._one(_HEAD_AND_VERSION, id=prompt_id, version=version)
        if row is None:
            raise PromptNotFoundError(prompt_id)
        head, found = row[: len(_HEAD)], row[len(_HEAD) :]
        if found[0] is not None:
            return PromptVersionView(*found)
        if head[1] == version:
            return PromptVersionView(*head)
        raise PromptVersionNotFoundError(prompt_id, version)

    def list_versions(self, prompt_id: str, page: PageRequest) -> Page[PromptVersionView]:
        after = None if page.after is None else page.after[0]
        head = self._one(_HEAD_BY_ID, id=prompt_id)
        if head is None:
            raise PromptNotFoundError(prompt_id)
        statement = _versions_statement(after=after is not None)
        rows = self._all(statement, id=prompt_id, after=after, rows=page.limit + 1)
        if not rows and after is None:
            rows = [head]
        return Page.of([PromptVersionView(*row) for row in rows], page, lambda entry: (entry.version,))

    def _one(self, statement: Select[Any], **values: Any) -> Any:
        with self._engine.connect() as connection:
            return connection.execute(statement, {**values, "workspace_id": self._workspace_id}).first()

    def _all(self, statement: Select[Any], **values: Any) -> Sequence[Any]:
        with self._engine.connect() as connection:
            return connection.execute(statement, {**values, "workspace_id": self._workspace_id}).all()
