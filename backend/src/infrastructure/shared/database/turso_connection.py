"""The database of this environment: which one it is, and how sessions on it are opened."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import Lock
from urllib.parse import urlsplit

from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session, sessionmaker

from src.application.shared.unit_of_work import WouldWaitError
from src.core.config.settings.base import BACKEND_DIR, Settings, get_settings
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
        self._url = settings.connection_url
        self._synchronous = settings.sqlite_synchronous
        self._engines: dict[EngineRole, Engine] = {}
        self._making = Lock()
        self._turns = FairLock(timeout_seconds=30)

    def get_connection_url(self) -> str:
        """The URL, fit for SQLAlchemy and for people: it never holds a token."""
        if self.is_local:
            return f"sqlite:///{self.path}"
        return self._url

    @property
    def is_local(self) -> bool:
        return urlsplit(self._url).scheme == "sqlite"

    @property
    def path(self) -> Path:
        """The local file. Raises ValueError for a remote database."""
        return sqlite_path(self._url, relative_to=BACKEND_DIR)

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

    def _make_engine(self, role: EngineRole) -> Engine:
        if not self.is_local:
            raise NotImplementedError(
                f"The remote database {self._url} cannot be opened by this version; set DATABASE_URL to a SQLite file."
            )
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return local_engine(self.path, role, synchronous=self._synchronous)


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
