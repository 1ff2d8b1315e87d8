"""Prompts on the wire."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from src.domain.prompt.prompt import MAX_NAME_LENGTH, MAX_TAGS, MAX_TITLE_LENGTH, Prompt
from src.presentation.api.dependencies import PageQuery
from src.presentation.api.wire import MAX_DESCRIPTION_LENGTH, ChangeBody, NextCursor, RequestBody

_HASH = "5d0d2c7b9e4f4f0f8f3b9d9a6c1e2f7a8b9c0d1e2f3a4b5c6d7e8f9a0b1c2d3e"
_CONTENT = "Sort this message into billing, bug or question: {{message}}"
_SYSTEM = "You sort messages of customers. Answer with one word."
_SUMMARY: dict[str, Any] = {
    "id": "3f0c8a52-7d55-4e86-9f0b-0d6f0f6f2a11",
    "name": "support/triage",
    "title": "Support triage",
    "description": "Sorts what customers write.",
    "tags": ["support"],
    "version": 2,
    "content_hash": _HASH,
    "status": "active",
    "created_at": "2026-11-02T10:00:00.000Z",
    "updated_at": "2026-11-09T08:30:00.000Z",
    "deleted_at": None,
    "row_version": 3,
}
_VERSION: dict[str, Any] = {
    "prompt_id": _SUMMARY["id"],
    "version": 2,
    "content": _CONTENT,
    "system_message": _SYSTEM,
    "content_hash": _HASH,
    "user_id": "local",
    "created_at": "2026-11-09T08:30:00.000Z",
}
_PROMPT: dict[str, Any] = {
    **_SUMMARY,
    "content": _CONTENT,
    "system_message": _SYSTEM,
    "metadata": {"owner": "support"},
    "user_id": "local",
    "parent_id": None,
}


class PromptCreate(RequestBody):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "title": "Support triage",
                    "name": "support/triage",
                    "content": _CONTENT,
                    "system_message": _SYSTEM,
                    "tags": ["support"],
                    "status": "active",
                }
            ]
        }
    )

    title: str = Field(max_length=MAX_TITLE_LENGTH, description="For people.")
    content: str = Field(
        description="The user message, with `{{name}}` placeholders; at most 1,000,000 bytes."
    )
    name: str | None = Field(
        default=None,
        max_length=MAX_NAME_LENGTH,
        description="For programs: unique in the workspace, `/` between folders. Made of the title when absent.",
    )
    description: str | None = Field(default=None, max_length=MAX_DESCRIPTION_LENGTH)
    system_message: str | None = Field(default=None, description="The system message, with placeholders too.")
    tags: list[str] = Field(default_factory=list, max_length=MAX_TAGS)
    metadata: dict[str, Any] = Field(default_factory=dict, description="Any JSON object; kept as it is.")
    status: Literal["draft", "active"] = Field(default="draft", description="`draft`, or in use at once.")


class PromptUpdate(ChangeBody):
    """What is not versioned. Fields that are absent or null stay as they are; at least one must be there."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"title": "Support triage (EU)", "tags": ["support", "eu"]}]}
    )

    title: str | None = Field(default=None, max_length=MAX_TITLE_LENGTH)
    description: str | None = Field(
        default=None, max_length=MAX_DESCRIPTION_LENGTH, description="An empty text removes it."
    )
    tags: list[str] | None = Field(default=None, max_length=MAX_TAGS, description="Replaces all tags.")
    metadata: dict[str, Any] | None = Field(default=None, description="Replaces all metadata.")


class VersionCreate(RequestBody):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"content": f"{_CONTENT}\nAnswer in JSON.", "system_message": _SYSTEM}]
        }
    )

    content: str = Field(
        description="The user message, with `{{name}}` placeholders; at most 1,000,000 bytes."
    )
    system_message: str | None = Field(
        default=None, description="The system message. It is not taken over from the version before."
    )


class PromptQuery(PageQuery):
    status: Literal["draft", "active", "archived"] | None = Field(default=None, description="Only these.")
    name: str | None = Field(default=None, description="Only the prompt of exactly this name.")
    deleted: bool = Field(default=False, description="The deleted prompts instead of the live ones.")


class PromptSummaryOut(BaseModel):
    """A line of a list: a prompt without its text."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [_SUMMARY]})

    id: str
    name: str
    title: str
    description: str | None
    tags: list[str]
    version: int = Field(description="Number of the newest version.")
    content_hash: str = Field(description="SHA-256 of what a model is given: system message and content.")
    status: Literal["draft", "active", "archived"]
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None
    row_version: int = Field(description="The ETag of the row, without its quotes.")


class PromptOut(PromptSummaryOut):
    """A prompt with the text of its newest version."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [_PROMPT]})

    content: str
    system_message: str | None
    metadata: Mapping[str, Any]
    user_id: str = Field(description="Who made it.")
    parent_id: str | None = Field(description="The prompt that it was copied from.")

    @classmethod
    def of(cls, prompt: Prompt) -> "PromptOut":
        return cls(
            id=prompt.id,
            name=prompt.name,
            title=prompt.title,
            description=prompt.description,
            tags=list(prompt.tags),
            version=prompt.version,
            content_hash=prompt.content_hash,
            status=prompt.status.value,
            created_at=prompt.created_at,
            updated_at=prompt.updated_at,
            deleted_at=prompt.deleted_at,
            row_version=prompt.row_version,
            content=prompt.content.text,
            system_message=prompt.content.system_message,
            metadata=prompt.metadata,
            user_id=prompt.user_id,
            parent_id=prompt.parent_id,
        )


class PromptPage(BaseModel):
    model_config = ConfigDict(
        from_attributes=True, json_schema_extra={"examples": [{"items": [_SUMMARY], "next_cursor": None}]}
    )

    items: list[PromptSummaryOut]
    next_cursor: NextCursor


class VersionOut(BaseModel):
    """One entry of a prompt's history, which nothing ever changes."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [_VERSION]})

    prompt_id: str
    version: int
    content: str
    system_message: str | None
    content_hash: str
    user_id: str
    created_at: datetime


class VersionPage(BaseModel):
    model_config = ConfigDict(
        from_attributes=True, json_schema_extra={"examples": [{"items": [_VERSION], "next_cursor": None}]}
    )

    items: list[VersionOut]
    next_cursor: NextCursor
