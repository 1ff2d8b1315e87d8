"""Keyset paging over (created_at, id), newest first: what most lists use."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Select, bindparam, tuple_

from src.application.shared.page import BadCursorError, Key, PageRequest

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def newest_first(statement: Select[Any], columns: Any, *, after: bool) -> Select[Any]:
    """`statement` narrowed to a page and one row more; `after`: it is not the first page.

    `columns` has `created_at` and `id`, which end an index of the table. Execute it with `keyset_values`.
    """
    created_at, row_id = columns.created_at, columns.id
    if after:
        key = tuple_(
            bindparam("after_created_at", type_=created_at.type), bindparam("after_id", type_=row_id.type)
        )
        statement = statement.where(tuple_(created_at, row_id) < key)
    return statement.order_by(created_at.desc(), row_id.desc()).limit(bindparam("rows"))


def keyset_values(page: PageRequest) -> dict[str, Any]:
    values: dict[str, Any] = {"rows": page.limit + 1}
    if page.after is not None:
        milliseconds, values["after_id"] = page.after
        values["after_created_at"] = _moment(int(milliseconds))
    return values


def newest_first_key(row: Any) -> Key:
    """created_at in milliseconds since 1970, and the id."""
    return ((row.created_at - _EPOCH) // timedelta(milliseconds=1), row.id)


def _moment(milliseconds: int) -> datetime:
    try:
        return _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError as exc:
        raise BadCursorError("cursor: it names no moment in time.") from exc
