"""Reading and copying SQLite files without changing them, and so that Ctrl-C ends it at once."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from src.operations.backup.errors import BackupDamagedError, BackupError
from src.operations.migrations.schema import row_counts

Progress = Callable[[str, float | None], None]
"""Called often, with what is being done and how much of it is done from 0 to 1, None where nobody knows."""

_BUSY_SECONDS = 10
# Of SQLite's machine, between two calls of the progress handler: a millisecond or so.
_STEPS = 10_000
_MOST_FINDINGS = 5


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in a sound file."""

    revision: str | None
    rows: Mapping[str, int]
    broken_references: int


def no_progress(_stage: str, _fraction: float | None) -> None:
    pass


def open_for_reading(path: Path) -> sqlite3.Connection:
    """A connection to a database that others may be using."""
    return sqlite3.connect(
        f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=_BUSY_SECONDS, isolation_level=None
    )


def open_at_rest(path: Path) -> sqlite3.Connection:
    """A connection to a file that nobody uses; no file is made beside it, and one that is there is not looked at."""
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True, isolation_level=None)


def copy_database(
    source: Path, target: Path, on_progress: Progress = no_progress
) -> Mapping[str, int] | None:
    """Writes the database as it is at one moment into `target`, an empty file; others may write meanwhile.

    Returns the rows per table in `source`, or None when it was written to in between. Raises BackupError.
    """
    with explained(source), closing(open_for_reading(source)) as connection:
        return copy_from(connection, target, on_progress)


def copy_from(
    connection: sqlite3.Connection, target: Path, on_progress: Progress = no_progress
) -> Mapping[str, int] | None:
    """As `copy_database`, over a connection that is in no transaction."""
    size = _size(connection)
    version = _one(connection, "PRAGMA data_version")
    rows = row_counts(connection)
    with watched(connection, lambda: on_progress("Copying", min(_grown(target) / size, 1) if size else None)):
        connection.execute("VACUUM INTO ?", (str(target),))
    is_unchanged = _one(connection, "PRAGMA data_version") == version
    forget_lock(target)
    return rows if is_unchanged else None


def forget_lock(path: Path) -> None:
    """Whoever migrates the original, nobody migrates this copy."""
    with closing(sqlite3.connect(path, isolation_level=None)) as copy:
        copy.execute("PRAGMA journal_mode=MEMORY")
        if copy.execute("SELECT 1 FROM sqlite_master WHERE name = '_migration_lock'").fetchone():
            copy.execute("DELETE FROM _migration_lock")


def examine(path: Path, on_progress: Progress = no_progress) -> Contents:
    """Checks pages, indexes and constraints of a copy of ours, and counts. Raises BackupDamagedError."""
    try:
        with (
            # not read-only: SQLite leaves out CHECK constraints there, without a word (seen in 3.40)
            closing(sqlite3.connect(path, isolation_level=None)) as connection,
            watched(connection, lambda: on_progress("Checking", None)),
        ):
            findings = connection.execute(f"PRAGMA integrity_check({_MOST_FINDINGS})").fetchall()
            if findings != [("ok",)]:
                said = "; ".join(str(finding[0]).strip() for finding in findings)
                raise BackupDamagedError(f"{path} is damaged: {said}.")
            broken = len(connection.execute("PRAGMA foreign_key_check").fetchall())
            return Contents(revision_of(connection), row_counts(connection), broken)
    except sqlite3.DatabaseError as exc:
        raise BackupDamagedError(f"{path} is damaged or no SQLite database ({exc}).") from exc


def size_of(path: Path) -> int:
    """The bytes that a copy of the database takes at most. Raises BackupError."""
    with explained(path), closing(open_for_reading(path)) as connection:
        return _size(connection)


def revision_of(connection: sqlite3.Connection) -> str | None:
    """Of the migrations; None for a database that has not been migrated."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
        return None
    found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if found is None else str(found[0])


@contextmanager
def watched(connection: sqlite3.Connection, step: Callable[[], None]) -> Iterator[None]:
    """Calls `step` while SQLite works. What it raises ends the work and comes out here; so does Ctrl-C."""
    raised: list[BaseException] = []

    def handle() -> int:
        try:
            step()
        except BaseException as exc:  # noqa: BLE001 - sqlite3 would swallow it; it is raised again below
            raised.append(exc)
        return len(raised)

    connection.set_progress_handler(handle, _STEPS)
    try:
        yield
    except sqlite3.OperationalError as exc:
        if raised:
            raise raised[0] from None
        if exc.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:  # Ctrl-C came before the first line of `handle`
            raise KeyboardInterrupt from None
        raise
    finally:
        connection.set_progress_handler(None, 0)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """What SQLite says about `path` becomes a BackupError with a way out."""
    try:
        yield
    except sqlite3.Error as exc:
        code = getattr(exc, "sqlite_errorcode", 0) & 0xFF
        way_out = {
            sqlite3.SQLITE_FULL: "Make room on the disk, or name a folder on another one.",
            sqlite3.SQLITE_IOERR: "The disk is full, has a limit, or has a fault.",
            sqlite3.SQLITE_CANTOPEN: "Check that it is there and who may use its folder.",
            sqlite3.SQLITE_BUSY: "Another process keeps it locked; repeat in a moment.",
            sqlite3.SQLITE_CORRUPT: "Restore a backup: autoforge db backup --list",
            sqlite3.SQLITE_NOTADB: "Name another file.",
        }.get(code, "Run: autoforge doctor")
        raise BackupError(f"{path} cannot be backed up ({exc}). {way_out}") from exc


def _size(connection: sqlite3.Connection) -> int:
    return _one(connection, "PRAGMA page_count") * _one(connection, "PRAGMA page_size")


def _one(connection: sqlite3.Connection, sql: str) -> int:
    return int(connection.execute(sql).fetchone()[0])


def _grown(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
