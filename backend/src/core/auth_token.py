"""What a token (a JWT, RFC 7519) says of itself. Its signature is for the server to check."""

import base64
import binascii
import json
from datetime import UTC, datetime
from typing import Any


def claims_of(token: str) -> dict[str, Any]:
    """The claims of `token`. Raises ValueError, which repeats nothing of it, when it is no JWT."""
    parts = token.split(".")
    try:
        if len(parts) != 3:
            raise ValueError
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        if not isinstance(claims, dict):
            raise ValueError
    except (ValueError, binascii.Error, RecursionError):
        raise ValueError(
            "is no token: a token has three parts with dots between, the second of them JSON"
        ) from None
    return claims


def expiry_of(token: str) -> datetime | None:
    """When `token` ends; None when it never does. Raises ValueError when it is no JWT."""
    expires = claims_of(token).get("exp")
    if expires is None:
        return None
    try:
        return datetime.fromtimestamp(expires, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        raise ValueError("is no token: its expiry (`exp`) is no time") from None
