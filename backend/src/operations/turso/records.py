"""What the Platform API tells of an organization, and how its answers are read."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from src.core.config.settings.values import is_loopback
from src.operations.turso.errors import TursoInputError

TOKYO = "aws-ap-northeast-1"
# Codes of the time before the move to AWS, which older guides and groups still have.
OLD_LOCATIONS = {"nrt": TOKYO}
_NAME = re.compile(r"[a-z0-9-]{1,64}")
_JWT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*(:\d{1,5})?")


class UnexpectedShapeError(ValueError):
    """The answer is JSON, but not what the API promises."""


@dataclass(frozen=True, slots=True)
class Location:
    code: str
    name: str


@dataclass(frozen=True, slots=True)
class Organization:
    slug: str
    name: str
    plan: str | None

    @property
    def may_have_groups(self) -> bool:
        """Whether the plan is known to allow more than one group. Source: docs.turso.tech, "Create Group"."""
        return (self.plan or "").lower() in ("scaler", "pro", "enterprise")

    @property
    def restore_window(self) -> timedelta | None:
        """How far back a restore reaches, None when unknown. Source: docs.turso.tech, "Point-in-Time Recovery"."""
        days = {"free": 1, "starter": 1, "developer": 10, "scaler": 30, "pro": 90}
        found = days.get((self.plan or "").lower())
        return None if found is None else timedelta(days=found)


@dataclass(frozen=True, slots=True)
class Account:
    """Whose platform token it is. `expires_at` is None for one that never expires."""

    base_url: str
    username: str | None
    organization: Organization
    others: tuple[str, ...]
    token: str
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Group:
    name: str
    location: str

    @property
    def current_location(self) -> str:
        return OLD_LOCATIONS.get(self.location, self.location)


@dataclass(frozen=True, slots=True)
class Parent:
    name: str
    branched_at: datetime | None


@dataclass(frozen=True, slots=True)
class Database:
    name: str
    id: str
    hostname: str
    url: str
    """For TURSO_DATABASE_URL; it holds no token."""
    group: str | None
    location: str | None
    is_protected: bool
    blocks_reads: bool
    blocks_writes: bool
    parent: Parent | None


def read_locations(found: Any) -> tuple[Location, ...]:
    locations = _object(found, "locations")
    return tuple(Location(code, str(name)) for code, name in sorted(locations.items()))


def read_organizations(found: Any) -> tuple[Organization, ...]:
    """The documentation promises a list, Turso's own client reads it out of an object."""
    listed = found.get("organizations") if isinstance(found, Mapping) else found
    if not isinstance(listed, list):
        raise UnexpectedShapeError("organizations")
    return tuple(_organization(one) for one in listed)


def read_organization(found: Any) -> Organization:
    return _organization(_object(found, "organization"))


def read_groups(found: Any) -> tuple[Group, ...]:
    return tuple(
        Group(_text(one, "name"), _optional(one, "primary") or "") for one in _list_of(found, "groups")
    )


def read_databases(found: Any, *, plain: bool) -> tuple[Database, ...]:
    return tuple(_database(one, plain=plain) for one in _list_of(found, "databases"))


def read_database(found: Any, *, plain: bool) -> Database:
    return _database(_object(found, "database"), plain=plain)


def read_next_page(found: Any) -> str | None:
    pagination = found.get("pagination")
    return _optional(pagination, "next") if isinstance(pagination, Mapping) else None


def read_jwt(found: Any) -> str:
    token = _text(found, "jwt")
    if _JWT.fullmatch(token) is None:
        raise UnexpectedShapeError("jwt")
    return token


def read_expiry(found: Any) -> datetime | None:
    """When a platform token dies; -1 stands for never."""
    seconds = found.get("exp") if isinstance(found, Mapping) else None
    if isinstance(seconds, bool) or not isinstance(seconds, int):
        raise UnexpectedShapeError("exp")
    try:
        return None if seconds < 0 else datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        raise UnexpectedShapeError("exp") from None


def read_username(found: Any) -> str:
    return _text(_object(found, "user"), "username")


def require_name(name: str, noun: str = "database") -> str:
    """Raises TursoInputError for a name that Turso does not take."""
    if _NAME.fullmatch(name) is None:
        raise TursoInputError(
            f"{name!r:.80} is no name for a {noun} at Turso: it takes lowercase letters, digits and dashes, at most 64."
        )
    return name


def database_url(hostname: str, *, plain: bool) -> str:
    """The URL for the settings. `plain`: the platform itself is spoken to without TLS, on this machine."""
    host = hostname.rpartition(":")[0] or hostname
    return f"libsql://{hostname}?tls=0" if plain and is_loopback(host) else f"libsql://{hostname}"


def http_url(url: str) -> str:
    """Where HTTP goes for a database whose URL is `url`."""
    scheme = "http" if url.endswith("?tls=0") else "https"
    return f"{scheme}://{url.removeprefix('libsql://').removesuffix('?tls=0')}"


def _organization(found: Any) -> Organization:
    slug = _text(found, "slug")
    return Organization(slug, _optional(found, "name") or slug, _optional(found, "plan_id"))


def _database(found: Any, *, plain: bool) -> Database:
    hostname = _text(found, "hostname")
    if _HOST.fullmatch(hostname) is None:  # a token is sent there
        raise UnexpectedShapeError("hostname")
    parent = found.get("parent")
    return Database(
        name=_text(found, "name"),
        id=_text(found, "dbid"),
        hostname=hostname,
        url=database_url(hostname, plain=plain),
        group=_optional(found, "group"),
        location=_optional(found, "primaryregion"),
        is_protected=found.get("delete_protection") is True,
        blocks_reads=found.get("block_reads") is True,
        blocks_writes=found.get("block_writes") is True,
        parent=_parent(parent) if isinstance(parent, Mapping) else None,
    )


def _parent(found: Mapping[str, Any]) -> Parent | None:
    name = _optional(found, "name")
    return None if name is None else Parent(name, _moment(_optional(found, "branched_at")))


def _moment(text: str | None) -> datetime | None:
    """Turso gives nanoseconds; Python keeps microseconds."""
    try:
        found = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text or ""))
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _object(found: Any, key: str) -> Mapping[str, Any]:
    inner = found.get(key) if isinstance(found, Mapping) else None
    if not isinstance(inner, Mapping):
        raise UnexpectedShapeError(key)
    return inner


def _list_of(found: Any, key: str) -> list[Any]:
    """An empty list may come as null, as Go writes it."""
    if not isinstance(found, Mapping) or key not in found:
        raise UnexpectedShapeError(key)
    inner = found[key]
    if not isinstance(inner, list | None):
        raise UnexpectedShapeError(key)
    return inner or []


def _text(found: Any, key: str) -> str:
    inner = _optional(found, key)
    if inner is None:
        raise UnexpectedShapeError(key)
    return inner


def _optional(found: Any, key: str) -> str | None:
    inner = found.get(key) if isinstance(found, Mapping) else None
    return inner if isinstance(inner, str) and inner else None
