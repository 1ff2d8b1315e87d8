"""One runner at a time moves the schema of a database.

There are two locks, since each sees what the other cannot. On a local file, a kernel lock on a file beside it: it ends
with its process, so whoever has it knows that no other runner of this machine lives. In every database, a lease: one
row, taken by one statement, timed by the clock of the database, so that the runners' clocks do not matter. The lease of
a runner that died is over after `LEASE_SECONDS`; where the kernel lock proves the death, at once.

What renews the lease, and why that cannot deadlock. Both backends have one writer at a time, and libSQL ends a
transaction that keeps another writer waiting for 5 s: a renewal from beside would kill the migration it protects.

- Outside of the migrations' transactions (backup, trial on a copy, checks, batches in autocommit) a thread renews the
  lease, over a connection of its own.
- While a transaction is open the thread keeps away (`Lease.quiet_beside`). The transaction renews the lease itself,
  with its first and its last statement. In between nobody can take it over, be it over or not: that needs the write
  lock.
- The first of these is also the fence. It finds no row of ours when the lease was lost (a machine that slept), and the
  migration ends before it changed anything.
- A runner that waits only reads, until the lease is over: reads neither wait for a transaction nor end it.
"""

import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from logging import getLogger
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import SQLAlchemyError

from src.core.file_lock import CAN_LOCK, exclusive
from src.domain.shared.errors import ConflictError, DomainError

LEASE_SECONDS = 30
_POLL_SECONDS = 0.5
_log = getLogger(__name__)

_NOW = "CAST(strftime('%s', 'now') AS INTEGER)"
_MAKE = text("""
CREATE TABLE IF NOT EXISTS _migration_lock (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    owner TEXT NOT NULL,
    what TEXT NOT NULL,
    acquired_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
)
""")
_IS_MADE = text("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = '_migration_lock'")
_READ = text(f"SELECT owner, what, acquired_at, expires_at <= {_NOW} FROM _migration_lock")  # noqa: S608 - a constant
_TAKE = text(f"""
INSERT INTO _migration_lock (id, owner, what, acquired_at, expires_at)
VALUES (1, :owner, :what, {_NOW}, {_NOW} + :seconds)
ON CONFLICT (id) DO UPDATE SET
    owner = excluded.owner, what = excluded.what,
    acquired_at = excluded.acquired_at, expires_at = excluded.expires_at
WHERE _migration_lock.expires_at <= {_NOW} OR _migration_lock.owner = :dead
RETURNING owner
""")  # noqa: S608 - a constant
_RENEW = text(f"UPDATE _migration_lock SET expires_at = {_NOW} + :seconds WHERE owner = :owner")  # noqa: S608
_RELEASE = text("DELETE FROM _migration_lock WHERE owner = :owner")


class MigrationLockHeldError(ConflictError):
    """Another runner is at work, and the caller did not want to wait for it."""

    code = "migration_lock_held"
    title = "Another runner is migrating the database"


class MigrationLockLostError(ConflictError):
    """The lease was over before its owner came back to renew it. Nothing was changed after that."""

    code = "migration_lock_lost"
    title = "The migration lock was lost"


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has the lock. `owner` is "host/pid/nonce"."""

    owner: str
    what: str
    acquired_at: datetime
    is_over: bool

    @property
    def host(self) -> str:
        return self.owner.split("/")[0]

    def __str__(self) -> str:
        host, pid, *_ = (*self.owner.split("/"), "?")
        return f"process {pid} on {host} since {self.acquired_at:%Y-%m-%d %H:%M:%S} UTC ({self.what})"


def find_holder(connection: Connection) -> Holder | None:
    if connection.scalar(_IS_MADE) is None:
        return None
    row = connection.execute(_READ).one_or_none()
    if row is None:
        return None
    return Holder(row[0], row[1], datetime.fromtimestamp(row[2], UTC), bool(row[3]))


class Lease:
    """The lock, while it is ours. `taken_over` is the dead runner that had it before."""

    def __init__(self, engine: Engine, owner: str, seconds: float, taken_over: Holder | None) -> None:
        self.taken_over = taken_over
        self._engine, self._owner, self._seconds = engine, owner, seconds
        self._writing = threading.Lock()
        self._done = threading.Event()

    def renew_in(self, connection: Connection) -> None:
        """Renews it inside the transaction of `connection`. Raises MigrationLockLostError when it is not ours."""
        found = connection.execute(_RENEW, {"owner": self._owner, "seconds": self._seconds})
        if found.rowcount != 1:
            raise MigrationLockLostError(
                f"The migration lock was not renewed for {self._seconds:g} s, and another runner may have it "
                f"now ({find_holder(connection) or 'nobody at this moment'}). This one stopped before the next "
                "change. See where the database stands: autoforge db status"
            )

    @contextmanager
    def quiet_beside(self, connection: Connection) -> Iterator[None]:
        """Keeps the thread from writing while `connection` has a transaction open."""
        held = False

        def begin(opened: Connection) -> None:
            nonlocal held
            if not held and opened.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
                held = self._writing.acquire()

        def end(_closed: Connection) -> None:
            nonlocal held
            if held:  # what is left is COMMIT itself, which a renewal may wait for
                held = False
                self._writing.release()

        listeners: tuple[tuple[str, Callable[[Connection], None]], ...]
        listeners = (("begin", begin), ("commit", end), ("rollback", end))
        for name, listener in listeners:
            event.listen(connection, name, listener)
        try:
            yield
        finally:
            for name, listener in listeners:
                event.remove(connection, name, listener)
            end(connection)

    @contextmanager
    def renewed(self) -> Iterator[None]:
        thread = threading.Thread(target=self._keep_renewing, name="migration-lock", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._done.set()
            thread.join()

    def release(self) -> None:
        try:
            with self._engine.begin() as connection:
                connection.execute(_RELEASE, {"owner": self._owner})
        except (
            SQLAlchemyError,
            DomainError,
        ) as exc:  # must not hide how the migration ended
            _log.warning("The migration lock could not be released: %s", type(exc).__name__)

    def _keep_renewing(self) -> None:
        while not self._done.wait(self._seconds / 3):
            with self._writing:
                if self._done.is_set():
                    return
                try:
                    with self._engine.begin() as connection:
                        self.renew_in(connection)
                except MigrationLockLostError as exc:
                    _log.warning("%s", exc)
                    return
                except (
                    SQLAlchemyError,
                    DomainError,
                ) as exc:  # the next turn may do better, and the fence decides
                    _log.warning("The migration lock could not be renewed: %s", type(exc).__name__)


class MigrationLock:
    """The lock of the database behind `engine`, which `file` names when it is a local one.

    `engine` needs a free connection whenever the lease is renewed by the thread; with `renewing=False` there is no
    thread, for an engine whose only connection the migrations use.
    """

    def __init__(
        self, engine: Engine, *, file: Path | None, seconds: float = LEASE_SECONDS, renewing: bool = True
    ) -> None:
        self._writes = engine.execution_options(isolation_level="SERIALIZABLE")
        self._reads = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._file, self._seconds, self._renewing = file, seconds, renewing

    @contextmanager
    def hold(self, what: str, *, when_held: Callable[[str], Any] = lambda _who: None) -> Iterator[Lease]:
        """Waits for the lock and has it for the block. `what` is told to those who wait meanwhile.

        `when_held` is called once when another runner has it, with words for that runner ("process 4711 on …"); what
        it raises ends the attempt, as `leave_when_held` does.
        """
        told = _Once(when_held)
        with self._alone_on_this_machine(told):
            lease = self._acquire(what, told)
            try:
                with lease.renewed() if self._renewing else nullcontext():
                    yield lease
            finally:
                lease.release()

    def holder(self) -> Holder | None:
        with self._reads.connect() as connection:
            return find_holder(connection)

    @contextmanager
    def _alone_on_this_machine(self, told: "_Once") -> Iterator[None]:
        if self._file is None:
            yield
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        path = self._file.with_name(self._file.name + "-migrate.lock")
        with exclusive(path, when_held=lambda: told(str(self.holder() or "another process"))):
            yield

    def _acquire(self, what: str, told: "_Once") -> Lease:
        owner = f"{_host()}/{os.getpid()}/{uuid.uuid4().hex[:8]}"
        while True:
            holder = self.holder()
            if holder is None or holder.is_over or self._is_proved_dead(holder):
                with self._writes.begin() as connection:
                    connection.execute(_MAKE)
                    before = find_holder(connection)
                    dead = before.owner if before is not None and self._is_proved_dead(before) else None
                    values = {"owner": owner, "what": what, "seconds": self._seconds, "dead": dead}
                    if connection.execute(_TAKE, values).first() is not None:
                        return Lease(self._writes, owner, self._seconds, before)
            else:
                told(str(holder))
                time.sleep(_POLL_SECONDS)

    def _is_proved_dead(self, holder: Holder) -> bool:
        """We have the kernel lock, so no runner of this machine can be alive; of another, it says nothing."""
        return CAN_LOCK and self._file is not None and holder.host == _host()


class _Once:
    def __init__(self, say: Callable[[str], Any]) -> None:
        self._say, self._said = say, False

    def __call__(self, who: str) -> None:
        if not self._said:
            self._said = True
            self._say(who)


def leave_when_held(who: str) -> None:
    """For `when_held`: does not wait."""
    raise MigrationLockHeldError(f"The database is being migrated by {who}. Nothing was changed.")


def _host() -> str:
    return socket.gethostname().replace("/", "-")
