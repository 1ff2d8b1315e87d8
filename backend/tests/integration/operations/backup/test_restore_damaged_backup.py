"""A backup that is not what it says, or not ours, is refused, and nothing is changed."""

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from src.operations.backup.back_up_file import back_up_file
from src.operations.backup.errors import (
    BackupDamagedError,
    BackupNotFoundError,
    RestoreError,
)
from src.operations.backup.folder import BackupFolder
from src.operations.backup.record import RECORD_SUFFIX, Backup
from tests.integration.operations.backup.conftest import Restore, Sql
from tests.integration.operations.backup.restoring import ids


def flip_a_bit(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 4096)


def rewrite(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM odd WHERE id = 'most'")


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("tamper", [flip_a_bit, cut, rewrite, empty])
def test_backup_that_was_changed_is_refused(
    file: Path,
    folder: BackupFolder,
    backup: Backup,
    restore: Restore,
    sql: Sql,
    tamper: Callable[[Path], None],
) -> None:
    before = ids(sql)
    tamper(backup.path)

    with pytest.raises(BackupDamagedError, match="than it should have"):
        restore(backup.name)

    assert (ids(sql), folder.backups()) == (before, [backup])


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("sha256", "0" * 64, "another SHA-256"),
        ("rows", {"odd": 4}, "another number of rows"),
        ("revision", "0000", "another revision"),
        ("broken_references", 3, "another number of rows that refer to nothing"),
    ],
)
def test_record_that_does_not_fit_its_backup_is_refused(
    backup: Backup, restore: Restore, sql: Sql, field: str, value: object, complaint: str
) -> None:
    record = backup.path.with_name(backup.name + RECORD_SUFFIX)
    record.write_text(json.dumps(json.loads(record.read_text()) | {field: value}))
    before = ids(sql)

    with pytest.raises(BackupDamagedError, match=complaint):
        restore(backup.name)

    assert ids(sql) == before


def test_record_cannot_lead_out_of_its_folder(backup: Backup, folder: BackupFolder) -> None:
    record = backup.path.with_name(backup.name + RECORD_SUFFIX)
    record.write_text(json.dumps(json.loads(record.read_text()) | {"name": f"../../{backup.name}"}))

    assert folder.backups()[0].path == backup.path


def without_record(backup: Backup, path: Path) -> Path:
    shutil.copyfile(backup.path, path)
    return path


def test_file_without_a_record_is_checked_all_the_same(
    backup: Backup, restore: Restore, tmp_path: Path, sql: Sql
) -> None:
    lone = without_record(backup, tmp_path / "lone.db")
    sql("DELETE FROM odd")

    restore(lone)

    assert len(ids(sql)) == 5


def test_backup_of_a_newer_version_is_refused(backup: Backup, restore: Restore, tmp_path: Path) -> None:
    newer = without_record(backup, tmp_path / "newer.db")
    with closing(sqlite3.connect(newer)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(RestoreError, match="at revision '9999', which this version does not know"):
        restore(newer)


def test_database_of_somebody_else_is_refused(restore: Restore, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "theirs.db")) as connection:
        connection.execute("CREATE TABLE theirs (x)")

    with pytest.raises(RestoreError, match="is no database of ours"):
        restore(tmp_path / "theirs.db")


def test_file_with_broken_references_is_refused(backup: Backup, restore: Restore, tmp_path: Path) -> None:
    broken = without_record(backup, tmp_path / "broken.db")
    with closing(sqlite3.connect(broken)) as connection, connection:
        connection.execute("CREATE TABLE child (id INTEGER PRIMARY KEY, odd_id TEXT REFERENCES odd (id))")
        connection.execute("INSERT INTO child (odd_id) VALUES ('nobody')")

    with pytest.raises(BackupDamagedError, match=r"rows that refer to nothing .*\(1, not 0\)"):
        restore(broken)


def test_database_that_had_broken_references_can_be_restored(
    file: Path, folder: BackupFolder, restore: Restore, sql: Sql
) -> None:
    sql("CREATE TABLE child (id INTEGER PRIMARY KEY, odd_id TEXT REFERENCES odd (id))")
    sql("INSERT INTO child (odd_id) VALUES ('nobody')")
    backup = back_up_file(file, folder)

    restore(backup.name)

    assert sql("SELECT odd_id FROM child") == [("nobody",)]


@pytest.mark.parametrize("text", [b"no database", b"", b"\0" * 8192])
def test_file_that_is_no_database_is_refused(restore: Restore, tmp_path: Path, text: bytes, sql: Sql) -> None:
    (tmp_path / "x.db").write_bytes(text)
    if not text:  # an empty file is an empty database
        restore(tmp_path / "x.db")
        return

    with pytest.raises(BackupDamagedError, match="cannot be restored"):
        restore(tmp_path / "x.db")

    assert len(ids(sql)) == 5


def test_backup_that_is_not_there_is_named(backup: Backup, restore: Restore) -> None:
    with pytest.raises(BackupNotFoundError, match="no backup 'nope'"):
        restore("nope")
    with pytest.raises(BackupNotFoundError, match="There is no file"):
        restore("/no/where.db")
    backup.path.unlink()
    with pytest.raises(BackupNotFoundError, match="is gone; only its record is left"):
        restore(backup.name)
