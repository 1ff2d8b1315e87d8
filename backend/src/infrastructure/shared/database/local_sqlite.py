"""The local file: SQLAlchemy over the standard library's sqlite3, with transactions begun by us.

pysqlite's implicit BEGIN loses updates (28 of 200 in a read-modify-write test) and commits DDL halfway. Here a write
transaction is `BEGIN IMMEDIATE`, and isolation levels choose how a connection begins (`isolation.py`).
"""

import os
import sqlite3
import time
from enum import Enum
from pathlib import Path
from typing import Any, TextIO, cast

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.dialects import registry
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool, QueuePool

from src.application.shared.unit_of_work import WouldWaitError
from src.infrastructure.shared.database.engine_options import ENGINE_OPTIONS
from src.infrastructure.shared.database.isolation import BEGIN, ChosenIsolationDialect

try:
    import fcntl
except ImportError:  # Windows has no flock; SQLite's own locks remain
    fcntl = None  # type: ignore[assignment]

BUSY_TIMEOUT_MS = 10_000
CHECKPOINT_WAL_BYTES = 2 * 1024 * 1024
CHECKPOINT_COMMITS = 64  # of 26 KB for a version of a prompt: 1.7 MB
CUT_WAL_BYTES = 8 * 1024 * 1024


class _Connection(sqlite3.Connection):
    isolation: str = "SERIALIZABLE"
    guard: "WriteGuard | None" = None
    patient: bool = True


class WriteGuard:
    """Keeps the checkpoints and writes of different processes apart, for one connection.

    SQLite before 3.51.3 can lose commits when one connection checkpoints while another resets the write-ahead log.
    So nobody checkpoints automatically. A transaction that may write holds a shared lock on a file beside the database;
    after some commits, or one that made the log grow large, its connection checkpoints under the exclusive lock, or
    gives way. The log keeps its size and is written from its beginning again, which takes half the time of cutting it.
    """

    def __init__(self, database: Path) -> None:
        self._wal = database.with_name(database.name + "-wal")
        self._lock_path = database.with_name(database.name + "-lock")
        self._file: TextIO | None = None
        self._held = False
        self._commits = self._size_seen = 0  # since a checkpoint, and at it

    def enter(self, *, patient: bool) -> None:
        """Raises BlockingIOError instead of waiting for a checkpoint of another process when not `patient`."""
        if fcntl is not None:
            fcntl.flock(self._opened(), fcntl.LOCK_SH if patient else fcntl.LOCK_SH | fcntl.LOCK_NB)
        self._held = True

    def leave(self, connection: sqlite3.Connection, *, committed: bool) -> None:
        if not self._held:
            return
        self._held = False
        if fcntl is not None:
            fcntl.flock(self._opened(), fcntl.LOCK_UN)
        if committed and self._is_due():
            self._checkpoint(connection)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _is_due(self) -> bool:
        """SQLite does not tell how much of the log's file is in use: no more than before, while the file does not grow.

        Large commits let it grow a little with each checkpoint, until it is cut.
        """
        self._commits += 1
        large = max(CHECKPOINT_WAL_BYTES, self._size_seen + CHECKPOINT_WAL_BYTES // 2)
        return self._commits >= CHECKPOINT_COMMITS or self._wal_size() >= large

    def _checkpoint(self, connection: sqlite3.Connection) -> None:
        try:
            if fcntl is not None:
                fcntl.flock(self._opened(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return  # another process is writing; a later commit tries again
        try:
            # never wait for a reader: what it still needs stays in the log
            connection.execute("PRAGMA busy_timeout=0")
            mode = "PASSIVE" if self._wal_size() < CUT_WAL_BYTES else "TRUNCATE"
            connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchall()
            self._commits, self._size_seen = 0, self._wal_size()
        except sqlite3.OperationalError as exc:
            if exc.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise
            # a result of this connection is still open: the commit is done, a later one tries again
        finally:
            connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
            if fcntl is not None:
                fcntl.flock(self._opened(), fcntl.LOCK_UN)

    def _opened(self) -> TextIO:
        if self._file is None:
            self._file = self._lock_path.open("a")
        return self._file

    def _wal_size(self) -> int:
        try:
            return self._wal.stat().st_size
        except FileNotFoundError:
            return 0


class LocalSqliteDialect(ChosenIsolationDialect):
    driver = "local"
    supports_statement_cache = True

    def create_connect_args(self, url: URL) -> Any:
        args, options = super().create_connect_args(url)
        options.update(factory=_Connection, isolation_level=None, check_same_thread=False)
        return args, options

    def do_begin(self, dbapi_connection: Any) -> None:
        begin, guard = BEGIN[dbapi_connection.isolation], dbapi_connection.guard
        if begin is None:
            return
        if guard is not None:
            guard.enter(patient=dbapi_connection.patient)
        dbapi_connection.execute(begin)  # when it fails, the pool rolls back, and so leaves the guard

    def do_commit(self, dbapi_connection: Any) -> None:
        super().do_commit(dbapi_connection)  # type: ignore[no-untyped-call]
        if dbapi_connection.guard is not None:
            dbapi_connection.guard.leave(dbapi_connection, committed=True)

    def do_rollback(self, dbapi_connection: Any) -> None:
        super().do_rollback(dbapi_connection)  # type: ignore[no-untyped-call]
        if dbapi_connection.guard is not None:
            dbapi_connection.guard.leave(dbapi_connection, committed=False)

    def do_close(self, dbapi_connection: Any) -> None:
        super().do_close(dbapi_connection)  # type: ignore[no-untyped-call]
        if dbapi_connection.guard is not None:
            dbapi_connection.guard.close()


registry.register("sqlite.local", __name__, "LocalSqliteDialect")


class EngineRole(Enum):
    """What an engine's connections are for.

    WRITE has a single connection, whose users take turns (else eight writers fight for SQLite's lock: 700 ms at p99
    instead of 30). READ never waits. SESSION serves interactive
    sessions, which may sit on a transaction: each has a connection of its own and takes no write lock before it writes.
    """

    WRITE = "SERIALIZABLE"
    READ = "AUTOCOMMIT"
    SESSION = "SNAPSHOT"


def local_engine(database: Path, role: EngineRole, *, synchronous: str = "NORMAL") -> Engine:
    """An engine on the file `database`, whose folder must exist; the file is made when it is first used."""
    pools: dict[EngineRole, dict[str, Any]] = {
        EngineRole.WRITE: {"poolclass": QueuePool, "pool_size": 1, "max_overflow": 0, "pool_timeout": 30},
        EngineRole.READ: {"poolclass": QueuePool, "pool_size": 10, "max_overflow": 40, "pool_timeout": 30},
        EngineRole.SESSION: {"poolclass": NullPool},
    }
    engine = create_engine(
        URL.create("sqlite+local", database=str(database)),
        isolation_level=role.value,
        **ENGINE_OPTIONS,
        **pools[role],
    )

    @event.listens_for(engine, "connect")
    def configure(connection: _Connection, _record: object) -> None:
        connection.guard = None if role is EngineRole.READ else WriteGuard(database)
        try:
            _set_up(connection, synchronous)
        except sqlite3.Error:
            connection.close()  # the pool forgets a connection that it could not set up
            raise

    return engine


def _set_up(connection: sqlite3.Connection, synchronous: str) -> None:
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}").fetchall()
    _use_wal(connection)
    connection.execute(f"PRAGMA synchronous={synchronous}").fetchall()
    connection.execute("PRAGMA foreign_keys=ON").fetchall()
    connection.execute("PRAGMA wal_autocheckpoint=0").fetchall()


def _use_wal(connection: sqlite3.Connection) -> None:
    """Waits for others to let go of a new file, which SQLite itself does not when it changes the journal mode."""
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").fetchall()
            return
        except sqlite3.OperationalError as exc:
            if exc.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(0.01)


def begin_at_once(connection: Connection) -> None:
    """Begins a write transaction, or raises WouldWaitError when another process is writing or checkpointing."""
    raw = cast(_Connection, connection.connection.dbapi_connection)
    raw.patient = False
    raw.execute("PRAGMA busy_timeout=0")
    try:
        connection.begin()
    except BlockingIOError as exc:
        raise WouldWaitError from exc
    except OperationalError as exc:
        if "locked" in str(exc.orig):
            raise WouldWaitError from exc
        raise
    finally:
        raw.patient = True
        raw.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")


def sqlite_path(url: str, *, relative_to: Path) -> Path:
    """The file of a `sqlite:///…` URL; a relative one lies under `relative_to`. Raises ValueError for another URL."""
    prefix = "sqlite:///"
    if not url.startswith(prefix) or url in (prefix, f"{prefix}:memory:"):
        raise ValueError(
            f"{url!r} names no SQLite file; write sqlite:///./data/name.db or sqlite:////absolute/path.db"
        )
    return Path(os.path.normpath(relative_to / url[len(prefix) :]))
