"""The database of this environment: which one it is, and how sessions on it are opened."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache, cached_property
from pathlib import Path
from threading import Lock

from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session, sessionmaker

from src.application.shared.unit_of_work import WouldWaitError
from src.core.config.settings.base import BACKEND_DIR, Settings, SettingsError, get_settings
from src.core.config.settings.database_access import DatabaseAccess, database_access
from src.infrastructure.shared.database.errors import translate_errors
from src.infrastructure.shared.database.fair_lock import FairLock
from src.infrastructure.shared.database.local_sqlite import (
    EngineRole,
    begin_at_once,
    local_engine,
    sqlite_path,
)


class TursoConnection:
    """Engines and session factories of one database.

    A read session sees the newest commit at each statement and never waits for a writer. A write session is one
    `BEGIN IMMEDIATE` transaction: writers queue, so that none works on what another is changing.
    """

    def __init__(self, settings: Settings) -> None:
        """Nothing is asked of `settings` yet: commands that need no database work without one."""
        self._settings = settings
        self._engines: dict[EngineRole, Engine] = {}
        self._making = Lock()
        self._turns = FairLock(timeout_seconds=30)

    def get_connection_url(self) -> str:
        """The URL, fit for SQLAlchemy and for people: it never holds a token. Raises SettingsError."""
        if self.is_local:
            return f"sqlite:///{self.path}"
        from src.infrastructure.shared.database.libsql.address import libsql_url

        try:
            return libsql_url(self._access.address)
        except ValueError as exc:
            raise SettingsError(f"The database cannot be used.\n  TURSO_DATABASE_URL: {exc}") from None

    @property
    def is_local(self) -> bool:
        """Whether it is a file of this machine. Raises SettingsError."""
        return self._access.is_file

    @property
    def path(self) -> Path:
        """The local file. Raises ValueError for a remote database."""
        return sqlite_path(self._access.address, relative_to=BACKEND_DIR)

    def engine(self, role: EngineRole) -> Engine:
        """The engine for `role`, made when it is first asked for."""
        with self._making:  # two write engines would be two write queues
            if role not in self._engines:
                self._engines[role] = self._make_engine(role)
            return self._engines[role]

    def read_sessions(self) -> sessionmaker[Session]:
        return sessionmaker(self.engine(EngineRole.READ), expire_on_commit=False, autoflush=False)

    @contextmanager
    def write_transaction(self, *, patient: bool = True) -> Iterator[Connection]:
        """A write transaction; what is not committed is rolled back. On a local file, writers take turns in order.

        Raises TimeoutError when the writers before take longer than 30 s; with `patient=False` WouldWaitError when
        there is any, in this process or another.
        """
        with self._turn(patient=patient), self.engine(EngineRole.WRITE).connect() as connection:
            if patient:
                connection.begin()
            else:
                begin_at_once(connection)
            yield connection

    @contextmanager
    def write_session(self) -> Iterator[Session]:
        """A session on a write transaction of its own."""
        with self.write_transaction() as connection, session_on(connection) as session:
            yield session

    def sessions(self) -> sessionmaker[Session]:
        """Plain sessions for a shell or a script: reads do not lock, writes do when they come."""
        return sessionmaker(self.engine(EngineRole.SESSION))

    def dispose(self) -> None:
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()

    @contextmanager
    def _turn(self, *, patient: bool) -> Iterator[None]:
        if not self.is_local:
            yield
        elif patient:
            with self._turns:
                yield
        elif self._turns.try_enter():
            try:
                yield
            finally:
                self._turns.__exit__()
        else:
            raise WouldWaitError

    @cached_property
    def _access(self) -> DatabaseAccess:
        return database_access(self._settings, now=datetime.now(UTC))

    def _make_engine(self, role: EngineRole) -> Engine:
        if self.is_local:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            engine = local_engine(self.path, role, synchronous=self._settings.sqlite_synchronous)
        else:
            from src.infrastructure.shared.database.remote_libsql import remote_engine

            engine = remote_engine(self.get_connection_url(), role, token=self._access.token)
        translate_errors(engine)
        return engine


def session_on(connection: Connection) -> Session:
    """An ORM session inside the transaction of `connection`, which either of the two may commit."""
    return Session(connection, expire_on_commit=False, autoflush=False, join_transaction_mode="control_fully")


@cache
def get_turso_connection() -> TursoConnection:
    """The connection of this environment, for scripts, the REPL and Alembic; the application is handed its own."""
    return TursoConnection(get_settings())


def get_db_session() -> Iterator[Session]:
    """Yields a session. It stays usable when the generator is dropped, as in `next(get_db_session())`."""
    session = get_turso_connection().sessions()()
    try:
        yield session
    finally:
        session.close()
