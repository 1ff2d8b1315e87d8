"""What every table has in common: constraint names, times, soft deletion."""

from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache

from sqlalchemy import CheckConstraint, DateTime, Dialect, MetaData, String, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from src.domain.shared.ids import new_id

# `strftime` gives milliseconds, where CURRENT_TIMESTAMP stops at the second. SQLAlchemy reads this form back.
UTC_NOW_SQL = text("(strftime('%Y-%m-%d %H:%M:%f000', 'now'))")


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time with millisecond precision. SQLite stores it without a zone, so a naive one is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], str | None]:
        """Writes the text that SQLAlchemy's DateTime would, faster: the rows of a batch share their times."""
        return _utc_as_text

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[str | None], datetime | None]:
        """Reads the stored text itself: five times as fast as SQLAlchemy's DateTime, and lists are full of times."""
        return _utc_from_text


@lru_cache(maxsize=64)
def _utc_as_text(value: datetime | None) -> str | None:
    if value is None:
        return None
    if value.tzinfo is None:
        raise ValueError(f"{value!r} has no time zone; times are UTC and aware")
    return value.astimezone(UTC).isoformat(" ", "milliseconds").replace("+00:00", "000")


def _utc_from_text(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(f"{value}+00:00")


def utc_now() -> datetime:
    """Now, aware, cut to milliseconds, so that it reads back from the database as it was."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class IdMixin:
    """A UUID as text, made by us: a thousand rows can then go in one statement."""

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id, comment="ID")


class TimestampMixin:
    created_at: Mapped[datetime] = mapped_column(
        UtcDateTime, default=utc_now, server_default=UTC_NOW_SQL, comment="作成日時"
    )
    updated_at: Mapped[datetime] = mapped_column(
        UtcDateTime, default=utc_now, onupdate=utc_now, server_default=UTC_NOW_SQL, comment="更新日時"
    )


class SoftDeleteMixin:
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="削除日時")

    @property
    def is_deleted(self) -> bool:
        return self.deleted_at is not None


class WorkspaceMixin:
    """Every root row belongs to a workspace, and every query names it."""

    workspace_id: Mapped[str] = mapped_column(
        String(255), default="local", server_default="local", comment="ワークスペースID"
    )


def one_of(column: str, values: type[StrEnum], name: str | None = None) -> CheckConstraint:
    listed = ", ".join(f"'{value.value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=name or column)
