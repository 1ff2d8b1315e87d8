"""The backups of one database, whatever it is: made, listed, put back."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from src.core.config.settings import base
from src.operations.backup.errors import BackupError
from src.operations.backup.folder import BackupFolder
from src.operations.backup.record import Backup
from src.operations.backup.sqlite_file import Progress, no_progress
from src.operations.backup.unpacking import find_source
from src.operations.migrations.target import Database

if TYPE_CHECKING:
    from src.operations.backup.back_up_remote import BranchMaker
    from src.operations.backup.remote import Remote
    from src.operations.backup.restore_file import Restored
    from src.operations.backup.restore_remote import RestoredAnew


@dataclass(frozen=True, slots=True)
class Branching:
    """`maker` makes branches of `source`, as the database is called at Turso."""

    source: str
    maker: "BranchMaker"


class Backups:
    """`known_revisions` are those of this version; `branching` answers None where no branches can be made."""

    def __init__(
        self,
        database: Database,
        *,
        remote: "Remote | None",
        known_revisions: Callable[[], Collection[str]],
        branching: Callable[[], Branching | None] = lambda: None,
    ) -> None:
        self._database, self._remote = database, remote
        self._known_revisions, self._branching = known_revisions, branching

    def folder(self, path: Path | None = None) -> BackupFolder:
        """`path`, by default `backups` beside a local database, `backend/data/backups` for a remote one."""
        beside = self._database.path.parent if self._database.is_local else base.BACKEND_DIR / "data"
        return BackupFolder(path or beside / "backups")

    def back_up(
        self,
        *,
        folder: Path | None = None,
        reason: str | None = None,
        dump: bool = False,
        compressed: bool = True,
        on_progress: Progress = no_progress,
    ) -> Backup:
        """A local database is copied; of a remote one a branch is made where that can be done, else a dump.

        `dump` asks for a dump in any case. Raises BackupError and UnavailableError.
        """
        place = self.folder(folder)
        if self._database.is_local:
            from src.operations.backup.back_up_file import back_up_file

            return back_up_file(self._database.path, place, reason=reason, on_progress=on_progress)
        from src.operations.backup import back_up_remote

        remote = self.remote
        branching = None if dump else self._branching()
        if branching is not None:
            return back_up_remote.back_up_to_branch(
                remote, branching.source, branching.maker, place, reason=reason
            )
        return back_up_remote.back_up_to_dump(
            remote, place, compressed=compressed, reason=reason, on_progress=on_progress
        )

    def backups(self, folder: Path | None = None) -> list[Backup]:
        """The newest first."""
        return self.folder(folder).backups()

    def require(self, name: str, folder: Path | None = None) -> None:
        """Raises BackupNotFoundError unless there is a backup, or a file, that can be restored."""
        find_source(name, self.folder(folder))

    def restore(
        self,
        name: str,
        *,
        folder: Path | None = None,
        dry_run: bool = False,
        on_progress: Progress = no_progress,
    ) -> "Restored":
        """Puts a backup, by its name or its path, in the place of the local database. See `restore_file`."""
        from src.operations.backup.restore_file import restore_file

        place = self.folder(folder)
        return restore_file(
            find_source(name, place),
            self._database.path,
            place,
            known_revisions=self._known_revisions(),
            dry_run=dry_run,
            on_progress=on_progress,
        )

    def restore_into(
        self,
        name: str,
        open_target: "Callable[[], Remote] | None",
        *,
        folder: Path | None = None,
        dry_run: bool = False,
        on_progress: Progress = no_progress,
    ) -> "RestoredAnew":
        """Fills an empty remote database with a backup. See `restore_remote`."""
        from src.operations.backup.restore_remote import restore_remote

        place = self.folder(folder)
        return restore_remote(
            find_source(name, place),
            open_target,
            place,
            known_revisions=self._known_revisions(),
            dry_run=dry_run,
            on_progress=on_progress,
        )

    @property
    def remote(self) -> "Remote":
        if self._remote is None:
            raise BackupError(f"{self._database.get_connection_url()} is a local file.")
        return self._remote

    def branching(self) -> Branching | None:
        return None if self._database.is_local else self._branching()
