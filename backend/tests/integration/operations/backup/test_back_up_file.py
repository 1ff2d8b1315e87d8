"""Backups of a local file: whole, private, checked, and nothing is left of one that failed."""

import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from src.operations.backup.back_up_file import back_up_file
from src.operations.backup.errors import BackupError, BackupNotFoundError, NoRoomError
from src.operations.backup.folder import BackupFolder, digest_of
from src.operations.backup.record import Backup, Kind
from src.operations.backup.restore_file import restore_file
from src.operations.backup.unpacking import find_source
from src.operations.migrations.schema import diff, row_counts, snapshot
from tests.integration.operations.backup.conftest import Sql
from tests.integration.operations.backup.odd_database import require_odd


def names_in(folder: BackupFolder) -> list[str]:
    """What is there, but for the lock and SQLite's journals."""
    return sorted(
        path.name
        for path in folder.path.glob("*")
        if path.name != ".lock" and not path.name.endswith("-journal")
    )


@contextmanager
def umask(value: int) -> Iterator[None]:
    before = os.umask(value)
    try:
        yield
    finally:
        os.umask(before)


def test_backup_is_the_database(file: Path, folder: BackupFolder) -> None:
    backup = back_up_file(file, folder, reason="before a test")

    with closing(sqlite3.connect(file)) as ours, closing(sqlite3.connect(backup.path)) as copy:
        assert diff(snapshot(ours), snapshot(copy)) == ()
        assert row_counts(ours) == row_counts(copy) == backup.rows
    assert (backup.kind, backup.reason, backup.rows["odd"]) == (Kind.FILE, "before a test", 5)
    assert (backup.sha256, backup.bytes) == digest_of(backup.path)
    assert backup.name == f"ours-{backup.made_at:%Y%m%dT%H%M%SZ}-{backup.revision}.db"
    require_odd(backup.path)


def test_backup_is_private_from_its_first_byte(file: Path, folder: BackupFolder, sql: Sql) -> None:
    """Under a mask that hides nothing; the modes are looked at while it is being written, too."""
    seen: set[int] = set()

    def look(_stage: str, _fraction: float | None) -> None:
        seen.update(stat.S_IMODE(path.stat().st_mode) for path in folder.path.glob("*.db*"))

    with umask(0):
        _enlarge(sql)
        backup = back_up_file(file, folder, on_progress=look)

    assert seen == {0o600}
    for path in (backup.path, backup.path.with_name(backup.name + ".json")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700


def test_record_is_found_again(file: Path, folder: BackupFolder) -> None:
    first, second = back_up_file(file, folder), back_up_file(file, folder, reason="二")

    assert folder.backups() == [second, first]
    assert folder.find(first.name) == first
    assert folder.find(second.name.removesuffix(".db")) == second
    with pytest.raises(BackupNotFoundError, match=r"no backup 'nope'.*db backup --list"):
        folder.find("nope")


def test_record_that_cannot_be_read_hides_no_other(file: Path, folder: BackupFolder) -> None:
    backup = back_up_file(file, folder)
    (folder.path / "broken.json").write_text('{"format": 1}')
    (folder.path / "list.json").write_text("[]")
    (folder.path / "no.json").write_text("no")

    assert folder.backups() == [backup]


def test_backups_of_the_same_second_have_names_of_their_own(file: Path, folder: BackupFolder) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: back_up_file(file, folder), range(8)))

    assert len({backup.name for backup in made}) == 8
    assert sorted(names_in(folder)) == sorted(
        name for backup in made for name in (backup.name, f"{backup.name}.json")
    )


def test_backup_while_others_write_is_of_one_moment(file: Path, folder: BackupFolder, sql: Sql) -> None:
    """Each transaction of the writer adds a row to both tables: no backup may have one without the other."""
    sql("CREATE TABLE one (id INTEGER PRIMARY KEY, x)")
    sql("CREATE TABLE other (id INTEGER PRIMARY KEY, x)")
    stop = threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(file, isolation_level=None, timeout=30)) as connection:
            while not stop.wait(0.0005):
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("INSERT INTO one (x) VALUES (?)", ("y" * 5000,))
                connection.execute("INSERT INTO other (x) VALUES (?)", ("y" * 5000,))
                connection.execute("COMMIT")

    with ThreadPoolExecutor(1) as pool:
        writer = pool.submit(write)
        try:
            rows = [back_up_file(file, folder).rows for _ in range(10)]
        finally:
            stop.set()
        writer.result()

    assert all(found["one"] == found["other"] for found in rows)
    assert rows[0]["one"] < rows[-1]["one"]


def test_backup_forgets_who_was_migrating(file: Path, folder: BackupFolder, sql: Sql) -> None:
    sql("DROP TABLE IF EXISTS _migration_lock")
    sql("CREATE TABLE _migration_lock (owner TEXT)")
    sql("INSERT INTO _migration_lock VALUES ('me')")

    backup = back_up_file(file, folder)

    with closing(sqlite3.connect(backup.path)) as copy:
        assert copy.execute("SELECT count(*) FROM _migration_lock").fetchone() == (0,)
    assert sql("SELECT count(*) FROM _migration_lock") == [(1,)]


def test_database_behind_a_link_is_backed_up(file: Path, folder: BackupFolder, tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(file)

    require_odd(back_up_file(link, folder).path)


def test_link_in_the_place_of_a_backup_is_not_followed(
    file: Path, folder: BackupFolder, tmp_path: Path
) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    name = back_up_file(file, folder).name
    shutil.rmtree(folder.path)
    folder.path.mkdir()
    with folder.partial(name, expected_bytes=0) as partial:
        (folder.path / (name + ".json")).symlink_to(precious)
        with pytest.raises(FileExistsError):
            partial.publish(lambda _size, _digest: _a_backup(folder, name))

    assert precious.read_text() == "mine"
    assert names_in(folder) == [name + ".json"]


def test_database_without_tables_is_backed_up(tmp_path: Path, folder: BackupFolder) -> None:
    (tmp_path / "empty.db").touch()

    backup = back_up_file(tmp_path / "empty.db", folder)

    assert (backup.revision, backup.rows, backup.name.endswith("-empty.db")) == (None, {}, True)


def test_rows_that_refer_to_nothing_are_told(file: Path, folder: BackupFolder, sql: Sql) -> None:
    sql("CREATE TABLE child (id INTEGER PRIMARY KEY, odd_id TEXT REFERENCES odd (id))")
    sql("INSERT INTO child (odd_id) VALUES ('nobody')")

    assert back_up_file(file, folder).broken_references == 1


# --- what goes wrong --------------------------------------------------------------------------------------------------


def test_absent_database_is_refused(tmp_path: Path, folder: BackupFolder) -> None:
    with pytest.raises(BackupError, match="There is no database at"):
        back_up_file(tmp_path / "nope.db", folder)

    assert not folder.path.exists()
    assert not (tmp_path / "nope.db").exists()


def test_file_that_is_no_database_is_refused(tmp_path: Path, folder: BackupFolder) -> None:
    (tmp_path / "letter.txt").write_text("Dear friend, " * 1000)

    with pytest.raises(BackupError, match="file is not a database"):
        back_up_file(tmp_path / "letter.txt", folder)


def test_damaged_database_is_not_taken_for_a_backup(file: Path, folder: BackupFolder, sql: Sql) -> None:
    sql("PRAGMA journal_mode=DELETE")
    size = file.stat().st_size
    with file.open("r+b") as database:  # from the third page on; the first two tell what there is
        database.seek(8192)
        database.write(b"\xa5" * (size - 8192))

    with pytest.raises(BackupError, match=r"malformed|damaged"):
        back_up_file(file, folder)

    assert names_in(folder) == []


def test_row_that_breaks_a_rule_is_found(file: Path, folder: BackupFolder, sql: Sql) -> None:
    """Every page is sound and all rows can be copied: only the check sees it."""
    sql("CREATE TABLE t (x)")
    sql("INSERT INTO t VALUES (1)")
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema=ON")
        connection.execute(
            "UPDATE sqlite_master SET sql = 'CREATE TABLE t (x CHECK (x > 1))' WHERE name = 't'"
        )

    with pytest.raises(BackupError, match=r"CHECK constraint failed in t.*So is the database itself"):
        back_up_file(file, folder)

    assert names_in(folder) == []


def test_too_little_room_is_said_before_anything_is_written(file: Path, folder: BackupFolder) -> None:
    with (
        pytest.raises(NoRoomError, match=r"MB free and .* MB are needed.*folder on another disk"),
        folder.partial("x.db", expected_bytes=10**18),
    ):
        pytest.fail("it began")

    assert names_in(folder) == []


def test_disk_that_fills_up_leaves_nothing(file: Path, folder: BackupFolder) -> None:
    """By a limit for the process: the system refuses to let the file grow, as it would on a full disk."""
    process = subprocess.run(
        _command("limit", file, folder, "50000"), capture_output=True, text=True, timeout=60, check=False
    )

    assert process.returncode == 1
    assert "cannot be backed up" in process.stderr
    assert names_in(folder) == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc is Linux's")
def test_folder_that_cannot_be_made_is_named(file: Path) -> None:
    with pytest.raises(OSError, match="/proc/nowhere"):
        back_up_file(file, BackupFolder(Path("/proc/nowhere")))


@pytest.mark.parametrize("stage", ["Copying", "Checking"])
def test_interrupted_backup_leaves_nothing(file: Path, folder: BackupFolder, stage: str, sql: Sql) -> None:
    _enlarge(sql)
    with subprocess.Popen(
        _command("backup", file, folder, stage), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"at {stage}\n"
        assert len(names_in(folder)) == 1
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130

    assert names_in(folder) == []


def test_killed_backup_is_no_backup_and_the_next_one_clears_it_away(
    file: Path, folder: BackupFolder, sql: Sql
) -> None:
    _enlarge(sql)
    with subprocess.Popen(
        _command("backup", file, folder, "Checking"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        other = back_up_file(file, folder)  # beside a writer that lives, which it leaves alone
        (partial,) = folder.path.glob("*.partial")
        process.kill()
    assert partial.exists()
    assert folder.backups() == [other]

    last = back_up_file(file, folder)

    assert not partial.exists()
    assert folder.backups() == [last, other]


def _command(what: str, file: Path, folder: BackupFolder, *details: str) -> list[str]:
    module = "tests.integration.operations.backup.backup_process"
    return [sys.executable, "-m", module, what, str(file), str(folder.path), *details]


def _enlarge(sql: Sql) -> None:
    """So that SQLite works long enough to tell of its progress."""
    sql("CREATE TABLE large (id INTEGER PRIMARY KEY, x)")
    sql(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000) "
        "INSERT INTO large SELECT i, i || 'abcdefgh' FROM n"
    )
    sql("CREATE INDEX idx_large ON large (x)")


def _a_backup(folder: BackupFolder, name: str) -> Backup:
    from datetime import UTC, datetime

    return Backup(name, Kind.FILE, folder.path, datetime.now(UTC), "sqlite:///x", None, {})


@pytest.mark.slow
def test_large_database_goes_there_and_back(
    file: Path, folder: BackupFolder, sql: Sql, known_revisions: set[str]
) -> None:
    sql("CREATE TABLE large (id INTEGER PRIMARY KEY, x TEXT)")
    sql(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) "
        "INSERT INTO large SELECT i, hex(randomblob(500)) FROM n"
    )
    stages: dict[str, list[float]] = {}

    def note(stage: str, fraction: float | None) -> None:
        stages.setdefault(stage, []).append(-1 if fraction is None else fraction)

    backup = back_up_file(file, folder, on_progress=note)
    sql("DELETE FROM large WHERE id > 10")
    done = restore_file(
        find_source(backup.name, folder), file, folder, known_revisions=known_revisions, on_progress=note
    )

    assert backup.bytes is not None
    assert backup.bytes > 50_000_000
    assert sql("SELECT count(*) FROM large") == [(50_000,)]
    assert done.kept is not None
    assert done.kept.rows["large"] == 10
    assert stages.keys() == {"Copying", "Checking"}
    assert 0 <= min(stages["Copying"]) < max(stages["Copying"]) <= 1
