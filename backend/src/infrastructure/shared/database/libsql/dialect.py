"""The SQLAlchemy dialect for `libsql://`: SQLite's own, over our DB-API."""

from types import ModuleType
from typing import Any

from sqlalchemy import URL, Engine, Pool, QueuePool, event
from sqlalchemy.dialects import registry

from src.infrastructure.shared.database.isolation import BEGIN, ChosenIsolationDialect
from src.infrastructure.shared.database.libsql import dbapi
from src.infrastructure.shared.database.libsql.address import address_of
from src.infrastructure.shared.database.libsql.errors import StreamLost


class LibsqlDialect(ChosenIsolationDialect):
    """`name` stays "sqlite", since that is the SQL; connect_args are `auth_token` and `timeouts`."""

    driver = "libsql"
    supports_statement_cache = True

    @classmethod
    def import_dbapi(cls) -> Any:
        module: ModuleType = dbapi
        return module

    @classmethod
    def get_pool_class(cls, url: URL) -> type[Pool]:
        return QueuePool

    @classmethod
    def engine_created(cls, engine: Engine) -> None:
        event.listen(engine, "checkin", _end_sticky_stream)

    def create_connect_args(self, url: URL) -> Any:
        return [address_of(url).http_url], {}

    def on_connect(self) -> Any:
        """The functions that pysqlite defines would have to be in the process of the server."""
        return None

    def do_begin(self, dbapi_connection: Any) -> None:
        begin = BEGIN[dbapi_connection.isolation]
        if begin is not None:
            dbapi_connection.begin(begin)

    def do_ping(self, dbapi_connection: Any) -> bool:
        """Nothing between two transactions can break: a connection is opened when it is needed."""
        return True

    def is_disconnect(self, e: Any, connection: Any, cursor: Any) -> bool:
        return isinstance(e, StreamLost)


def _end_sticky_stream(dbapi_connection: dbapi.Connection | None, _record: object) -> None:
    """What a PRAGMA set is not for the next who gets the connection."""
    if dbapi_connection is not None and dbapi_connection.sticky:
        dbapi_connection.sticky = False


registry.register("libsql", __name__, "LibsqlDialect")
