"""What a database token tells of itself, read on this machine without checking who signed it."""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

WARN_WITHIN, FAIL_WITHIN = timedelta(days=14), timedelta(days=3)
_ALGORITHM = "EdDSA"
_MAX_CHARACTERS = 16_384


class UnreadableTokenError(ValueError):
    """It is no token of a Turso database. The message says why, and nothing of what it holds."""


class Level(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """`shown` and `fingerprint` name a token without giving it away. Times are None when it does not say."""

    shown: str
    fingerprint: str
    access: str | None
    issued_at: datetime | None
    expires_at: datetime | None

    @property
    def is_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= datetime.now(UTC)

    @property
    def is_read_only(self) -> bool:
        return self.access == "ro"


@dataclass(frozen=True, slots=True)
class Verdict:
    level: Level
    message: str
    fix: str | None = None


def read_token(token: str) -> TokenFacts:
    """Raises UnreadableTokenError."""
    header, claims = (
        _part(part, name) for part, name in zip(_parts(token), ("header", "claims"), strict=False)
    )
    if header.get("alg") != _ALGORITHM:
        raise UnreadableTokenError(
            f"it is not signed with {_ALGORITHM}, the only way that Turso signs tokens"
        )
    access = claims.get("a")
    return TokenFacts(
        shown=masked(token),
        fingerprint=hashlib.sha256(token.encode()).hexdigest()[:8],
        access=access if isinstance(access, str) else None,
        issued_at=_moment(claims, "iat"),
        expires_at=_moment(claims, "exp"),
    )


def judge(facts: TokenFacts, *, now: datetime) -> Verdict:
    """Whether it is time to rotate."""
    rotate = "Rotate it: autoforge turso token rotate DATABASE"
    if facts.expires_at is None:
        return Verdict(Level.WARN, "it never expires; tokens here live 90 days", rotate)
    left = facts.expires_at - now
    if left <= timedelta(0):
        return Verdict(Level.FAIL, f"it expired {span(-left)} ago", rotate)
    said = f"it expires in {span(left)}"
    if left <= FAIL_WITHIN:
        return Verdict(Level.FAIL, said, rotate)
    if left <= WARN_WITHIN:
        return Verdict(Level.WARN, said, rotate)
    return Verdict(Level.OK, said)


def masked(token: str) -> str:
    """Enough to tell two tokens apart, and of no use to anybody else."""
    return f"{token[:3]}…{token[-4:]}" if len(token) >= 32 else "…"


def span(length: timedelta) -> str:
    """A length of time in its largest unit, rounded down."""
    seconds = int(length.total_seconds())
    for unit, size in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if (count := seconds // size) > 0:
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return "less than a minute"


def _parts(token: str) -> list[str]:
    parts = token.split(".")
    if len(parts) != 3 or len(token) > _MAX_CHARACTERS or not all(parts):
        raise UnreadableTokenError("it does not have the three parts of a token")
    return parts


def _part(part: str, name: str) -> Mapping[str, Any]:
    try:
        found = json.loads(base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise UnreadableTokenError(f"its {name} cannot be read")
    return found


def _moment(claims: Mapping[str, Any], name: str) -> datetime | None:
    seconds = claims.get(name)
    if seconds is None:
        return None
    try:
        if isinstance(seconds, bool) or not isinstance(seconds, int | float):
            raise ValueError
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise UnreadableTokenError(f"its claim {name!r} is no time") from None
