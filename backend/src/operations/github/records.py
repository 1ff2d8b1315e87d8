"""What GitHub answers, as far as it is used here. Everything raises ValueError for an unexpected shape."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

T = TypeVar("T")


class Kind(StrEnum):
    """How an environment at GitHub keeps a value: nobody can read a secret again, whoever has access a variable."""

    SECRET = "secret"  # noqa: S105 - the name of a kind
    VARIABLE = "variable"


Key = tuple[Kind, str]


class Refs(StrEnum):
    """Which branches and tags may deploy to an environment."""

    ALL = "all"
    PROTECTED = "protected branches"
    CHOSEN = "chosen"


@dataclass(frozen=True, slots=True)
class Repository:
    """`may_administer` is None when GitHub does not tell."""

    name: str
    is_private: bool
    may_administer: bool | None


@dataclass(frozen=True, slots=True)
class Stored:
    """A value of an environment. `value` is None for a secret."""

    name: str
    updated_at: datetime
    value: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Reviewer:
    """`type` is "User" or "Team"."""

    type: str
    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Environment:
    wait_minutes: int
    reviewers: tuple[Reviewer, ...]
    prevents_self_review: bool
    refs: Refs


@dataclass(frozen=True, slots=True)
class RefRule:
    """A pattern of branches or tags that may deploy; `type` is "branch" or "tag"."""

    name: str
    type: str
    id: int = 0

    @property
    def shown(self) -> str:
        return f"{self.type} {self.name}"


@dataclass(frozen=True, slots=True)
class PublicKey:
    id: str
    base64: str


def read_repository(said: Any) -> Repository:
    permissions = _object(said).get("permissions")
    admin = permissions.get("admin") if isinstance(permissions, dict) else None
    return Repository(
        _text(said["full_name"]), said.get("private") is True, admin if isinstance(admin, bool) else None
    )


def read_environment(said: Any) -> Environment:
    _text(_object(said).get("name"))  # else it is something else
    rules = _list(said.get("protection_rules") or [])
    wait, reviewers, strict = 0, tuple[Reviewer, ...](), False
    for rule in map(_object, rules):
        if rule.get("type") == "wait_timer":
            wait = _number(rule.get("wait_timer"))
        elif rule.get("type") == "required_reviewers":
            reviewers = tuple(map(_read_reviewer, _list(rule.get("reviewers") or [])))
            strict = rule.get("prevent_self_review") is True
    policy = said.get("deployment_branch_policy")
    refs = Refs.ALL
    if policy is not None:
        refs = Refs.CHOSEN if _object(policy).get("custom_branch_policies") is True else Refs.PROTECTED
    return Environment(wait, reviewers, strict, refs)


def read_user(said: Any) -> Reviewer:
    return Reviewer("User", _number(_object(said).get("id")), _text(said.get("login")))


def read_ref_rule(said: Any) -> RefRule:
    # `type` is absent where GitHub Enterprise Server is older than tag rules
    found = _object(said)
    return RefRule(_text(found.get("name")), _text(found.get("type", "branch")), _number(found.get("id")))


def read_stored(said: Any) -> Stored:
    found = _object(said)
    value = found.get("value")
    return Stored(
        _text(found.get("name")),
        read_moment(found.get("updated_at")),
        None if value is None else _text(value, may_be_empty=True),
    )


def read_public_key(said: Any) -> PublicKey:
    found = _object(said)
    return PublicKey(_text(found.get("key_id")), _text(found.get("key")))


def read_page(said: Any, key: str, read: Callable[[Any], T]) -> tuple[list[T], int]:
    """The entries of one page, and how many there are on all pages."""
    found = _object(said)
    return [read(one) for one in _list(found.get(key))], _number(found.get("total_count"))


def read_moment(said: Any) -> datetime:
    found = datetime.fromisoformat(_text(said))
    if found.tzinfo is None:
        raise ValueError("a time without its zone")
    return found.astimezone(UTC)


def _read_reviewer(said: Any) -> Reviewer:
    found = _object(said)
    who = _object(found.get("reviewer"))
    name = who.get("login") or who.get("slug") or who.get("name")
    return Reviewer(_text(found.get("type")), _number(who.get("id")), _text(name))


def _object(said: Any) -> dict[str, Any]:
    if not isinstance(said, dict):
        raise ValueError("no object")
    return said


def _list(said: Any) -> list[Any]:
    if not isinstance(said, list):
        raise ValueError("no list")
    return said


def _text(said: Any, *, may_be_empty: bool = False) -> str:
    if not isinstance(said, str) or not (said or may_be_empty):
        raise ValueError("no text")
    return said


def _number(said: Any) -> int:
    if not isinstance(said, int) or isinstance(said, bool):
        raise ValueError("no number")
    return said
