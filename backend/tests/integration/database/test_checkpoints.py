"""The write-ahead log stays small, and only one who is alone folds it into the file."""

import fcntl
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from src.infrastructure.shared.database.local_sqlite import (
    BUSY_TIMEOUT_MS,
    CHECKPOINT_COMMITS,
    CHECKPOINT_WAL_BYTES,
    CUT_WAL_BYTES,
    EngineRole,
)

OpenEngine = Callable[[EngineRole], Engine]
MEGABYTE = 1_000_000


@pytest.fixture
def engine(open_engine: OpenEngine) -> Engine:
    engine = open_engine(EngineRole.WRITE)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE blobs (content BLOB)")
    return engine


def add_megabytes(engine: Engine, count: int) -> None:
    for _ in range(count):
        with Session(engine) as session:
            session.connection().exec_driver_sql(f"INSERT INTO blobs VALUES (randomblob({MEGABYTE}))")
            session.commit()


def stored(engine: Engine) -> int:
    with Session(engine) as session:
        return int(session.connection().exec_driver_sql("SELECT count(*) FROM blobs").scalar_one())


def log_size(file: Path) -> int:
    return file.with_name(f"{file.name}-wal").stat().st_size


def is_folded(file: Path, megabytes: int) -> bool:
    """Whether so much of what was written stands in the file itself, and not in the log alone."""
    return file.stat().st_size > megabytes * MEGABYTE


@contextmanager
def lock_of_another_process(file: Path, kind: int) -> Iterator[None]:
    """A lock belongs to an open file, so one that we open here is as good as another process's."""
    with file.with_name(f"{file.name}-lock").open("a") as lock:
        fcntl.flock(lock, kind)
        yield


def test_log_stays_bounded_however_much_is_written(file: Path, engine: Engine) -> None:
    sizes = []
    for _ in range(20):
        add_megabytes(engine, 1)
        sizes.append(log_size(file))

    assert max(sizes) < CUT_WAL_BYTES + 2 * MEGABYTE
    assert is_folded(file, 12)
    assert stored(engine) == 20


def test_small_commits_are_folded_too_however_small_the_log(file: Path, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE notes (content TEXT)")
    before = file.stat().st_size
    for _ in range(CHECKPOINT_COMMITS):
        with engine.begin() as connection:
            connection.exec_driver_sql("INSERT INTO notes VALUES (hex(randomblob(500)))")

    assert log_size(file) < CHECKPOINT_WAL_BYTES
    assert file.stat().st_size > before


def test_rolled_back_transactions_count_for_nothing(file: Path, engine: Engine) -> None:
    before = file.stat().st_size
    for _ in range(2 * CHECKPOINT_COMMITS):
        with engine.connect() as connection:
            connection.exec_driver_sql("INSERT INTO blobs VALUES (x'00')")
    add_megabytes(engine, 1)

    assert file.stat().st_size == before


def test_log_of_a_huge_import_gives_the_disk_its_space_back(file: Path, engine: Engine) -> None:
    with engine.begin() as connection:
        for _ in range(20):
            connection.exec_driver_sql(f"INSERT INTO blobs VALUES (randomblob({MEGABYTE}))")

    assert log_size(file) == 0
    assert stored(engine) == 20


def test_nobody_checkpoints_while_another_process_writes(file: Path, engine: Engine) -> None:
    with lock_of_another_process(file, fcntl.LOCK_SH):
        before = file.stat().st_size
        add_megabytes(engine, 7)

        assert log_size(file) > CHECKPOINT_WAL_BYTES
        assert file.stat().st_size == before

    add_megabytes(engine, 1)
    assert is_folded(file, 8)
    assert stored(engine) == 8


def test_write_waits_while_another_process_checkpoints(file: Path, engine: Engine) -> None:
    adding = threading.Thread(target=add_megabytes, args=[engine, 1])
    with lock_of_another_process(file, fcntl.LOCK_EX):
        adding.start()
        adding.join(timeout=0.1)
        assert adding.is_alive()
    adding.join()

    assert stored(engine) == 1


def test_plain_session_checkpoints_its_large_commit_too(
    file: Path, open_engine: OpenEngine, engine: Engine
) -> None:
    add_megabytes(open_engine(EngineRole.SESSION), 6)

    assert log_size(file) < CHECKPOINT_WAL_BYTES + 2 * MEGABYTE


def test_checkpoint_waits_for_no_reader_and_takes_nothing_from_it(file: Path, engine: Engine) -> None:
    """A reader that takes none of our locks: another program, or one of our read connections in mid-result."""
    add_megabytes(engine, 1)
    with closing(sqlite3.connect(file, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        counted = "SELECT count(*) FROM blobs"
        assert reader.execute(counted).fetchone() == (1,)

        started = time.monotonic()
        add_megabytes(engine, 6)

        assert time.monotonic() - started < BUSY_TIMEOUT_MS / 1000 / 2
        assert reader.execute(counted).fetchone() == (1,)

    add_megabytes(engine, 2)
    assert is_folded(file, 8)
    assert stored(engine) == 9


def test_commit_that_checkpoints_tolerates_a_result_that_is_still_open(file: Path, engine: Engine) -> None:
    """SQLite refuses that checkpoint; what was committed is committed all the same."""
    add_megabytes(engine, 1)
    with Session(engine) as session:
        session.connection().exec_driver_sql(f"INSERT INTO blobs VALUES (randomblob({6 * MEGABYTE}))")
        raw = session.connection().connection.cursor()
        raw.execute("SELECT length(content) FROM blobs")
        raw.fetchone()
        session.commit()
        raw.close()

    assert stored(engine) == 2
    add_megabytes(engine, 1)
    assert is_folded(file, 7)


def test_rolled_back_transaction_gives_the_shared_lock_back(file: Path, engine: Engine) -> None:
    with Session(engine) as session:
        session.connection().exec_driver_sql("INSERT INTO blobs VALUES (x'00')")
        session.rollback()

        with file.with_name(f"{file.name}-lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_transaction_that_could_not_begin_gives_the_shared_lock_back(
    file: Path, open_engine: OpenEngine, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("src.infrastructure.shared.database.local_sqlite.BUSY_TIMEOUT_MS", 50)
    impatient = open_engine(EngineRole.WRITE)
    with Session(engine) as session:
        session.connection().exec_driver_sql("INSERT INTO blobs VALUES (x'00')")
        with Session(impatient) as second, pytest.raises(Exception, match="locked"):
            second.connection()
        session.commit()

    with file.with_name(f"{file.name}-lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
