"""What a database token tells of itself, read on this machine without checking who signed it."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from src.core import auth_token
from src.core.auth_token import UnreadableTokenError
from src.operations.verdict import Level, Verdict

WARN_WITHIN, FAIL_WITHIN = timedelta(days=14), timedelta(days=3)
_ALGORITHM = "EdDSA"


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


def read_token(token: str) -> TokenFacts:
    """Raises UnreadableTokenError."""
    found = auth_token.read(token)
    if found.header.get("alg") != _ALGORITHM:
        raise UnreadableTokenError(
            f"it is not signed with {_ALGORITHM}, the only way that Turso signs tokens"
        )
    access = found.claims.get("a")
    return TokenFacts(
        shown=masked(token),
        fingerprint=hashlib.sha256(token.encode()).hexdigest()[:8],
        access=access if isinstance(access, str) else None,
        issued_at=found.issued_at,
        expires_at=found.expires_at,
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
