"""Restoring a local database: the rows of the backup, only when nobody is in the way, and never half of it."""

import gzip
import json
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from src.infrastructure.shared.database.local_sqlite import EngineRole
from src.infrastructure.shared.database.turso_connection import TursoConnection
from src.operations.backup.back_up_file import back_up_file
from src.operations.backup.errors import (
    BackupDamagedError,
    BackupNotFoundError,
    DatabaseInUseError,
    RestoreError,
)
from src.operations.backup.folder import BackupFolder, digest_of
from src.operations.backup.record import RECORD_SUFFIX, Backup
from src.operations.backup.restore_file import Restored, restore_file
from src.operations.backup.unpacking import find_source
from tests.integration.operations.backup.conftest import Sql
from tests.integration.operations.backup.odd_database import require_odd

Restore = Callable[..., Restored]


@pytest.fixture
def restore(file: Path, folder: BackupFolder, known_revisions: set[str]) -> Restore:
    def run(name: object, **options: bool) -> Restored:
        source = find_source(str(name), folder)
        return restore_file(source, file, folder, known_revisions=known_revisions, **options)

    return run


@pytest.fixture
def backup(file: Path, folder: BackupFolder) -> Backup:
    return back_up_file(file, folder)


def ids(sql: Sql) -> list[object]:
    return [row[0] for row in sql("SELECT id FROM odd ORDER BY rowid")]


def beside(file: Path) -> set[str]:
    """What is in the folder of the database, but for its locks."""
    return {path.name for path in file.parent.iterdir() if not path.name.endswith("lock")}


@contextmanager
def held(file: Path, how: str) -> Iterator[int]:
    """Another process has the database; yields its id."""
    command = [sys.executable, "-m", "tests.integration.operations.backup.holding_process", str(file), how]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == ("" if how == "dying" else "ready\n")
        yield process.pid
        process.stdin.close()


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


# --- who is in the way ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["reading", "writing"])
def test_database_that_another_process_has_is_left_alone(
    file: Path, folder: BackupFolder, backup: Backup, restore: Restore, sql: Sql, how: str
) -> None:
    before = ids(sql)
    with held(file, how) as process:
        with pytest.raises(DatabaseInUseError, match="is in use") as refused:
            restore(backup.name)
        assert ids(sql) == before
    assert folder.backups() == [backup]
    assert beside(file) <= {file.name, f"{file.name}-wal", f"{file.name}-shm"}
    if sys.platform.startswith("linux"):
        assert f"process {process} (python" in str(refused.value)

    restore(backup.name)


def test_two_restores_at_once_do_not_meet(file: Path, folder: BackupFolder, backup: Backup, sql: Sql) -> None:
    _enlarge(sql)
    large = back_up_file(file, folder)
    with _restoring(file, folder, "Checking", large.name) as first:
        second = subprocess.run(
            _command(file, folder, "never", backup.name),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert second.returncode == 1
        assert "is in use" in second.stderr
        first.stdin.write("\n")
        first.stdin.flush()
        assert first.wait(60) == 0
    assert sql("SELECT count(*) FROM large") == [(60_000,)]


def test_process_that_opened_the_old_file_too_early_learns_of_it(
    file: Path, backup: Backup, restore: Restore
) -> None:
    """It has read nothing yet, and so holds no lock. Writing into a file without a name would lose what it writes."""
    with closing(sqlite3.connect(file, isolation_level=None)) as early:
        restore(backup.name)

        with pytest.raises(sqlite3.DatabaseError, match="not a database"):
            early.execute("INSERT INTO odd (id) VALUES ('lost')")


@pytest.mark.parametrize("stage", ["Copying", "Checking"])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_restore_that_ends_half_way_leaves_the_database(
    file: Path, folder: BackupFolder, restore: Restore, sql: Sql, stage: str, how: signal.Signals
) -> None:
    _enlarge(sql)
    large = back_up_file(file, folder)
    sql("INSERT INTO odd (id) VALUES ('today')")
    before = ids(sql)
    with _restoring(file, folder, stage, large.name) as process:
        process.send_signal(how)
        assert process.wait(60) == (130 if how == signal.SIGINT else -9)

    assert ids(sql) == before
    if how == signal.SIGINT:
        assert beside(file) == {file.name}

    restore(large.name)

    assert len(ids(sql)) == len(before) - 1
    assert beside(file) == {file.name}
    assert not list(folder.path.glob("*.partial"))


# --- what is wrong with a backup --------------------------------------------------------------------------------------


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


# --- processes --------------------------------------------------------------------------------------------------------


def _command(file: Path, folder: BackupFolder, stage: str, name: str) -> list[str]:
    module = "tests.integration.operations.backup.backup_process"
    return [sys.executable, "-m", module, "restore", str(file), str(folder.path), stage, name]


@contextmanager
def _restoring(file: Path, folder: BackupFolder, stage: str, name: str) -> Iterator["subprocess.Popen[str]"]:
    """A process that is in the middle of restoring."""
    with subprocess.Popen(
        _command(file, folder, stage, name), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"at {stage}\n"
        yield process


def _enlarge(sql: Sql) -> None:
    sql("CREATE TABLE large (id INTEGER PRIMARY KEY, x)")
    sql(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000) "
        "INSERT INTO large SELECT i, i || 'abcdefgh' FROM n"
    )
    sql("CREATE INDEX idx_large ON large (x)")
