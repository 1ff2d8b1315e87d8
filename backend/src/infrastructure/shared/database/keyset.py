"""Keyset paging over (created_at, id), newest first: what most lists use."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Select, tuple_

from src.application.shared.page import BadCursorError, Key, PageRequest

NEWEST_FIRST = (int, str)  # the parts of such a key: created_at in epoch milliseconds, id
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def newest_first(statement: Select[Any], created_at: Any, row_id: Any, page: PageRequest) -> Select[Any]:
    """`statement` narrowed to the page and one row more. The two columns end an index of the table."""
    if page.after is not None:
        milliseconds, last_id = page.after
        statement = statement.where(tuple_(created_at, row_id) < (_moment(int(milliseconds)), last_id))
    return statement.order_by(created_at.desc(), row_id.desc()).limit(page.limit + 1)


def newest_first_key(row: Any) -> Key:
    return ((row.created_at - _EPOCH) // timedelta(milliseconds=1), row.id)


def _moment(milliseconds: int) -> datetime:
    try:
        return _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError as exc:
        raise BadCursorError("cursor: it names no moment in time.") from exc
