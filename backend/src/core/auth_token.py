"""What a database token (a JWT, RFC 7519) says of itself. Whether it is genuine is for the server to check."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

_MAX_CHARACTERS = 16_384


class UnreadableTokenError(ValueError):
    """It is no token of a Turso database. The message says why, and nothing of what it holds."""


class Token(NamedTuple):
    header: Mapping[str, Any]
    claims: Mapping[str, Any]

    @property
    def issued_at(self) -> datetime | None:
        """Raises UnreadableTokenError."""
        return self._moment("iat")

    @property
    def expires_at(self) -> datetime | None:
        """None when it never does. Raises UnreadableTokenError."""
        return self._moment("exp")

    def _moment(self, name: str) -> datetime | None:
        seconds = self.claims.get(name)
        if seconds is None:
            return None
        try:
            if isinstance(seconds, bool) or not isinstance(seconds, int | float):
                raise ValueError
            return datetime.fromtimestamp(seconds, UTC)
        except (ValueError, OverflowError, OSError):
            raise UnreadableTokenError(f"its claim {name!r} is no time") from None


def read(token: str) -> Token:
    """Raises UnreadableTokenError."""
    parts = token.split(".")
    if len(parts) != 3 or len(token) > _MAX_CHARACTERS or not all(parts):
        raise UnreadableTokenError("it does not have the three parts of a token")
    return Token(_part(parts[0], "header"), _part(parts[1], "claims"))


def _part(part: str, name: str) -> Mapping[str, Any]:
    try:
        found = json.loads(base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise UnreadableTokenError(f"its {name} cannot be read")
    return found
