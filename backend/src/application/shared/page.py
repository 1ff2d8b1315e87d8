"""Keyset pages: the next page begins after the last row of this one, however many rows were added meanwhile."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from src.domain.shared.errors import RuleViolationError

MAX_PAGE_SIZE = 200
DEFAULT_PAGE_SIZE = 50

T = TypeVar("T")
Key = tuple[str | int, ...]


class BadCursorError(RuleViolationError):
    code = "bad_cursor"
    title = "The cursor is not one of ours"


@dataclass(frozen=True, slots=True)
class PageRequest:
    """`limit` is 1..200 rows; `after` is the key of the last row seen, None for the first page."""

    limit: int = DEFAULT_PAGE_SIZE
    after: Key | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= MAX_PAGE_SIZE:
            raise RuleViolationError(f"limit: {self.limit} is not between 1 and {MAX_PAGE_SIZE}.")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """`next_cursor` is None on the last page."""

    items: Sequence[T]
    next_cursor: str | None

    @classmethod
    def of(cls, rows: Sequence[T], request: PageRequest, key: Callable[[T], Key]) -> "Page[T]":
        """From up to `limit + 1` rows: the extra one only tells that there is a next page."""
        items = rows[: request.limit]
        return cls(items, encode_cursor(key(items[-1])) if len(rows) > request.limit else None)


def encode_cursor(key: Key) -> str:
    return base64.urlsafe_b64encode(json.dumps(key, separators=(",", ":")).encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None, kinds: tuple[type, ...]) -> Key | None:
    """The key in `cursor`, whose parts must be of `kinds`. Raises BadCursorError."""
    if cursor is None:
        return None
    try:
        key = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        key = None
    if (
        not isinstance(key, list)
        or [type(part) for part in key] != list(kinds)
        or not all(map(_is_storable, key))
    ):
        raise BadCursorError(f"cursor: {cursor!r:.80} is not the `next_cursor` of a page of this list.")
    return tuple(key)


def _is_storable(part: str | int) -> bool:
    """A database takes it: text that UTF-8 can hold, integers of 64 bits."""
    if isinstance(part, int):
        return -(2**63) <= part < 2**63
    try:
        part.encode()
    except UnicodeEncodeError:
        return False
    return True
