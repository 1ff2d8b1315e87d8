import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from src.core.config.settings.base import load_settings
from src.infrastructure.shared.database.turso_connection import TursoConnection
from src.operations.backup.back_up_file import back_up_file
from src.operations.backup.folder import BackupFolder
from src.operations.backup.record import Backup
from src.operations.backup.restore_file import Restored, restore_file
from src.operations.backup.unpacking import find_source
from src.operations.migrations.revisions import read_chain
from tests.integration.operations.backup.odd_database import fill

Sql = Callable[..., list[tuple[object, ...]]]
Restore = Callable[..., Restored]


@pytest.fixture
def folder(tmp_path: Path) -> BackupFolder:
    return BackupFolder(tmp_path / "backups")


@pytest.fixture
def file(tmp_path: Path, migrated_file: Path) -> Path:
    """A migrated database with rows, in WAL mode as the application leaves it."""
    path = tmp_path / "data" / "ours.db"
    path.parent.mkdir()
    shutil.copyfile(migrated_file, path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        fill(connection.execute)
    return path


@pytest.fixture
def sql(file: Path) -> Sql:
    """Runs one statement on `file` and returns its rows."""

    def run(statement: str, *values: object) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            return connection.execute(statement, values).fetchall()

    return run


@pytest.fixture
def known_revisions() -> set[str]:
    return {revision.id for revision in read_chain()}


@pytest.fixture
def database(file: Path) -> Iterator[TursoConnection]:
    """The application's own connection to `file`."""
    database = TursoConnection(load_settings(database_url=f"sqlite:///{file}"))
    yield database
    database.dispose()


@pytest.fixture
def restore(file: Path, folder: BackupFolder, known_revisions: set[str]) -> Restore:
    def run(name: object, **options: bool) -> Restored:
        source = find_source(str(name), folder)
        return restore_file(source, file, folder, known_revisions=known_revisions, **options)

    return run


@pytest.fixture
def backup(file: Path, folder: BackupFolder) -> Backup:
    return back_up_file(file, folder)
