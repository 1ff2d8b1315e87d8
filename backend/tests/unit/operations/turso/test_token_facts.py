import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from src.operations.turso.token_facts import (
    UnreadableTokenError,
    judge,
    masked,
    read_token,
    span,
)
from src.operations.verdict import Level

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
EDDSA = {"alg": "EdDSA", "typ": "JWT"}


def part(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def token(claims: Any = None, *, header: Any = EDDSA) -> str:
    return f"{part(header)}.{part({'a': 'rw'} if claims is None else claims)}.c2lnbmF0dXJl"


def expiring_in(**length: float) -> str:
    return token({"a": "rw", "exp": (NOW + timedelta(**length)).timestamp()})


def test_token_tells_access_and_times_without_its_signature_being_checked() -> None:
    facts = read_token(token({"a": "ro", "iat": 1733312000, "exp": 1741088000, "whatever": [1]}))

    assert facts.access == "ro"
    assert facts.issued_at == datetime(2024, 12, 4, 11, 33, 20, tzinfo=UTC)
    assert facts.expires_at == datetime(2025, 3, 4, 11, 33, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("left", "level", "said"),
    [
        ({"days": 90}, Level.OK, "in 90 days"),
        ({"days": 14, "seconds": 1}, Level.OK, "in 14 days"),
        ({"days": 14}, Level.WARN, "in 14 days"),
        ({"days": 13}, Level.WARN, "in 13 days"),
        ({"days": 3, "seconds": 1}, Level.WARN, "in 3 days"),
        ({"days": 3}, Level.FAIL, "in 3 days"),
        ({"days": 2}, Level.FAIL, "in 2 days"),
        ({"hours": 1}, Level.FAIL, "in 1 hour"),
        ({"seconds": 0}, Level.FAIL, "expired less than a minute ago"),
        ({"days": -7}, Level.FAIL, "expired 7 days ago"),
    ],
)
def test_expiry_is_judged_by_what_is_left(left: dict[str, float], level: Level, said: str) -> None:
    verdict = judge(read_token(expiring_in(**left)), now=NOW)

    assert verdict.level is level
    assert said in verdict.message
    assert (verdict.fix is None) == (level is Level.OK)


def test_token_that_never_expires_is_a_warning() -> None:
    verdict = judge(read_token(token({"a": "rw"})), now=NOW)

    assert verdict.level is Level.WARN
    assert "never expires" in verdict.message


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "three parts"),
        ("garbage", "three parts"),
        (part(EDDSA), "three parts"),
        (f"{part(EDDSA)}.", "three parts"),
        (f"{part(EDDSA)}..", "three parts"),
        (f"{part(EDDSA)}.{part({'a': 'rw'})}", "three parts"),
        (f"{token()}.{part({})}", "three parts"),
        ("x" * 20_000 + ".a.b", "three parts"),
        (f"{part(EDDSA)}.%%%.x", "claims cannot be read"),
        (f"{part(EDDSA)}.{part(b'no json')}.x", "claims cannot be read"),
        (f"{part(EDDSA)}.{part([1])}.x", "claims cannot be read"),
        (f"{part(EDDSA)}.{part(b'[' * 9000)}.x", "claims cannot be read"),
        (token(header="EdDSA"), "header cannot be read"),
        (token(header={}), "not signed with EdDSA"),
        (token(header={"alg": "HS256"}), "not signed with EdDSA"),
        (token({"exp": "tomorrow"}), "'exp' is no time"),
        (token({"exp": True}), "'exp' is no time"),
        (token({"exp": 10**30}), "'exp' is no time"),
        (token({"exp": float("inf")}), "'exp' is no time"),
        (token({"exp": 1741088000, "iat": {}}), "'iat' is no time"),
    ],
)
def test_what_is_no_token_is_refused_with_the_reason_and_none_of_its_text(text: str, why: str) -> None:
    with pytest.raises(UnreadableTokenError, match=why) as refused:
        read_token(text)
    assert not text or text not in str(refused.value)


def test_facts_name_a_token_without_holding_it() -> None:
    text = token({"a": "rw", "exp": 1741088000})
    facts = read_token(text)

    assert facts.shown == f"eyJ…{text[-4:]}"
    assert len(facts.fingerprint) == 8
    assert facts.fingerprint == read_token(text).fingerprint
    assert text not in repr(facts)


def test_short_secrets_are_not_shown_in_part() -> None:
    assert masked("hunter2") == "…"


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (timedelta(days=1), "1 day"),
        (timedelta(days=2, hours=23), "2 days"),
        (timedelta(hours=23), "23 hours"),
        (timedelta(minutes=1, seconds=59), "1 minute"),
        (timedelta(seconds=59), "less than a minute"),
    ],
)
def test_lengths_of_time_are_told_in_their_largest_unit(length: timedelta, said: str) -> None:
    assert span(length) == said
