"""Putting a backup in the place of a local database, which nobody may use meanwhile."""

import os
import shutil
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from src.operations.backup.errors import BackupDamagedError, RestoreError
from src.operations.backup.folder import BackupFolder, backup_name, make_private, require_room, sync
from src.operations.backup.record import Backup, Kind
from src.operations.backup.sole_owner import Owned, sole_owner
from src.operations.backup.sqlite_file import (
    Contents,
    Progress,
    copy_from,
    examine,
    no_progress,
    open_for_reading,
    revision_of,
)
from src.operations.backup.unpacking import Source, expected_bytes, unpack
from src.operations.migrations.schema import row_counts

_BESIDE = ("-wal", "-shm", "-journal")


@dataclass(frozen=True, slots=True)
class Restored:
    """`kept` is the database as it was before, None when there was none."""

    contents: Contents
    kept: Backup | None


def restore_file(
    source: Source,
    target: Path,
    folder: BackupFolder,
    *,
    known_revisions: Collection[str],
    dry_run: bool = False,
    on_progress: Progress = no_progress,
) -> Restored:
    """Checks the backup, keeps the present database as a backup, swaps, and checks again.

    Killed at any moment, it leaves either the one database or the other. When it raises RestoreError or BackupError
    before the swap, and with `dry_run`, the database is as it was.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with sole_owner(target) as owned, _new_file(target, source) as new:
        contents = unpack(source, new, known_revisions, on_progress)
        if dry_run:
            return Restored(contents, None)
        reason = f"before the restore of {source.path.name}"
        kept = _keep(owned, target, folder, reason, on_progress) if owned else None
        _swap(new, target.resolve())
        _verify(target, contents, kept)
    return Restored(contents, kept)


@contextmanager
def _new_file(target: Path, source: Source) -> Iterator[Path]:
    """An empty file on the disk of `target`, which the swap takes; whoever has the database alone may make it."""
    place = target.resolve()
    require_room(place.parent, expected_bytes(source))
    new = place.with_name(place.name + ".restoring")
    _remove(new)  # of a restore that was killed
    make_private(new)
    try:
        yield new
    finally:
        _remove(new)


def _keep(owned: Owned, target: Path, folder: BackupFolder, reason: str, on_progress: Progress) -> Backup:
    """The present database as a backup: checked when it is sound, byte by byte when it is not."""
    now = datetime.now(UTC)
    name = backup_name(target.stem, now, "replaced", ".db")
    with folder.partial(name, expected_bytes=target.stat().st_size) as partial:
        contents = _copied(owned.connection, partial.path, on_progress)
        if contents is None:
            reason = f"{reason}; it was damaged"
            _copy_bytes(owned.file, partial.path)
        return partial.publish(
            lambda size, digest: Backup(
                name=name,
                kind=Kind.FILE,
                folder=folder.path,
                made_at=now,
                url=f"sqlite:///{target}",
                revision=contents.revision if contents else None,
                rows=contents.rows if contents else {},
                bytes=size,
                sha256=digest,
                reason=reason,
                broken_references=contents.broken_references if contents else 0,
            )
        )


def _copied(connection: sqlite3.Connection | None, into: Path, on_progress: Progress) -> Contents | None:
    """None for a database that is damaged."""
    if connection is None:
        return None
    try:
        copy_from(connection, into, on_progress)
        return examine(into, on_progress)
    except BackupDamagedError:
        return None
    except sqlite3.DatabaseError as exc:
        if exc.sqlite_errorcode & 0xFF == sqlite3.SQLITE_CORRUPT:
            return None
        raise RestoreError(f"The present database cannot be kept ({exc}), so it was not replaced.") from exc


def _copy_bytes(source: BinaryIO, into: Path) -> None:
    source.seek(0)
    descriptor = os.open(into, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as copy:
        shutil.copyfileobj(source, copy)


def _swap(new: Path, place: Path) -> None:
    """The one step that counts is a rename, which happens or does not."""
    if place.exists():
        before = place.stat()
        new.chmod(before.st_mode & 0o777)
        if hasattr(os, "chown") and (before.st_uid, before.st_gid) != (os.getuid(), os.getgid()):
            os.chown(new, before.st_uid, before.st_gid)  # else the server could not open what root restored
    sync(new)
    for suffix in _BESIDE:  # SQLite would apply a log that it finds, whichever database it was of
        _remove(place.with_name(place.name + suffix))
    new.replace(place)
    sync(place.parent)


def _verify(target: Path, contents: Contents, kept: Backup | None) -> None:
    with closing(open_for_reading(target)) as connection:
        found = (revision_of(connection), row_counts(connection))
    if found != (contents.revision, contents.rows):
        remedy = f" What was there before is in {kept.path}." if kept else ""
        raise RestoreError(f"{target} does not read back as it was written. Check the disk.{remedy}")


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
