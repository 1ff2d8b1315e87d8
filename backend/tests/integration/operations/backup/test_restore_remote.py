"""Filling a new remote database with a backup: exact, into an empty one only, and honest about what is left."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from src.domain.shared.errors import UnavailableError
from src.operations.backup.back_up_file import back_up_file
from src.operations.backup.back_up_remote import back_up_to_dump
from src.operations.backup.errors import RestoreError
from src.operations.backup.folder import BackupFolder
from src.operations.backup.remote import Remote
from src.operations.backup.remote_snapshot import TokenRefusedError
from src.operations.backup.restore_file import restore_file
from src.operations.backup.restore_remote import RestoredAnew, restore_remote
from src.operations.backup.unpacking import find_source
from src.operations.migrations.schema import diff, row_counts, snapshot
from tests.fault_proxy import FaultProxy
from tests.integration.operations.backup.odd_database import ODD_ROWS, fill, require_odd
from tests.integration.operations.remote_database import RemoteDatabase
from tests.libsql_server import LibsqlServer

pytestmark = pytest.mark.integration

Restore = Callable[..., RestoredAnew]


@pytest.fixture
def empty(libsql_database: LibsqlServer, open_remote: Callable[[str, str], RemoteDatabase]) -> RemoteDatabase:
    """A new database on another server."""
    return open_remote(libsql_database.url, libsql_database.token())


@pytest.fixture
def restore(folder: BackupFolder, known_revisions: set[str]) -> Restore:
    def run(name: str, into: Remote, **options: bool) -> RestoredAnew:
        source = find_source(name, folder)
        return restore_remote(source, lambda: into, folder, known_revisions=known_revisions, **options)

    return run


@pytest.fixture
def proxy(libsql_database: LibsqlServer) -> Iterator[FaultProxy]:
    with FaultProxy(libsql_database.host, libsql_database.port) as proxy:
        yield proxy


def test_file_becomes_a_remote_database(
    file: Path, folder: BackupFolder, restore: Restore, empty: RemoteDatabase
) -> None:
    backup = back_up_file(file, folder)

    done = restore(backup.name, empty.remote)

    assert done.into == empty.remote
    with empty.reading() as there, closing(sqlite3.connect(file)) as here:
        assert diff(snapshot(here), snapshot(there)) == ()
        assert row_counts(there) == row_counts(here) == done.contents.rows
    assert empty.execute("SELECT id, b, n, f, t FROM odd ORDER BY rowid") == list(ODD_ROWS)
    assert empty.execute("SELECT said FROM words WHERE words MATCH 'hello'") == [("hello 日本",)]
    assert empty.execute("SELECT seq FROM sqlite_sequence") == [(5,)]
    assert empty.execute("PRAGMA foreign_keys") == [(1,)]


def test_yesterdays_dump_gives_yesterdays_rows_in_a_new_database(
    remote: RemoteDatabase, folder: BackupFolder, restore: Restore, empty: RemoteDatabase
) -> None:
    fill(remote.execute)
    yesterday = remote.execute("SELECT * FROM odd")
    backup = back_up_to_dump(remote.remote, folder)
    remote.execute("DELETE FROM odd")

    restore(backup.name, empty.remote)

    assert empty.execute("SELECT * FROM odd") == yesterday
    assert remote.execute("SELECT * FROM odd") == []


def test_way_there_and_back_changes_nothing(
    file: Path,
    folder: BackupFolder,
    restore: Restore,
    empty: RemoteDatabase,
    known_revisions: set[str],
    tmp_path: Path,
) -> None:
    restore(back_up_file(file, folder).name, empty.remote)
    back = back_up_to_dump(empty.remote, folder)
    again = tmp_path / "again.db"

    restore_file(find_source(back.name, folder), again, folder, known_revisions=known_revisions)

    require_odd(again)


def test_rows_that_refer_to_later_ones_are_restored(
    file: Path, folder: BackupFolder, restore: Restore, empty: RemoteDatabase
) -> None:
    """In the order of the tables, children may come before their parents."""
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE child (id INTEGER PRIMARY KEY, of INTEGER REFERENCES parent (id))")
        connection.execute("CREATE TABLE parent (id INTEGER PRIMARY KEY, of INTEGER REFERENCES parent (id))")
        connection.execute("INSERT INTO child VALUES (1, 1)")
        connection.execute("INSERT INTO parent VALUES (1, 2), (2, 1)")

    restore(back_up_file(file, folder).name, empty.remote)

    assert empty.execute("SELECT * FROM parent") == [(1, 2), (2, 1)]
    assert empty.execute("PRAGMA foreign_key_check") == []


def test_many_rows_go_in_few_requests(
    file: Path, folder: BackupFolder, restore: Restore, empty: RemoteDatabase, proxy: FaultProxy
) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE many (id INTEGER PRIMARY KEY, x TEXT)")
        connection.executemany("INSERT INTO many (x) VALUES (?)", [("y" * 100,)] * 5000)
    few = back_up_file(file, folder)

    restore(few.name, replace(empty.remote, url=proxy.url))

    assert empty.execute("SELECT count(*) FROM many") == [(5000,)]
    of_rows = [request for request in proxy.requests if 'INTO \\"many\\"' in request.text]
    assert len(of_rows) == 10


def test_database_that_is_not_empty_is_left_alone(
    file: Path, folder: BackupFolder, restore: Restore, empty: RemoteDatabase
) -> None:
    backup = back_up_file(file, folder)
    empty.execute("CREATE TABLE theirs (x)")

    with pytest.raises(RestoreError, match=r"is not empty \(it has theirs\)"):
        restore(backup.name, empty.remote)

    assert empty.execute("SELECT name FROM sqlite_master") == [("theirs",)]


def test_damaged_backup_opens_no_database(
    file: Path, folder: BackupFolder, known_revisions: set[str]
) -> None:
    backup = back_up_file(file, folder)
    backup.path.write_bytes(backup.path.read_bytes()[:-1] + b"x")

    with pytest.raises(RestoreError, match="SHA-256"):
        restore_remote(
            find_source(backup.name, folder),
            lambda: pytest.fail("it was opened"),
            folder,
            known_revisions=known_revisions,
        )


def test_dry_run_writes_nothing(
    file: Path, folder: BackupFolder, restore: Restore, empty: RemoteDatabase
) -> None:
    backup = back_up_file(file, folder)

    assert restore(backup.name, empty.remote, dry_run=True).into is None

    assert empty.execute("SELECT name FROM sqlite_master") == []


@pytest.mark.parametrize(
    "when", ["CREATE TABLE odd", 'INTO \\"odd\\"', "CREATE VIEW", "/v3/cursor", "sqlite_master"]
)
def test_lost_server_is_told_with_what_is_left(
    file: Path, folder: BackupFolder, restore: Restore, empty: RemoteDatabase, proxy: FaultProxy, when: str
) -> None:
    backup = back_up_file(file, folder)
    # of the schema there are two questions: the first sees that it is empty, and that one may be answered
    proxy.refuse(when=when if when != "/v3/cursor" else "BEGIN DEFERRED")

    with pytest.raises(UnavailableError, match="does not answer") as failed:
        restore(backup.name, replace(empty.remote, url=proxy.url))

    if when != "sqlite_master":
        assert "is filled in part: delete it" in str(failed.value)
    assert not list(folder.path.glob("*.partial"))


def test_refused_token_is_told(
    file: Path, folder: BackupFolder, restore: Restore, libsql_database: LibsqlServer
) -> None:
    backup = back_up_file(file, folder)
    stranger = "eyJhbGciOiJFZERTQSJ9.e30.c3RyYW5nZXI"

    with pytest.raises(TokenRefusedError, match="does not take the token") as failed:
        restore(backup.name, Remote(libsql_database.url, SecretStr(stranger)))

    assert stranger not in str(failed.value)


def test_token_that_may_only_read_is_told(
    file: Path, folder: BackupFolder, restore: Restore, libsql_database: LibsqlServer
) -> None:
    backup = back_up_file(file, folder)
    reader = libsql_database.token("ro")

    with pytest.raises((RestoreError, TokenRefusedError), match=r"refused|does not take the token") as failed:
        restore(backup.name, Remote(libsql_database.url, SecretStr(reader)))

    assert reader not in str(failed.value)
