"""Backups of a local database: a copy of its file."""

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from src.operations.backup.errors import BackupDamagedError, BackupError
from src.operations.backup.folder import BackupFolder, backup_name
from src.operations.backup.record import Backup, Kind
from src.operations.backup.sqlite_file import (
    Progress,
    copy_database,
    examine,
    explained,
    no_progress,
    open_for_reading,
    revision_of,
    size_of,
)


def back_up_file(
    path: Path, folder: BackupFolder, *, reason: str | None = None, on_progress: Progress = no_progress
) -> Backup:
    """A copy of a local database, checked page by page and counted against it. Raises BackupError."""
    if not path.exists():
        raise BackupError(f"There is no database at {path}.")
    with explained(path), closing(open_for_reading(path)) as connection:
        revision = revision_of(connection)
    now = datetime.now(UTC)
    name = backup_name(path.stem, now, revision, ".db")
    with folder.partial(name, expected_bytes=size_of(path)) as partial:
        counted = copy_database(path, partial.path, on_progress)
        try:
            contents = examine(partial.path, on_progress)
        except BackupDamagedError as exc:
            raise BackupError(f"{path} cannot be backed up: {exc} So is the database itself.") from exc
        if counted is not None and counted != contents.rows:
            raise BackupError(f"The copy of {path} has other rows than the database. Check the disk.")
        return partial.publish(
            lambda size, digest: Backup(
                name=name,
                kind=Kind.FILE,
                folder=folder.path,
                made_at=now,
                url=f"sqlite:///{path}",
                revision=contents.revision,
                rows=contents.rows,
                bytes=size,
                sha256=digest,
                reason=reason,
                broken_references=contents.broken_references,
            )
        )
