"""What the tests of restoring share: looks at the database, and processes that are in its way."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from src.operations.backup.folder import BackupFolder
from tests.integration.operations.backup.conftest import Sql


def ids(sql: Sql) -> list[object]:
    return [row[0] for row in sql("SELECT id FROM odd ORDER BY rowid")]


def beside(file: Path) -> set[str]:
    """What is in the folder of the database, but for its locks."""
    return {path.name for path in file.parent.iterdir() if not path.name.endswith("lock")}


@contextmanager
def held(file: Path, how: str) -> Iterator[int]:
    """Another process has the database; yields its id."""
    words = [sys.executable, "-m", "tests.integration.operations.backup.holding_process", str(file), how]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == ("" if how == "dying" else "ready\n")
        yield process.pid
        process.stdin.close()


def command(file: Path, folder: BackupFolder, stage: str, name: str) -> list[str]:
    module = "tests.integration.operations.backup.backup_process"
    return [sys.executable, "-m", module, "restore", str(file), str(folder.path), stage, name]


@contextmanager
def restoring(file: Path, folder: BackupFolder, stage: str, name: str) -> Iterator["subprocess.Popen[str]"]:
    """A process that is in the middle of restoring."""
    with subprocess.Popen(
        command(file, folder, stage, name), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"at {stage}\n"
        yield process


def enlarge(sql: Sql) -> None:
    sql("CREATE TABLE large (id INTEGER PRIMARY KEY, x)")
    sql(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000) "
        "INSERT INTO large SELECT i, i || 'abcdefgh' FROM n"
    )
    sql("CREATE INDEX idx_large ON large (x)")
