"""Restoring a local database: the rows of the backup, only when nobody is in the way, and never half of it."""

import gzip
import os
import shutil
import sqlite3
import stat
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from src.infrastructure.shared.database.local_sqlite import EngineRole
from src.infrastructure.shared.database.turso_connection import TursoConnection
from src.operations.backup.back_up_file import back_up_file
from src.operations.backup.errors import (
    BackupDamagedError,
    DatabaseInUseError,
)
from src.operations.backup.folder import BackupFolder, digest_of
from src.operations.backup.record import Backup
from src.operations.backup.restore_file import restore_file
from src.operations.backup.unpacking import find_source
from tests.integration.operations.backup.conftest import Restore, Sql
from tests.integration.operations.backup.odd_database import require_odd
from tests.integration.operations.backup.restoring import beside, held, ids

# --- the rows ---------------------------------------------------------------------------------------------------------


def test_restoring_yesterdays_backup_gives_yesterdays_rows(
    file: Path, backup: Backup, restore: Restore, sql: Sql
) -> None:
    yesterday = sql("SELECT * FROM odd")
    sql("DELETE FROM odd WHERE id = 'most'")
    sql("INSERT INTO odd (id, t) VALUES ('today', '今日')")
    sql("DROP VIEW loud")
    today = sql("SELECT * FROM odd")

    done = restore(backup.name)

    assert sql("SELECT * FROM odd") == yesterday
    assert (done.contents.rows, done.contents.revision) == (backup.rows, backup.revision)
    require_odd(file)
    assert done.kept is not None
    assert done.kept.reason == f"before the restore of {backup.name}"

    restore(done.kept.name)

    assert sql("SELECT * FROM odd") == today


def test_application_works_on_what_was_restored(
    backup: Backup, restore: Restore, database: TursoConnection
) -> None:
    restore(backup.name)

    with database.engine(EngineRole.WRITE).begin() as connection:
        connection.exec_driver_sql("INSERT INTO odd (id) VALUES ('after')")
    with database.engine(EngineRole.READ).connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM odd").scalar() == 6
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def test_log_of_a_crashed_process_is_kept_with_the_old_rows_and_not_put_over_the_new_ones(
    file: Path, folder: BackupFolder, backup: Backup, restore: Restore, sql: Sql
) -> None:
    with held(file, "dying"):
        pass
    assert file.with_name(file.name + "-wal").stat().st_size > 0

    done = restore(backup.name)

    assert beside(file) == {file.name}
    assert "last words" not in ids(sql)
    assert done.kept is not None
    with closing(sqlite3.connect(done.kept.path)) as kept:
        assert kept.execute("SELECT n FROM odd WHERE id = 'last words'").fetchone() == (9,)


def test_stale_log_beside_an_absent_database_is_removed(
    file: Path, backup: Backup, restore: Restore, sql: Sql
) -> None:
    with held(file, "dying"):
        pass
    file.unlink()

    done = restore(backup.name)

    assert done.kept is None
    assert "last words" not in ids(sql)


def test_database_behind_a_link_is_replaced_and_the_link_stays(
    file: Path, folder: BackupFolder, backup: Backup, known_revisions: set[str], tmp_path: Path, sql: Sql
) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(file)
    sql("DELETE FROM odd")

    restore_file(find_source(backup.name, folder), link, folder, known_revisions=known_revisions)

    assert link.is_symlink()
    assert len(ids(sql)) == 5


def test_restored_file_is_as_open_to_others_as_the_old_one(
    file: Path, backup: Backup, restore: Restore
) -> None:
    file.chmod(0o640)

    restore(backup.name)

    assert stat.S_IMODE(file.stat().st_mode) == 0o640


@pytest.mark.skipif(os.name != "posix" or os.getuid() != 0, reason="only root may give files away")
def test_owner_stays_when_root_restores(file: Path, backup: Backup, restore: Restore) -> None:
    os.chown(file, 1234, 2345)

    restore(backup.name)

    assert (file.stat().st_uid, file.stat().st_gid) == (1234, 2345)


def test_absent_database_is_made_in_an_absent_folder(
    file: Path, folder: BackupFolder, backup: Backup, restore: Restore, sql: Sql
) -> None:
    shutil.rmtree(file.parent)

    assert restore(backup.name).kept is None

    assert len(ids(sql)) == 5


def test_dry_run_checks_and_changes_nothing(
    file: Path, folder: BackupFolder, backup: Backup, restore: Restore, sql: Sql
) -> None:
    sql("PRAGMA journal_mode=DELETE")
    before, backups = digest_of(file), folder.backups()

    assert restore(backup.name, dry_run=True).kept is None

    assert (digest_of(file), folder.backups(), beside(file)) == (before, backups, {file.name})


def test_any_sqlite_file_can_be_restored_even_one_in_use_elsewhere(
    file: Path, restore: Restore, tmp_path: Path, sql: Sql
) -> None:
    """A copy made by hand, whose newest rows are still in the log beside it."""
    other = tmp_path / "by-hand.db"
    sql("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copyfile(file, other)
    with closing(sqlite3.connect(other, isolation_level=None)) as connection:
        connection.execute("INSERT INTO odd (id) VALUES ('in the log')")

        restore(other)

    assert ids(sql)[-1] == "in the log"


# --- what is wrong with the present database --------------------------------------------------------------------------


def overwrite_header(file: Path) -> None:
    with file.open("r+b") as database:
        database.write(b"garbage " * 20)


def overwrite_pages(file: Path) -> None:
    size = file.stat().st_size
    with file.open("r+b") as database:
        database.seek(4096)
        database.write(b"\xa5" * (size - 4096))


@pytest.mark.parametrize("damage", [overwrite_header, overwrite_pages])
def test_damaged_database_is_kept_as_it_is_and_replaced(
    file: Path, folder: BackupFolder, restore: Restore, sql: Sql, damage: Callable[[Path], None]
) -> None:
    sql("PRAGMA journal_mode=DELETE")
    backup = back_up_file(file, folder)
    damage(file)
    damaged = digest_of(file)

    done = restore(backup.name)

    assert len(ids(sql)) == 5
    assert done.kept is not None
    assert digest_of(done.kept.path) == damaged
    assert done.kept.reason == f"before the restore of {backup.name}; it was damaged"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="locks on bytes, as SQLite's, are POSIX's")
def test_damaged_database_in_use_is_left_alone(file: Path, backup: Backup, restore: Restore) -> None:
    with held(file, "reading"):
        overwrite_header(file)
        with pytest.raises(DatabaseInUseError):
            restore(backup.name)
    assert file.read_bytes().startswith(b"garbage")


# --- dumps ------------------------------------------------------------------------------------------------------------

DUMP = """
CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL);
INSERT INTO alembic_version VALUES ('{revision}');
CREATE TABLE odd (id TEXT PRIMARY KEY, n INTEGER);
INSERT INTO odd VALUES ('from; the dump', 1);
"""


@pytest.mark.parametrize("packed", [False, True])
def test_dump_of_any_origin_can_be_restored(
    backup: Backup, restore: Restore, tmp_path: Path, sql: Sql, packed: bool
) -> None:
    text = f"BEGIN TRANSACTION;{DUMP}COMMIT;\n".format(revision=backup.revision).encode()
    path = tmp_path / ("dump.sql.gz" if packed else "dump.sql")
    path.write_bytes(gzip.compress(text) if packed else text)

    restore(path)

    assert ids(sql) == ["from; the dump"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (f"BEGIN;{DUMP}", "its COMMIT is missing"),
        (f"BEGIN;{DUMP}INSERT INTO odd VALUES ('from; the dump', 1); COMMIT;", "UNIQUE constraint failed"),
        (f"BEGIN;{DUMP}INSERT INTO odd VALUES ('cut off", "cannot be loaded"),
        ("ATTACH 'elsewhere.db' AS other;", "not authorized"),
        ("\udcff", "cannot be loaded"),
    ],
)
def test_dump_that_is_not_whole_is_refused(
    backup: Backup, restore: Restore, tmp_path: Path, sql: Sql, text: str, complaint: str
) -> None:
    path = tmp_path / "dump.sql"
    path.write_bytes(text.replace("{revision}", str(backup.revision)).encode("utf-8", "surrogateescape"))

    with pytest.raises(BackupDamagedError, match=complaint):
        restore(path)

    assert len(ids(sql)) == 5
    assert not list(tmp_path.glob("**/elsewhere.db"))


def test_compressed_dump_that_is_cut_off_is_refused(backup: Backup, restore: Restore, tmp_path: Path) -> None:
    packed = gzip.compress(f"BEGIN;{DUMP}COMMIT;".encode())
    (tmp_path / "dump.sql.gz").write_bytes(packed[:-20])

    with pytest.raises(BackupDamagedError, match="cannot be loaded"):
        restore(tmp_path / "dump.sql.gz")
