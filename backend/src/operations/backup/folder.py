"""The folder of the backups: nothing in it is ever overwritten, seen half-written, or readable by others.

A file is written under the name `….partial`; it gets its own name when all is checked, and counts as a backup when its
record is there. Writers share a lock on the folder, so whoever can have it alone knows that partial files are dead.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from src.operations.backup.errors import BackupNotFoundError, NoRoomError
from src.operations.backup.record import RECORD_SUFFIX, Backup, from_json, to_json

try:
    import fcntl
except ImportError:  # Windows: dead partial files stay
    fcntl = None  # type: ignore[assignment]

PARTIAL_SUFFIX = ".partial"
_LOCK = ".lock"
_SPARE_BYTES = 5_000_000
_CHUNK = 1024 * 1024


class BackupFolder:
    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def partial(self, name: str, *, expected_bytes: int) -> Iterator["Partial"]:
        """An empty file that `publish` makes a backup called `name`, or `name` with a number when there is one.

        Whatever ends the block before that removes it. Raises NoRoomError.
        """
        with self._writing():
            require_room(self.path, expected_bytes)
            partial = self._reserve(name)
            try:
                yield partial
            finally:
                partial.discard()

    @contextmanager
    def workspace(self, *, expected_bytes: int) -> Iterator[Path]:
        """A folder for what is thrown away at the end of the block. Raises NoRoomError."""
        with self._writing():
            require_room(self.path, expected_bytes)
            path = Path(tempfile.mkdtemp(dir=self.path, suffix=PARTIAL_SUFFIX))  # mode 0700
            try:
                yield path
            finally:
                shutil.rmtree(path)

    def add(self, backup: Backup) -> Backup:
        """Writes the record of what has no file here."""
        with self._writing():
            _write_record(self.path, backup)
        return backup

    def backups(self) -> list[Backup]:
        """All that have a readable record, the newest first."""
        found = []
        for path in self.path.glob(f"*{RECORD_SUFFIX}"):
            with suppress(ValueError, OSError):
                found.append(from_json(path.read_text("utf-8"), self.path))
        return sorted(found, key=lambda backup: (backup.made_at, backup.name), reverse=True)

    def record_of(self, file_name: str) -> Backup | None:
        """The record beside a file of this folder, when there is a readable one."""
        with suppress(ValueError, OSError):
            return from_json((self.path / (file_name + RECORD_SUFFIX)).read_text("utf-8"), self.path)
        return None

    def find(self, name: str) -> Backup:
        """By its name, with or without what follows the first dot. Raises BackupNotFoundError."""
        for backup in self.backups():
            if name in (backup.name, backup.name.split(".")[0]):
                return backup
        raise BackupNotFoundError(
            f"There is no backup {name!r} in {self.path}. See them all: autoforge db backup --list"
        )

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """The folder is there, without dead partial files, and ours with other writers."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.path / _LOCK).open("a") as lock:
            if fcntl is not None:
                with suppress(BlockingIOError):
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    for dead in self.path.glob(f"*{PARTIAL_SUFFIX}*"):
                        shutil.rmtree(dead) if dead.is_dir() else dead.unlink()
                fcntl.flock(lock, fcntl.LOCK_SH)
            yield

    def _reserve(self, name: str) -> "Partial":
        stem, dot, suffix = name.partition(".")
        for number in range(1, 1000):
            wanted = self.path / (name if number == 1 else f"{stem}-{number}{dot}{suffix}")
            with suppress(FileExistsError):
                partial = Partial(wanted)
                if not wanted.exists():  # nobody else can make it now, without the partial that is ours
                    return partial
                partial.discard()
        raise FileExistsError(f"{self.path / name} and a thousand more are there already")


class Partial:
    """A file on its way to become a backup, with mode 0600 from its first byte."""

    def __init__(self, wanted: Path) -> None:
        """Raises FileExistsError when another writer is at it."""
        self.wanted = wanted
        self.path = wanted.with_name(wanted.name + PARTIAL_SUFFIX)
        make_private(self.path)

    def publish(self, describe: Callable[[int, str], Backup]) -> Backup:
        """Makes it a backup; `describe` makes the record, given its size in bytes and its SHA-256."""
        digest, size = digest_of(self.path)
        backup = replace(describe(size, digest), name=self.wanted.name, folder=self.wanted.parent)
        sync(self.path)
        self.path.rename(self.wanted)
        try:
            _write_record(self.wanted.parent, backup)
        except BaseException:
            self.wanted.unlink()
            raise
        sync(self.wanted.parent)
        return backup

    def discard(self) -> None:
        """Removes what is still there under the partial name, with SQLite's files beside it."""
        _remove(self.path)

    @contextmanager
    def beside(self, suffix: str) -> Iterator[Path]:
        """Another empty file of mode 0600, which is removed at the end of the block."""
        path = self.path.with_name(self.path.name + suffix)
        make_private(path)
        try:
            yield path
        finally:
            _remove(path)


def backup_name(database: str, moment: datetime, revision: str | None, suffix: str) -> str:
    """Such as "autoforge_dev-20261123T081530Z-0001.db"."""
    return f"{_plain(database)}-{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}-{_plain(revision or 'empty')}{suffix}"


def _plain(text: str) -> str:
    return "".join(char if char.isalnum() or char in "-_" else "_" for char in text)


def require_room(folder: Path, needed: int) -> None:
    """Raises NoRoomError unless the disk takes `needed` bytes and a little more."""
    needed, free = needed + _SPARE_BYTES, shutil.disk_usage(folder).free
    if free < needed:
        raise NoRoomError(folder, needed=needed, free=free)


def make_private(path: Path) -> None:
    """An empty file that only its owner reads. Raises FileExistsError."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def digest_of(path: Path, on_read: Callable[[bytes], object] = lambda _chunk: None) -> tuple[str, int]:
    """SHA-256 and size of a file; `on_read` gets its bytes on the way."""
    digest, size = sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
            on_read(chunk)
    return digest.hexdigest(), size


def sync(path: Path) -> None:
    """Returns when the disk has it; a folder keeps the names that were given in it."""
    if os.name != "posix" and path.is_dir():
        return  # Windows opens no folders
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    """With what SQLite puts beside it."""
    for suffix in ("", "-journal", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _write_record(folder: Path, backup: Backup) -> None:
    path = folder / (backup.name + RECORD_SUFFIX)
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
        try:
            file.write(to_json(backup))
            file.flush()
            os.fsync(file.fileno())
        except BaseException:
            path.unlink()
            raise
