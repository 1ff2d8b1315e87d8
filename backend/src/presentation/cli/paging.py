"""Lists of any length out of keyset pages."""

from collections.abc import Callable, Iterator
from typing import TypeVar

from src.application.shared.page import MAX_PAGE_SIZE, Page, PageRequest, decode_cursor

T = TypeVar("T")
NEWEST_FIRST = (int, str)


def every(
    page_of: Callable[[PageRequest], Page[T]],
    kinds: tuple[type, ...] = NEWEST_FIRST,
    *,
    limit: int | None = None,
) -> Iterator[T]:
    """Up to `limit` rows, page after page; `kinds` are the types of the list's key."""
    request = PageRequest(min(limit or MAX_PAGE_SIZE, MAX_PAGE_SIZE))
    left = limit
    while True:
        page = page_of(request)
        for row in page.items:
            yield row
            if left is not None and (left := left - 1) == 0:
                return
        if page.next_cursor is None:
            return
        request = PageRequest(request.limit, decode_cursor(page.next_cursor, kinds))
