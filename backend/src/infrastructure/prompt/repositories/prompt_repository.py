"""Prompts in SQL, the write side.

Prebuilt Core statements instead of ORM entities: adding a version is the hottest write there is, and this way it takes
half the time.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from sqlalchemy import Connection, Table, Update, bindparam, exists, insert, select, update

from src.domain.prompt.errors import PromptNameTakenError, PromptNotFoundError, PromptVersionNotFoundError
from src.domain.prompt.prompt import Prompt, PromptVersion
from src.domain.shared.errors import ConcurrentUpdateError
from src.domain.shared.ids import PromptId, WorkspaceId
from src.infrastructure.prompt.models.prompt_model import (
    PromptModel,
    PromptVersionModel,
    prompt_of,
    prompt_row,
    version_of,
    version_row,
)
from src.infrastructure.shared.database.errors import on_unique_violation

_PROMPTS, _VERSIONS = cast(Table, PromptModel.__table__), cast(Table, PromptVersionModel.__table__)
_prompts, _versions = _PROMPTS.c, _VERSIONS.c

# One round trip fewer than asking for it when it is needed.
_has_history = exists().where(_versions.prompt_id == _prompts.id).label("has_history")
_BY_ID = select(_PROMPTS, _has_history).where(
    _prompts.id == bindparam("id"), _prompts.workspace_id == bindparam("workspace_id")
)
_BY_NAME = select(_PROMPTS, _has_history).where(
    _prompts.workspace_id == bindparam("workspace_id"),
    _prompts.name == bindparam("name"),
    _prompts.deleted_at.is_(None),
)
_INSERT = insert(_PROMPTS)
_ADD_VERSION = insert(_VERSIONS)
_VERSION = select(_VERSIONS).where(
    _versions.prompt_id == bindparam("prompt_id"), _versions.version == bindparam("version")
)
_NEWEST_OF_HASH = (
    select(_VERSIONS)
    .where(_versions.prompt_id == bindparam("prompt_id"), _versions.content_hash == bindparam("content_hash"))
    .order_by(_versions.version.desc())
    .limit(1)
)


@cache
def _update(columns: frozenset[str]) -> Update:
    """Sets these columns only: SQLite rewrites every index of a column that is named, changed or not."""
    return (
        update(_PROMPTS)
        .where(_prompts.id == bindparam("key"), _prompts.row_version == bindparam("row_version_read"))
        .values({name: bindparam(name) for name in columns})
    )


@dataclass(slots=True)
class _Tracked:
    """A prompt in hand and its row as it was read; None for one that is new."""

    prompt: Prompt
    row: dict[str, Any] | None


class SqlPromptRepository:
    def __init__(self, connection: Connection, workspace_id: WorkspaceId) -> None:
        self._connection = connection
        self._workspace_id = workspace_id
        self._seen: dict[PromptId, _Tracked] = {}

    def add(self, prompt: Prompt) -> None:
        self._seen[prompt.id] = _Tracked(prompt, None)

    def get(self, prompt_id: PromptId, *, deleted: bool = False) -> Prompt:
        if prompt_id in self._seen:
            return self._seen[prompt_id].prompt
        row = self._one(_BY_ID, id=prompt_id, workspace_id=self._workspace_id)
        if row is None or (row.deleted_at is not None and not deleted):
            raise PromptNotFoundError(prompt_id)
        return self._remember(row)

    def find_by_name(self, name: str) -> Prompt | None:
        row = self._one(_BY_NAME, workspace_id=self._workspace_id, name=name)
        return None if row is None else self._remember(row)

    def is_name_taken(self, name: str) -> bool:
        return self._one(_BY_NAME, workspace_id=self._workspace_id, name=name) is not None

    def get_version(self, prompt: Prompt, version: int) -> PromptVersion:
        row = self._one(_VERSION, prompt_id=prompt.id, version=version)
        if row is not None:
            return version_of(row)
        for entry in prompt.new_versions:
            if entry.version == version:
                return entry
        raise PromptVersionNotFoundError(prompt.name, version)

    def find_version_by_hash(self, prompt: Prompt, content_hash: str) -> PromptVersion | None:
        row = self._one(_NEWEST_OF_HASH, prompt_id=prompt.id, content_hash=content_hash)
        if row is not None:
            return version_of(row)
        return next((entry for entry in prompt.new_versions if entry.content_hash == content_hash), None)

    def flush(self) -> None:
        """Writes the prompts that are new or changed, and the new versions. Raises ConcurrentUpdateError."""
        for tracked in self._seen.values():
            with on_unique_violation(("prompts.name", PromptNameTakenError(tracked.prompt.name))):
                self._write(tracked)
            if tracked.prompt.new_versions:
                entries = [version_row(tracked.prompt.id, entry) for entry in tracked.prompt.new_versions]
                self._connection.execute(_ADD_VERSION, entries)
                tracked.prompt.new_versions.clear()

    def _write(self, tracked: _Tracked) -> None:
        prompt, row, before = tracked.prompt, prompt_row(tracked.prompt), tracked.row or {}
        changed = {name: value for name, value in row.items() if name not in before or before[name] != value}
        if not changed:
            return
        changed["row_version"] = prompt.row_version + 1
        if tracked.row is None:
            self._connection.execute(_INSERT, changed)
        else:
            key = {"key": prompt.id, "row_version_read": prompt.row_version}
            done = self._connection.execute(_update(frozenset(changed)), {**changed, **key})
            if done.rowcount != 1:
                raise ConcurrentUpdateError
        prompt.row_version += 1
        tracked.row = row

    def _remember(self, row: Any) -> Prompt:
        if row.id in self._seen:
            return self._seen[row.id].prompt
        prompt = prompt_of(row)
        self._seen[prompt.id] = _Tracked(prompt, prompt_row(prompt))
        # A row made by hand has no history until its first use here is committed.
        if row.version == 1 and not row.has_history:
            prompt.new_versions.append(version_of(row))
        return prompt

    def _one(self, statement: Any, **values: Any) -> Any:
        return self._connection.execute(statement, values).first()
