"""The remote database: SQLAlchemy over a libSQL server, Turso's or one on this machine."""

from typing import Any

from pydantic import SecretStr
from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import NullPool, QueuePool

from src.infrastructure.shared.database.engine_options import ENGINE_OPTIONS
from src.infrastructure.shared.database.libsql import dialect  # noqa: F401  # registers libsql://
from src.infrastructure.shared.database.libsql.retry import ReadRetry
from src.infrastructure.shared.database.libsql.transport import Timeouts
from src.infrastructure.shared.database.local_sqlite import EngineRole

# The thread pool of the server has 40 threads: each can have a connection, and a few beside them.
_THREADS = {
    "poolclass": QueuePool,
    "pool_size": 40,
    "max_overflow": 10,
    "pool_timeout": 30,
    "pool_use_lifo": True,
}


def remote_engine(
    url: str, role: EngineRole, *, token: SecretStr | None, timeouts: Timeouts | None = None
) -> Engine:
    """An engine on the server of `url` (libsql://host), in the isolation of `role` as on the local file.

    Writers queue at the server, in its order. Nothing is asked before there is a statement.
    """
    pools: dict[EngineRole, dict[str, Any]] = {
        EngineRole.WRITE: _THREADS,
        EngineRole.READ: _THREADS,
        EngineRole.SESSION: {"poolclass": NullPool},
    }
    return create_engine(
        url,
        isolation_level=role.value,
        connect_args={
            "auth_token": token,
            "timeouts": timeouts,
            "read_retry": ReadRetry() if role is EngineRole.READ else None,
        },
        **ENGINE_OPTIONS,
        **pools[role],
    )
