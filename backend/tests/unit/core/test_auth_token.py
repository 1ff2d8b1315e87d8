import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from src.core.auth_token import UnreadableTokenError, read


def a_token(claims: Any) -> str:
    middle = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJFZERTQSJ9.{middle}.c2lnbmF0dXJl"


def test_claims_are_read_without_asking_anybody() -> None:
    found = read(a_token({"a": "rw", "id": "日本"}))

    assert found.header == {"alg": "EdDSA"}
    assert found.claims == {"a": "rw", "id": "日本"}


def test_expiry_is_in_utc() -> None:
    assert read(a_token({"exp": 1_790_000_000})).expires_at == datetime.fromtimestamp(1_790_000_000, UTC)


def test_token_without_an_expiry_never_ends() -> None:
    assert read(a_token({"a": "rw"})).expires_at is None


@pytest.mark.parametrize(
    "token",
    ["", "secret", "a.b", "a.b.c.d", "a.!!!.c", "a.eyJ.c", a_token([1]), a_token("text"), "日.本.語"],
)
def test_what_is_no_token_is_refused_without_repeating_it(token: str) -> None:
    with pytest.raises(UnreadableTokenError) as caught:
        read(token)

    assert not token or token not in str(caught.value)


@pytest.mark.parametrize("expires", ["soon", 1e30, [], {}, float("1e300")])
def test_expiry_that_is_no_time_is_refused(expires: Any) -> None:
    with pytest.raises(UnreadableTokenError, match="its claim 'exp' is no time"):
        assert read(a_token({"exp": expires})).expires_at
