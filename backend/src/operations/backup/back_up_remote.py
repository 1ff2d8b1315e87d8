"""Backups of a remote database: a dump, or a branch where the Platform API can make one."""

import gzip
import io
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from pydantic import SecretStr
from sqlalchemy import text

from src.operations.backup.dump import DumpWriter, load_dump
from src.operations.backup.errors import BackupDamagedError, BackupError
from src.operations.backup.folder import BackupFolder, backup_name
from src.operations.backup.pouring import Sums, differing_tables, pour
from src.operations.backup.record import Backup, Kind
from src.operations.backup.remote import Remote, engine_on
from src.operations.backup.remote_snapshot import RemoteContents, RemoteSnapshot
from src.operations.backup.sqlite_file import Contents, Progress, examine, no_progress
from src.operations.migrations.schema import row_counts

_MOST_OF_A_NAME = 38


class Branch(Protocol):
    """A copy of the database beside it; `timestamp` is a moment just before, to which one can go back (RFC 3339)."""

    @property
    def name(self) -> str: ...
    @property
    def url(self) -> str: ...
    @property
    def created_at(self) -> datetime: ...
    @property
    def timestamp(self) -> str: ...


class BranchMaker(Protocol):
    """Branches of one database."""

    def branch(self, name: str) -> Branch: ...
    def token(self, name: str) -> SecretStr: ...
    def remove(self, name: str) -> None: ...


def back_up_to_dump(
    remote: Remote,
    folder: BackupFolder,
    *,
    compressed: bool = True,
    reason: str | None = None,
    on_progress: Progress = no_progress,
) -> Backup:
    """The database at one moment as SQL text, proved by loading it and comparing every row.

    Raises BackupError and RemoteUnavailableError.
    """
    now = datetime.now(UTC)
    with RemoteSnapshot(remote.url, remote.token) as snapshot:
        contents = snapshot.contents()
        suffix = ".sql.gz" if compressed else ".sql"
        name = backup_name(remote.label, now, contents.revision, suffix)
        # the dump, and the database that it is loaded into to prove it
        with folder.partial(name, expected_bytes=2 * contents.bytes) as partial:
            sums = _write(snapshot, contents, partial.path, compressed=compressed, on_progress=on_progress)
            with partial.beside("-check") as loaded:
                found = _proved(partial.path, compressed, loaded, contents, sums, remote.url, on_progress)
            return partial.publish(
                lambda size, digest: Backup(
                    name=name,
                    kind=Kind.DUMP,
                    folder=folder.path,
                    made_at=now,
                    url=remote.url,
                    revision=found.revision,
                    rows=found.rows,
                    bytes=size,
                    sha256=digest,
                    reason=reason,
                    broken_references=found.broken_references,
                )
            )


def back_up_to_branch(
    remote: Remote, source: str, branches: BranchMaker, folder: BackupFolder, *, reason: str | None = None
) -> Backup:
    """A branch of `source`, as `remote` is called at Turso, opened and counted once; its record goes into `folder`.

    Raises BackupError and RemoteUnavailableError; a branch that does not answer is removed.
    """
    now = datetime.now(UTC)
    name = f"{source[:_MOST_OF_A_NAME]}-backup-{now:%Y%m%dt%H%M%Sz}".lower()
    made = branches.branch(name)
    try:
        with engine_on(Remote(made.url, branches.token(made.name))) as engine, engine.connect() as connection:
            rows = row_counts(connection)
            is_migrated = connection.scalar(
                text("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'")
            )
            revision = (
                connection.scalar(text("SELECT version_num FROM alembic_version")) if is_migrated else None
            )
    except BaseException:
        with suppress(Exception):
            branches.remove(made.name)
        raise
    return folder.add(
        Backup(
            name=made.name,
            kind=Kind.BRANCH,
            folder=folder.path,
            made_at=now,
            url=remote.url,
            revision=revision,
            rows=rows,
            reason=reason,
            branch_url=made.url,
            point_in_time=made.timestamp,
        )
    )


def _write(
    snapshot: RemoteSnapshot, contents: RemoteContents, path: Path, *, compressed: bool, on_progress: Progress
) -> Sums:
    try:
        with path.open("r+b") as raw:
            file = gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) if compressed else raw
            with io.TextIOWrapper(file, encoding="utf-8", newline="") as text_file:
                sums = pour(snapshot, contents, DumpWriter(text_file), on_progress)
    except OSError as exc:
        raise BackupError(f"{path.parent} cannot be written ({exc.strerror or exc}).") from exc
    return sums


def _proved(
    dump: Path,
    compressed: bool,
    into: Path,
    contents: RemoteContents,
    sums: Sums,
    url: str,
    on_progress: Progress,
) -> Contents:
    """What is in the database that the dump makes, which is exactly what was read."""
    try:
        load_dump(dump, into, on_progress, compressed=compressed)
        found = examine(into, on_progress)
    except BackupDamagedError as exc:
        raise BackupError(f"The dump of {url} does not load: {exc}") from exc
    if unlike := differing_tables(into, contents.stored, sums):
        raise BackupError(f"The dump of {url} has other rows in {unlike}. Check the disk.")
    return found
