import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.application.shared.page import (
    MAX_PAGE_SIZE,
    BadCursorError,
    Page,
    PageRequest,
    decode_cursor,
    encode_cursor,
)
from src.domain.shared.errors import RuleViolationError

KINDS = (int, str)


def cursor_of(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def test_no_cursor_is_the_first_page() -> None:
    assert decode_cursor(None, KINDS) is None


@given(st.tuples(st.integers(-(2**63), 2**63 - 1), st.text(st.characters(exclude_categories=["Cs"]))))
def test_cursor_comes_back_as_the_key_it_was_made_of(key: tuple[int, str]) -> None:
    assert decode_cursor(encode_cursor(key), KINDS) == key


def test_cursor_needs_no_escaping_in_a_url() -> None:
    cursors = "".join(encode_cursor((number, "?>~\xff")) for number in range(64))

    assert set(cursors) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "%%%",
        "日本",
        "=" * 8,
        encode_cursor((1, "a"))[:-2],
        encode_cursor((1, "a")) + "!",
        cursor_of(None),
        cursor_of({"a": 1}),
        cursor_of([]),
        cursor_of([1]),
        cursor_of([1, "a", "b"]),
        cursor_of(["1", "a"]),
        cursor_of([1, 2]),
        cursor_of([True, "a"]),
        cursor_of([1.0, "a"]),
        cursor_of([None, "a"]),
        cursor_of([[1], "a"]),
        base64.urlsafe_b64encode(b"[NaN, 1]").decode(),
        base64.urlsafe_b64encode(b"[" * 100_000).decode(),
        base64.urlsafe_b64encode(b"[" + b"9" * 5_000 + b', "a"]').decode(),
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
        cursor_of([2**63, "a"]),
        cursor_of([1, "\ud800"]),
    ],
    ids=lambda cursor: cursor[:24],
)
def test_cursor_that_is_not_ours_is_refused(cursor: str) -> None:
    with pytest.raises(BadCursorError, match="cursor: "):
        decode_cursor(cursor, KINDS)


def test_message_about_a_bad_cursor_stays_short() -> None:
    with pytest.raises(BadCursorError) as caught:
        decode_cursor("x" * 10_000, KINDS)

    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("limit", [0, -1, MAX_PAGE_SIZE + 1])
def test_limit_outside_its_range_is_refused(limit: int) -> None:
    with pytest.raises(RuleViolationError, match=f"limit: {limit} is not between 1 and 200"):
        PageRequest(limit=limit)


def test_page_with_a_row_to_spare_has_a_cursor_after_its_last_item() -> None:
    page = Page.of([1, 2, 3], PageRequest(limit=2), key=lambda row: (row,))

    assert page.items == [1, 2]
    assert decode_cursor(page.next_cursor, (int,)) == (2,)


@pytest.mark.parametrize("rows", [[], [1], [1, 2]])
def test_last_page_has_no_cursor(rows: list[int]) -> None:
    page = Page.of(rows, PageRequest(limit=2), key=lambda row: (row,))

    assert (page.items, page.next_cursor) == (rows, None)
