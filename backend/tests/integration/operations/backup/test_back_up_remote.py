"""Dumps of a remote database: of one moment, exact, proved, private, and nothing is left of one that failed."""

import gzip
import shutil
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from src.domain.shared.errors import UnavailableError
from src.operations.backup.back_up_remote import back_up_to_dump
from src.operations.backup.errors import BackupError
from src.operations.backup.folder import BackupFolder, digest_of
from src.operations.backup.record import Kind
from src.operations.backup.remote import Remote
from src.operations.backup.remote_snapshot import RemoteSnapshot, RemoteUnavailableError, TokenRefusedError
from src.operations.backup.restore_file import restore_file
from src.operations.backup.unpacking import find_source
from src.operations.migrations.schema import diff, row_counts, snapshot
from tests.fault_proxy import FaultProxy
from tests.integration.operations.backup.odd_database import ODD_ROWS, fill, require_odd
from tests.integration.operations.remote_database import RemoteDatabase
from tests.libsql_server import LibsqlServer

pytestmark = pytest.mark.integration


@pytest.fixture
def odd(remote: RemoteDatabase) -> RemoteDatabase:
    fill(remote.execute)
    return remote


@pytest.fixture
def proxy(server: LibsqlServer) -> Iterator[FaultProxy]:
    with FaultProxy(server.host, server.port) as proxy:
        yield proxy


@pytest.fixture
def through_proxy(odd: RemoteDatabase, proxy: FaultProxy) -> Remote:
    return replace(odd.remote, url=proxy.url)


def names_in(folder: BackupFolder) -> list[str]:
    return sorted(path.name for path in folder.path.glob("*") if path.name != ".lock")


# --- what it holds ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("compressed", [True, False])
def test_dump_makes_the_same_database(
    odd: RemoteDatabase, folder: BackupFolder, tmp_path: Path, known_revisions: set[str], compressed: bool
) -> None:
    backup = back_up_to_dump(odd.remote, folder, compressed=compressed, reason="to see")
    restored = tmp_path / "restored.db"
    restore_file(find_source(backup.name, folder), restored, folder, known_revisions=known_revisions)

    with closing(sqlite3.connect(restored)) as here, odd.reading() as there:
        assert diff(snapshot(there), snapshot(here)) == ()
        assert row_counts(there) == row_counts(here) == backup.rows
    require_odd(restored)
    assert (backup.kind, backup.reason, backup.url) == (Kind.DUMP, "to see", odd.remote.url)
    assert backup.revision in known_revisions
    assert (backup.sha256, backup.bytes) == digest_of(backup.path)
    assert backup.path.suffix == (".gz" if compressed else ".sql")


def test_dump_is_plain_sql(odd: RemoteDatabase, folder: BackupFolder) -> None:
    """Any SQLite reads it, without us."""
    text = gzip.decompress(back_up_to_dump(odd.remote, folder).path.read_bytes()).decode()

    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.executescript(text)
        found = connection.execute("SELECT id, b, n, f, t FROM odd ORDER BY rowid").fetchall()
    assert found == list(ODD_ROWS)


def test_dump_is_private(odd: RemoteDatabase, folder: BackupFolder) -> None:
    seen: set[int] = set()

    def look(_stage: str, _fraction: float | None) -> None:
        seen.update(stat.S_IMODE(path.stat().st_mode) for path in folder.path.glob("*sql*"))

    backup = back_up_to_dump(odd.remote, folder, on_progress=look)

    assert seen == {0o600}
    assert stat.S_IMODE(backup.path.stat().st_mode) == 0o600


def test_dump_is_of_one_moment(remote: RemoteDatabase, folder: BackupFolder) -> None:
    """Each transaction of the writer adds a row to both tables: no dump may have one without the other."""
    remote.execute("CREATE TABLE one (id INTEGER PRIMARY KEY, x)")
    remote.execute("CREATE TABLE other (id INTEGER PRIMARY KEY, x)")
    stop = threading.Event()
    writes = 0

    def write() -> None:
        nonlocal writes
        while not stop.is_set():
            remote.execute("INSERT INTO one (x) VALUES (1)")
            remote.execute("DELETE FROM one WHERE id <= (SELECT max(id) FROM one) - 2000")
            writes += 1

    remote.execute("CREATE TRIGGER both AFTER INSERT ON one BEGIN INSERT INTO other (x) VALUES (new.x); END")
    remote.execute("CREATE TRIGGER gone AFTER DELETE ON one BEGIN DELETE FROM other WHERE id = old.id; END")
    with ThreadPoolExecutor(1) as pool:
        writer = pool.submit(write)
        try:
            made = [back_up_to_dump(remote.remote, folder) for _ in range(5)]
        finally:
            stop.set()
        writer.result()

    assert writes > 0
    assert all(backup.rows["one"] == backup.rows["other"] for backup in made)
    assert made[0].rows["one"] < made[-1].rows["one"]


def test_writer_is_not_kept_waiting_by_a_slow_reader(remote: RemoteDatabase) -> None:
    """The server ends a transaction that keeps a writer waiting; reading does not."""
    remote.execute("CREATE TABLE large (x TEXT)")
    remote.execute(
        "INSERT INTO large WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) "
        "SELECT hex(zeroblob(500)) FROM n"
    )
    with RemoteSnapshot(remote.remote.url, remote.remote.token) as snapshot_of_before:
        contents = snapshot_of_before.contents()
        rows = snapshot_of_before.rows(contents)
        next(rows)  # of alembic_version

        remote.execute("DELETE FROM large")

        assert sum(1 for table, _ in rows if table.name == "large") == 20_000
    assert remote.execute("SELECT count(*) FROM large") == [(0,)]


def test_empty_database_is_dumped(libsql_database: LibsqlServer, folder: BackupFolder) -> None:
    remote = Remote(libsql_database.url, SecretStr(libsql_database.token()))

    backup = back_up_to_dump(remote, folder)

    assert (backup.revision, backup.rows) == (None, {})


def test_token_that_only_reads_is_enough(
    odd: RemoteDatabase, server: LibsqlServer, folder: BackupFolder
) -> None:
    reader = Remote(server.url, SecretStr(server.token("ro")))

    assert back_up_to_dump(reader, folder).rows["odd"] == 5


def test_locks_and_books_of_others_are_not_dumped(remote: RemoteDatabase, folder: BackupFolder) -> None:
    remote.execute("CREATE TABLE _litestream_seq (id INTEGER)")
    remote.execute("CREATE TABLE libsql_wasm_func_table (name TEXT)")

    text = gzip.decompress(back_up_to_dump(remote.remote, folder).path.read_bytes()).decode()

    assert "_litestream" not in text
    assert "libsql_wasm" not in text
    assert "_migration_lock" not in text
    assert "alembic_version" in text


def test_full_text_table_that_cannot_be_read_back_is_named(
    remote: RemoteDatabase, folder: BackupFolder
) -> None:
    remote.execute("CREATE VIRTUAL TABLE said USING fts5(x, content='')")

    with pytest.raises(BackupError, match="said is a full-text table without content"):
        back_up_to_dump(remote.remote, folder)


def test_number_that_the_protocol_cannot_carry_is_refused(
    remote: RemoteDatabase, folder: BackupFolder
) -> None:
    remote.execute("CREATE TABLE t (x REAL)")
    remote.execute("INSERT INTO t VALUES (9e999)")

    with pytest.raises(BackupError, match="infinite number"):
        back_up_to_dump(remote.remote, folder)
    assert names_in(folder) == []


# --- what goes wrong --------------------------------------------------------------------------------------------------


def test_refused_token_is_told_and_never_shown(
    odd: RemoteDatabase, server: LibsqlServer, folder: BackupFolder
) -> None:
    expired = server.token(expires_in=timedelta(hours=-1))

    with pytest.raises(TokenRefusedError, match=r"does not take the token \(HTTP status 401\)") as refused:
        back_up_to_dump(Remote(server.url, SecretStr(expired)), folder)

    assert expired not in str(refused.value) + repr(refused.value.__context__)
    assert names_in(folder) == []


def test_token_is_in_no_file(odd: RemoteDatabase, folder: BackupFolder) -> None:
    backup = back_up_to_dump(odd.remote, folder, compressed=False)
    token = odd.remote.token.get_secret_value().encode() if odd.remote.token else b""

    assert token
    assert token not in backup.path.read_bytes()
    assert token not in backup.path.with_name(backup.name + ".json").read_bytes()


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (lambda proxy: proxy.refuse(), RemoteUnavailableError),
        (lambda proxy: proxy.refuse(when='FROM \\"odd\\"'), RemoteUnavailableError),
        (lambda proxy: proxy.truncate(), UnavailableError),
        (lambda proxy: proxy.truncate(when="COMMIT"), UnavailableError),
        (lambda proxy: proxy.answer(503, b"busy"), RemoteUnavailableError),
        (lambda proxy: proxy.answer(429, b"slower"), RemoteUnavailableError),
        (lambda proxy: proxy.answer(404, b"what?"), BackupError),
        (
            lambda proxy: proxy.replace_answer(b"not compressed", headers={"Content-Encoding": "gzip"}),
            BackupError,
        ),
        (lambda proxy: proxy.replace_answer(b"<html>"), BackupError),
        (lambda proxy: proxy.replace_answer(b"[]\n"), BackupError),
        (lambda proxy: proxy.replace_answer(b'{"baton":null}\n'), RemoteUnavailableError),
        (
            lambda proxy: proxy.replace_answer(b'{"type":"row","row":[{"type":"odd"}]}\n'),
            BackupError,
        ),
        (
            lambda proxy: proxy.replace_answer(b'{"base_url":"https://elsewhere"}\n'),
            BackupError,
        ),
    ],
)
def test_fault_of_the_network_leaves_nothing(
    through_proxy: Remote,
    proxy: FaultProxy,
    folder: BackupFolder,
    fault: Callable[[FaultProxy], None],
    error: type[Exception],
) -> None:
    fault(proxy)

    with pytest.raises(error) as failed:
        back_up_to_dump(through_proxy, folder)

    assert proxy.url in str(failed.value)
    assert names_in(folder) == []


def test_server_that_is_not_there_is_unavailable(server: LibsqlServer, folder: BackupFolder) -> None:
    remote = Remote(server.url, SecretStr(server.token()))
    server.stop()

    with pytest.raises(RemoteUnavailableError, match="does not answer"):
        back_up_to_dump(remote, folder)


def test_server_that_dies_on_the_way_leaves_nothing(
    odd: RemoteDatabase, server: LibsqlServer, folder: BackupFolder
) -> None:
    odd.execute(
        "INSERT INTO seen (what) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) "
        "SELECT hex(randomblob(500)) FROM n"  # which nothing can compress into a buffer
    )

    def kill(_stage: str, fraction: float | None) -> None:
        if fraction is not None and fraction > 0.1:
            server.stop(kill=True)

    with pytest.raises(RemoteUnavailableError):
        back_up_to_dump(odd.remote, folder, on_progress=kill)

    assert names_in(folder) == []


def test_server_that_hangs_is_not_waited_for_for_ever(through_proxy: Remote, proxy: FaultProxy) -> None:
    proxy.hang()
    with (
        RemoteSnapshot(proxy.url, through_proxy.token, silence_seconds=0.1) as never,
        pytest.raises(RemoteUnavailableError, match=r"timed out"),
    ):
        never.contents()


def test_dump_counts_its_requests(through_proxy: Remote, proxy: FaultProxy, folder: BackupFolder) -> None:
    """However many tables and rows there are: what is there, at which revision, and all rows."""
    back_up_to_dump(through_proxy, folder)

    assert (proxy.request_count, proxy.connection_count) == (3, 1)


@pytest.mark.slow
def test_large_dump_needs_little_memory(remote: RemoteDatabase, folder: BackupFolder) -> None:
    import tracemalloc

    remote.execute("CREATE TABLE large (x TEXT)")
    back_up_to_dump(remote.remote, folder)  # what is imported by this is not counted
    for _ in range(5):
        remote.execute(
            "INSERT INTO large WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) "
            "SELECT hex(randomblob(500)) FROM n"
        )
    tracemalloc.start()
    backup = back_up_to_dump(remote.remote, folder)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert backup.rows["large"] == 50_000
    assert most < 10_000_000
    shutil.rmtree(folder.path)
