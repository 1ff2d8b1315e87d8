"""Having a local database to oneself: no other process reads or writes it meanwhile."""

import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from src.core.file_lock import exclusive
from src.operations.backup.errors import DatabaseInUseError

try:
    import fcntl
except ImportError:  # Windows: a file that another process has open cannot be replaced there
    fcntl = None  # type: ignore[assignment]

# Where SQLite locks a file, whatever is in it: sqlite.org/src/file/src/os.h, "The following values may be passed".
_PENDING_BYTE, _LOCKED_BYTES = 0x40000000, 512
_NO_DATABASE = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)


@dataclass(frozen=True, slots=True)
class Owned:
    """`connection` has put the write-ahead log into the file; None when there is no sound database in it.

    Nobody may open and close the file besides: on POSIX that drops every lock of this process on it.
    """

    file: BinaryIO
    connection: sqlite3.Connection | None


@contextmanager
def sole_owner(path: Path) -> Iterator[Owned | None]:
    """Keeps all others out of the database, or out of making it: None when there is none.

    Raises DatabaseInUseError at once when a process has it open, is writing to it or is migrating it.
    """
    with ExitStack() as held:
        for suffix in ("-migrate.lock", "-lock"):
            lock = path.with_name(path.name + suffix)
            held.enter_context(exclusive(lock, when_held=lambda: _refuse(path)))
        if not path.exists():
            yield None
            return
        file = held.enter_context(path.open("r+b"))
        connection = held.enter_context(
            closing(sqlite3.connect(path.resolve(), timeout=0, isolation_level=None))
        )
        held.callback(_spoil_if_replaced, file)
        try:
            _lock(connection)
        except sqlite3.DatabaseError as exc:
            code = exc.sqlite_errorcode & 0xFF
            if code == sqlite3.SQLITE_BUSY:
                _refuse(path)
            if code not in _NO_DATABASE:
                raise
            connection.close()
            _lock_bytes(file, path)
            yield Owned(file, None)
        else:
            yield Owned(file, connection)


def _lock(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA locking_mode=EXCLUSIVE")
    connection.execute("PRAGMA journal_mode=DELETE")  # refused while another connection uses the log
    connection.execute("BEGIN EXCLUSIVE")
    connection.execute("COMMIT")  # the lock stays until the connection is closed
    connection.execute("PRAGMA journal_mode=MEMORY")


def _lock_bytes(file: BinaryIO, path: Path) -> None:
    if fcntl is not None:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, _LOCKED_BYTES, _PENDING_BYTE)
        except OSError:
            _refuse(path)


def _spoil_if_replaced(file: BinaryIO) -> None:
    """A process that opened the file while it was being replaced waits for our lock on it.

    What it would then write could never be found again. Without its first bytes the file is no database, and that
    process learns of it.
    """
    if os.fstat(file.fileno()).st_nlink == 0:
        file.seek(0)
        file.write(bytes(100))
        file.flush()


def _refuse(path: Path) -> None:
    who = holders(path)
    named = f" by {', '.join(who)}" if who else ""
    raise DatabaseInUseError(
        f"{path} is in use{named}. Stop what uses it (autoforge up, an open shell, another command) and repeat."
    )


def holders(path: Path) -> list[str]:
    """Processes that have the database open, as "process 4711 (python3)", where the system tells."""
    if not sys.platform.startswith("linux"):
        return []
    files = {str(path.resolve()), str(path.resolve()) + "-wal"}
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        if int(process.name) == os.getpid():
            continue
        try:
            if any(str(descriptor.readlink()) in files for descriptor in (process / "fd").iterdir()):
                name = (process / "comm").read_text("utf-8", "replace").strip()
                found.append(f"process {process.name} ({name})")
        except OSError:
            continue  # it ended, or is somebody else's
    return sorted(found)
