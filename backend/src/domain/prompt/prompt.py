"""The Prompt aggregate: a name, a title and a head, and versions that only grow."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from src.domain.prompt.errors import PromptStateError
from src.domain.shared.errors import RuleViolationError
from src.domain.shared.ids import Principal, PromptId, UserId, WorkspaceId, new_id
from src.domain.shared.placeholders import JsonValue, placeholders

MAX_CONTENT_BYTES = 1_000_000
MAX_NAME_LENGTH = 255
MAX_TITLE_LENGTH = 255
MAX_TAGS = 50

_SEGMENT = r"(?!\.+(?:/|$))[\w\-.]+"  # none of dots only: clients of URLs fold `..` away
_NAME = re.compile(f"{_SEGMENT}(?:/{_SEGMENT})*")
_NOT_SLUG = re.compile(r"[^\w.]+")


class PromptStatus(StrEnum):
    DRAFT = "draft"
    ACTIVE = "active"
    ARCHIVED = "archived"


@dataclass(frozen=True, slots=True)
class PromptContent:
    """What a model is given: the text (the user message) and, if there is one, the system message.

    Both may hold `{{name}}` placeholders; each is at most 1,000,000 bytes of UTF-8.
    """

    text: str
    system_message: str | None = None

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise RuleViolationError("A prompt needs content; it is empty.")
        for label, value in (("content", self.text), ("system_message", self.system_message or "")):
            require_storable(value, label)

    @property
    def content_hash(self) -> str:
        return content_hash(self.text, self.system_message)

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the placeholders, system message first, each once."""
        return tuple(dict.fromkeys((*placeholders(self.system_message or ""), *placeholders(self.text))))


def content_hash(text: str, system_message: str | None) -> str:
    """SHA-256 (hex) of the JSON list [system_message, text]: the identity of what a model is given."""
    canonical = json.dumps([system_message, text], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class PromptVersion:
    """One entry of a prompt's history. Never changed once it is stored."""

    version: int
    content: PromptContent
    content_hash: str
    user_id: UserId
    created_at: datetime


@dataclass(eq=False, slots=True, kw_only=True)
class Prompt:
    """The head of a prompt: text and number are those of its newest version. `new_versions` are not stored yet."""

    id: PromptId
    workspace_id: WorkspaceId
    user_id: UserId
    name: str
    title: str
    description: str | None
    content: PromptContent
    content_hash: str
    tags: tuple[str, ...]
    metadata: Mapping[str, JsonValue]
    version: int
    status: PromptStatus
    created_at: datetime
    updated_at: datetime
    parent_id: PromptId | None = None
    deleted_at: datetime | None = None
    row_version: int = 0
    new_versions: list[PromptVersion] = field(default_factory=list)

    @classmethod
    def create(
        cls,
        *,
        title: str,
        content: PromptContent,
        by: Principal,
        now: datetime,
        name: str | None = None,
        description: str | None = None,
        tags: tuple[str, ...] = (),
        metadata: Mapping[str, JsonValue] | None = None,
        status: PromptStatus = PromptStatus.DRAFT,
    ) -> "Prompt":
        """A new prompt at version 1; without a `name` it gets a slug of its title."""
        prompt = cls(
            id=PromptId(new_id()),
            workspace_id=by.workspace_id,
            user_id=by.user_id,
            name=checked_name(name) if name is not None else slug(title),
            title=_checked_title(title),
            description=_checked_description(description),
            content=content,
            content_hash=content.content_hash,
            tags=_checked_tags(tags),
            metadata=_checked_metadata(metadata or {}),
            version=1,
            status=status,
            created_at=now,
            updated_at=now,
        )
        prompt._record(by.user_id, now)
        return prompt

    @property
    def is_deleted(self) -> bool:
        return self.deleted_at is not None

    def revise(self, content: PromptContent, *, by: UserId, now: datetime) -> PromptVersion:
        """Makes `content` the head, as the next version."""
        self._require_open()
        self.content, self.content_hash = content, content.content_hash
        self.version += 1
        self.updated_at = now
        return self._record(by, now)

    def describe(
        self,
        *,
        now: datetime,
        title: str | None = None,
        description: str | None = None,
        tags: tuple[str, ...] | None = None,
        metadata: Mapping[str, JsonValue] | None = None,
    ) -> None:
        """Changes what is not versioned; None leaves a field as it is, an empty description removes it."""
        if title is not None:
            self.title = _checked_title(title)
        if description is not None:
            self.description = _checked_description(description) or None
        if tags is not None:
            self.tags = _checked_tags(tags)
        if metadata is not None:
            self.metadata = _checked_metadata(metadata)
        self.updated_at = now

    def archive(self, *, now: datetime) -> None:
        """Takes the prompt out of use; it takes no versions until `activate`. Idempotent."""
        self.status = PromptStatus.ARCHIVED
        self.updated_at = now

    def activate(self, *, now: datetime) -> None:
        """Puts a draft or an archived prompt into use. Idempotent."""
        self.status = PromptStatus.ACTIVE
        self.updated_at = now

    def delete(self, *, now: datetime) -> None:
        """Hides the prompt everywhere; `restore` brings it back with all its versions."""
        self.deleted_at = self.updated_at = now

    def restore(self, *, now: datetime) -> None:
        if self.deleted_at is None:
            raise PromptStateError(f"Prompt {self.name!r} is not deleted.")
        self.deleted_at = None
        self.updated_at = now

    def _require_open(self) -> None:
        if self.status is PromptStatus.ARCHIVED:
            raise PromptStateError(f"Prompt {self.name!r} is archived. Activate it before adding a version.")

    def _record(self, by: UserId, now: datetime) -> PromptVersion:
        entry = PromptVersion(self.version, self.content, self.content_hash, by, now)
        self.new_versions.append(entry)
        return entry


def checked_name(name: str) -> str:
    """A prompt name as it is stored (NFC). Raises RuleViolationError when it is no name."""
    name = unicodedata.normalize("NFC", name)
    if len(name) > MAX_NAME_LENGTH or not _NAME.fullmatch(name):
        raise RuleViolationError(
            f"{_shortened(name)!r} is no prompt name: letters, digits, '_', '-' and '.', with '/' between folders, "
            f"at most {MAX_NAME_LENGTH} characters."
        )
    return name


def slug(title: str) -> str:
    """A name made of a title: lower case, one '-' for each run of other characters; letters of any language stay."""
    words = _NOT_SLUG.sub("-", unicodedata.normalize("NFKC", title).lower()).strip("-.")
    return words[:200].strip("-.") or f"prompt-{new_id()[:8]}"


def _checked_title(title: str) -> str:
    title = title.strip()
    if not title:
        raise RuleViolationError("A prompt needs a title; it is empty.")
    if len(title) > MAX_TITLE_LENGTH:
        raise RuleViolationError(f"The title has {len(title)} characters; at most {MAX_TITLE_LENGTH} fit.")
    require_storable(title, "title")
    return title


def _checked_tags(tags: tuple[str, ...]) -> tuple[str, ...]:
    if len(tags) > MAX_TAGS:
        raise RuleViolationError(f"{len(tags)} tags; at most {MAX_TAGS} fit.")
    for tag in tags:
        if not tag.strip() or len(tag) > MAX_NAME_LENGTH:
            raise RuleViolationError(f"{_shortened(tag)!r} is no tag: 1 to {MAX_NAME_LENGTH} characters.")
        require_storable(tag, "tag")
    return tuple(dict.fromkeys(tags))


def _checked_description(description: str | None) -> str | None:
    require_storable(description or "", "description")
    return description


def _checked_metadata(metadata: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
    require_storable(json.dumps(metadata, ensure_ascii=False), "metadata")
    return metadata


def require_storable(value: str, label: str) -> None:
    """Raises RuleViolationError for half of a surrogate pair, a NUL, or more bytes of UTF-8 than the limit."""
    try:
        size = len(value.encode())
    except UnicodeEncodeError as exc:
        raise RuleViolationError(f"The {label} is no valid Unicode text (at character {exc.start}).") from exc
    if "\0" in value:
        raise RuleViolationError(f"The {label} holds a NUL character (at character {value.index(chr(0))}).")
    if size > MAX_CONTENT_BYTES:
        raise RuleViolationError(f"The {label} has {size:,} bytes; at most {MAX_CONTENT_BYTES:,} fit.")


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else text[:60] + "…"
