"""A database is restored only when nobody is in the way, and never half of it."""

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from src.operations.backup.back_up_file import back_up_file
from src.operations.backup.errors import (
    DatabaseInUseError,
)
from src.operations.backup.folder import BackupFolder
from src.operations.backup.record import Backup
from tests.integration.operations.backup.conftest import Restore, Sql
from tests.integration.operations.backup.restoring import beside, command, enlarge, held, ids, restoring


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
    enlarge(sql)
    large = back_up_file(file, folder)
    with restoring(file, folder, "Checking", large.name) as first:
        second = subprocess.run(
            command(file, folder, "never", backup.name),
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
    enlarge(sql)
    large = back_up_file(file, folder)
    sql("INSERT INTO odd (id) VALUES ('today')")
    before = ids(sql)
    with restoring(file, folder, stage, large.name) as process:
        process.send_signal(how)
        assert process.wait(60) == (130 if how == signal.SIGINT else -9)

    assert ids(sql) == before
    if how == signal.SIGINT:
        assert beside(file) == {file.name}

    restore(large.name)

    assert len(ids(sql)) == len(before) - 1
    assert beside(file) == {file.name}
    assert not list(folder.path.glob("*.partial"))
