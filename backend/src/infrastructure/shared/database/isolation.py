"""How a connection begins its transactions, by SQLAlchemy's names of isolation levels; the same on every database.

SERIALIZABLE  BEGIN IMMEDIATE, the write lock at once
SNAPSHOT      BEGIN DEFERRED, a consistent read that may still write
AUTOCOMMIT    no transaction, each statement sees the newest commit
"""

from typing import Any, Protocol, cast

from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

BEGIN = {"SERIALIZABLE": "BEGIN IMMEDIATE", "SNAPSHOT": "BEGIN DEFERRED", "AUTOCOMMIT": None}


class _ChoosesIsolation(Protocol):
    isolation: str


class ChosenIsolationDialect(SQLiteDialect_pysqlite):
    """Keeps the level as `isolation` of its connections, without asking a database."""

    supports_statement_cache = True

    def get_isolation_level_values(self, dbapi_connection: Any) -> Any:
        return list(BEGIN)

    def get_default_isolation_level(self, dbapi_connection: Any) -> Any:
        return "SERIALIZABLE"

    def get_isolation_level(self, dbapi_connection: Any) -> Any:
        return cast(_ChoosesIsolation, dbapi_connection).isolation

    def set_isolation_level(self, dbapi_connection: Any, level: str | None) -> None:
        cast(_ChoosesIsolation, dbapi_connection).isolation = level or "SERIALIZABLE"

    def reset_isolation_level(self, dbapi_conn: Any) -> None:
        self.set_isolation_level(dbapi_conn, self._on_connect_isolation_level)

    def detect_autocommit_setting(self, dbapi_conn: Any) -> bool:
        return cast(_ChoosesIsolation, dbapi_conn).isolation == "AUTOCOMMIT"
