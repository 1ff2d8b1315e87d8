"""Making a plain database file out of a backup of any kind, and proving that it is what was backed up."""

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from src.operations.backup.dump import load_dump
from src.operations.backup.errors import BackupDamagedError, BackupError, BackupNotFoundError, RestoreError
from src.operations.backup.folder import BackupFolder, digest_of
from src.operations.backup.record import Backup, Kind
from src.operations.backup.sqlite_file import (
    Contents,
    Progress,
    copy_database,
    examine,
    forget_lock,
    no_progress,
)

# How much smaller compressed text usually is.
_USUAL_RATIO = 4
_DUMPS = (".sql", ".sql.gz")


@dataclass(frozen=True, slots=True)
class Source:
    """What to restore: a file, and its record when there is one."""

    path: Path
    record: Backup | None

    @property
    def is_dump(self) -> bool:
        return self.path.name.endswith(_DUMPS)


def find_source(name: str, folder: BackupFolder) -> Source:
    """A backup of `folder` by its name, or any file by its path. Raises BackupNotFoundError."""
    path = Path(name)
    if os.sep in name or path.is_file():
        if not path.is_file():
            raise BackupNotFoundError(f"There is no file {path}.")
        return Source(path, BackupFolder(path.parent).record_of(path.name))
    backup = folder.find(name)
    if backup.kind is Kind.BRANCH:
        raise RestoreError(
            f"{name} is a branch at Turso ({backup.branch_url}), which needs no restoring: point the application "
            "at it, or go back in time with: autoforge turso restore"
        )
    if not backup.is_there:
        raise BackupNotFoundError(f"{backup.path} is gone; only its record is left.")
    return Source(backup.path, backup)


def expected_bytes(source: Source) -> int:
    """About what the database will take that `unpack` makes."""
    size = source.path.stat().st_size
    return size * _USUAL_RATIO if source.path.suffix == ".gz" else size


def unpack(
    source: Source, into: Path, known_revisions: Collection[str], on_progress: Progress = no_progress
) -> Contents:
    """Fills the empty file `into`, whose contents may then be used. Raises BackupDamagedError or RestoreError."""
    _fill(source, into, on_progress)
    forget_lock(into)
    contents = examine(into, on_progress)
    record = source.record
    if record is None:
        _compare("number of rows that refer to nothing", source, 0, contents.broken_references)
    else:
        _compare("number of rows", source, dict(record.rows), dict(contents.rows))
        _compare("revision", source, record.revision, contents.revision)
        _compare(
            "number of rows that refer to nothing",
            source,
            record.broken_references,
            contents.broken_references,
        )
    if contents.revision is None and contents.rows:
        raise RestoreError(f"{source.path} is no database of ours: no migration was ever applied to it.")
    if contents.revision is not None and contents.revision not in known_revisions:
        raise RestoreError(
            f"{source.path} is at revision {contents.revision!r}, which this version does not know. "
            "A newer version made it: update the software."
        )
    return contents


def _fill(source: Source, into: Path, on_progress: Progress) -> None:
    record = source.record
    if source.is_dump:
        if record is not None:
            _compare_bytes(source, record, digest_of(source.path))
        load_dump(source.path, into, on_progress)
    elif record is not None:
        with into.open("wb") as copy:  # what is checked and what is used are the same bytes
            _compare_bytes(source, record, digest_of(source.path, copy.write))
    else:
        try:
            copy_database(source.path, into, on_progress)  # it may have a write-ahead log beside it
        except BackupError as exc:
            raise BackupDamagedError(f"{source.path} cannot be restored ({exc.__cause__}).") from exc


def _compare_bytes(source: Source, record: Backup, found: tuple[str, int]) -> None:
    digest, size = found
    _compare("size in bytes", source, record.bytes, size)
    _compare("SHA-256", source, record.sha256, digest)


def _compare(what: str, source: Source, expected: object, found: object) -> None:
    if expected != found:
        raise BackupDamagedError(
            f"{source.path} has another {what} than it should have ({found}, not {expected}). "
            "It was changed or damaged since it was made: take another backup."
        )
