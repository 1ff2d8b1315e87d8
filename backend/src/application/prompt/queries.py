"""Read models of the prompt context, and the reader that fills them. Reads need no use case: callers ask the reader."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from src.application.shared.page import Page, PageRequest
from src.application.shared.read_model import read_model
from src.domain.shared.placeholders import JsonValue


@read_model
class PromptView:
    """A prompt with the text of its newest version, which `version` and `content_hash` name."""

    id: str
    name: str
    title: str
    description: str | None
    content: str
    system_message: str | None
    content_hash: str
    tags: Sequence[str]
    metadata: Mapping[str, JsonValue]
    version: int
    status: str
    user_id: str
    parent_id: str | None
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None
    row_version: int


@read_model
class PromptSummary:
    """A line of a list: a prompt without its text."""

    id: str
    name: str
    title: str
    description: str | None
    tags: Sequence[str]
    version: int
    content_hash: str
    status: str
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None
    row_version: int


@read_model
class PromptVersionView:
    """One version, which never changes; `user_id` added it."""

    prompt_id: str
    version: int
    content: str
    system_message: str | None
    content_hash: str
    user_id: str
    created_at: datetime


@read_model
class TemplateView:
    """A template; each of its `variables` has name, type, and what else it declares."""

    id: str
    name: str
    description: str | None
    template: str
    variables: Sequence[Mapping[str, JsonValue]]
    category: str
    usage_count: int
    created_at: datetime
    updated_at: datetime
    row_version: int


@dataclass(frozen=True, slots=True)
class PromptFilter:
    """`deleted` lists the deleted prompts instead of the live ones."""

    name: str | None = None
    status: str | None = None
    deleted: bool = False


class PromptReader(Protocol):
    def get(self, prompt_id: str) -> PromptView:
        """Raises PromptNotFoundError, for a deleted prompt too."""

    def get_by_name(self, name: str) -> PromptView:
        """Raises PromptNotFoundError."""

    def list(self, where: PromptFilter, page: PageRequest) -> Page[PromptSummary]:
        """Newest first; keyed by (created_at, id)."""

    def get_version(self, prompt_id: str, version: int) -> PromptVersionView:
        """Raises PromptNotFoundError, PromptVersionNotFoundError."""

    def list_versions(self, prompt_id: str, page: PageRequest) -> Page[PromptVersionView]:
        """Newest first; keyed by (version,). Raises PromptNotFoundError."""


class TemplateReader(Protocol):
    def get(self, template_id: str) -> TemplateView:
        """Raises TemplateNotFoundError."""

    def get_by_name(self, name: str) -> TemplateView:
        """Raises TemplateNotFoundError."""

    def list(self, category: str | None, page: PageRequest) -> Page[TemplateView]:
        """Newest first; keyed by (created_at, id)."""
