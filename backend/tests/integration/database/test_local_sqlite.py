"""What a transaction is on the local file: when it locks, what it sees, what it leaves."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from src.infrastructure.shared.database.local_sqlite import (
    BUSY_TIMEOUT_MS,
    EngineRole,
    local_engine,
    sqlite_path,
)

OpenEngine = Callable[[EngineRole], Engine]


@pytest.fixture
def engines(open_engine: OpenEngine) -> dict[EngineRole, Engine]:
    """An engine for each role on a file with one counter, at 0."""
    engines = {role: open_engine(role) for role in EngineRole}
    with engines[EngineRole.WRITE].begin() as connection:
        connection.exec_driver_sql("CREATE TABLE counter (n INTEGER NOT NULL)")
        connection.exec_driver_sql("INSERT INTO counter VALUES (0)")
    return engines


@pytest.fixture
def outsider(file: Path, engines: object) -> Iterator[sqlite3.Connection]:
    """A connection that is none of ours and never waits."""
    with closing(sqlite3.connect(file, timeout=0, isolation_level=None)) as connection:
        yield connection


def count(session: Session) -> int:
    return int(session.connection().exec_driver_sql("SELECT n FROM counter").scalar_one())


def add_one(engine: Engine) -> None:
    with Session(engine) as session:
        session.connection().exec_driver_sql("UPDATE counter SET n = n + 1")
        session.commit()


# --- writing ----------------------------------------------------------------------------------------------------------


def test_write_transaction_holds_the_lock_from_its_first_statement(
    engines: dict[EngineRole, Engine], outsider: sqlite3.Connection
) -> None:
    with Session(engines[EngineRole.WRITE]) as session:
        count(session)

        with pytest.raises(sqlite3.OperationalError, match="locked"):
            outsider.execute("BEGIN IMMEDIATE")

    outsider.execute("BEGIN IMMEDIATE")


def test_write_transaction_waits_for_another_process(
    engines: dict[EngineRole, Engine], outsider: sqlite3.Connection
) -> None:
    outsider.execute("BEGIN IMMEDIATE")
    outsider.execute("UPDATE counter SET n = 10")
    adding = threading.Thread(target=add_one, args=[engines[EngineRole.WRITE]])
    adding.start()
    adding.join(timeout=0.1)
    assert adding.is_alive()

    outsider.execute("COMMIT")
    adding.join()

    with Session(engines[EngineRole.READ]) as session:
        assert count(session) == 11


def test_what_is_not_committed_is_rolled_back(engines: dict[EngineRole, Engine]) -> None:
    with Session(engines[EngineRole.WRITE]) as session:
        session.connection().exec_driver_sql("UPDATE counter SET n = 5")

    with Session(engines[EngineRole.READ]) as session:
        assert count(session) == 0


def test_new_table_is_rolled_back_like_a_row(engines: dict[EngineRole, Engine]) -> None:
    with Session(engines[EngineRole.WRITE]) as session:
        session.connection().exec_driver_sql("CREATE TABLE half (x)")
        session.rollback()
        tables = session.connection().exec_driver_sql("SELECT name FROM sqlite_master").scalars().all()

    assert tables == ["counter"]


def test_failed_commit_leaves_the_connection_usable(engines: dict[EngineRole, Engine]) -> None:
    engine = engines[EngineRole.WRITE]
    with Session(engine) as session, pytest.raises(IntegrityError):
        session.connection().exec_driver_sql("UPDATE counter SET n = NULL")

    add_one(engine)

    with Session(engine) as session:
        assert count(session) == 1


# --- reading ----------------------------------------------------------------------------------------------------------


def test_reader_does_not_wait_for_an_open_write(engines: dict[EngineRole, Engine]) -> None:
    with Session(engines[EngineRole.WRITE]) as writing, Session(engines[EngineRole.READ]) as reading:
        writing.connection().exec_driver_sql("UPDATE counter SET n = 1")

        started = time.monotonic()
        seen = count(reading)

    assert seen == 0
    assert time.monotonic() - started < BUSY_TIMEOUT_MS / 1000 / 2


def test_open_read_holds_up_no_write(engines: dict[EngineRole, Engine], outsider: sqlite3.Connection) -> None:
    with Session(engines[EngineRole.READ]) as reading, Session(engines[EngineRole.SESSION]) as browsing:
        count(reading)
        count(browsing)

        outsider.execute("UPDATE counter SET n = 1")


def test_read_session_sees_the_newest_commit_at_each_statement(engines: dict[EngineRole, Engine]) -> None:
    with Session(engines[EngineRole.READ]) as reading:
        before = count(reading)
        add_one(engines[EngineRole.WRITE])

        assert (before, count(reading)) == (0, 1)


def test_plain_session_sees_one_moment_until_it_ends(engines: dict[EngineRole, Engine]) -> None:
    with Session(engines[EngineRole.SESSION]) as session:
        count(session)
        add_one(engines[EngineRole.WRITE])
        during = count(session)
        session.rollback()

        assert (during, count(session)) == (0, 1)


def test_plain_session_takes_no_lock_before_it_writes(
    engines: dict[EngineRole, Engine], outsider: sqlite3.Connection
) -> None:
    with Session(engines[EngineRole.SESSION]) as session:
        count(session)
        outsider.execute("BEGIN IMMEDIATE")
        outsider.execute("ROLLBACK")

        session.connection().exec_driver_sql("UPDATE counter SET n = 7")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            outsider.execute("BEGIN IMMEDIATE")
        session.commit()

    assert outsider.execute("SELECT n FROM counter").fetchone() == (7,)


@pytest.mark.parametrize("role", EngineRole)
def test_other_isolation_of_one_connection_ends_with_it(
    engines: dict[EngineRole, Engine], role: EngineRole
) -> None:
    with engines[role].connect() as connection:
        plain = connection.get_isolation_level()
    for other in ("SERIALIZABLE", "SNAPSHOT", "AUTOCOMMIT"):
        with engines[role].connect() as connection:
            connection.execution_options(isolation_level=other)
            assert connection.get_isolation_level() == other

    with engines[role].connect() as connection:
        assert connection.get_isolation_level() == plain == role.value


def test_plain_session_cannot_write_over_what_it_has_not_seen(engines: dict[EngineRole, Engine]) -> None:
    with Session(engines[EngineRole.SESSION]) as session:
        count(session)
        add_one(engines[EngineRole.WRITE])

        with pytest.raises(OperationalError, match="locked"):
            session.connection().exec_driver_sql("UPDATE counter SET n = n + 1")


# --- connections ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", EngineRole)
@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("journal_mode", "wal"),
        ("foreign_keys", 1),
        ("busy_timeout", BUSY_TIMEOUT_MS),
        ("synchronous", 1),
        ("wal_autocheckpoint", 0),
    ],
)
def test_every_connection_is_set_up_the_same(
    open_engine: OpenEngine, role: EngineRole, pragma: str, value: object
) -> None:
    with open_engine(role).connect() as connection:
        assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value


def test_commits_can_be_made_to_survive_a_power_cut(file: Path) -> None:
    engine = local_engine(file, EngineRole.WRITE, synchronous="FULL")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
    engine.dispose()


def test_foreign_keys_hold_in_every_role(open_engine: OpenEngine) -> None:
    with open_engine(EngineRole.WRITE).begin() as connection:
        connection.exec_driver_sql("CREATE TABLE parent (id INTEGER PRIMARY KEY)")
        connection.exec_driver_sql("CREATE TABLE child (parent_id REFERENCES parent(id))")

    for role in EngineRole:
        with (
            open_engine(role).connect() as connection,
            pytest.raises(IntegrityError, match="FOREIGN KEY constraint failed"),
        ):
            connection.exec_driver_sql("INSERT INTO child VALUES (1)")


@pytest.mark.parametrize("role", EngineRole)
def test_first_connection_waits_while_another_process_writes_to_the_new_file(
    file: Path, open_engine: OpenEngine, role: EngineRole
) -> None:
    """SQLite does not wait by itself where a file is not yet in WAL mode: processes that start together failed."""
    other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    other.execute("CREATE TABLE t (x)")

    def end() -> None:
        other.execute("COMMIT")
        other.close()

    ending = threading.Timer(0.2, end)
    ending.start()

    with open_engine(role).connect() as connection:
        tables = connection.exec_driver_sql("SELECT name FROM sqlite_master").scalars().all()
    ending.join()

    assert tables == ["t"]


def test_connection_gives_up_on_a_file_that_stays_locked(
    file: Path, open_engine: OpenEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("src.infrastructure.shared.database.local_sqlite.BUSY_TIMEOUT_MS", 50)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("CREATE TABLE t (x)")

        with pytest.raises(OperationalError, match="locked"):
            open_engine(EngineRole.WRITE).connect()


def test_file_that_is_no_database_is_refused_with_the_reason(file: Path, open_engine: OpenEngine) -> None:
    file.write_text("this is no database, however long the text may be " * 100)

    with pytest.raises(Exception, match="file is not a database"):
        open_engine(EngineRole.READ).connect()


# --- URLs -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///./data/x.db", "/base/data/x.db"),
        ("sqlite:///data/x.db", "/base/data/x.db"),
        ("sqlite:///../x.db", "/x.db"),
        ("sqlite:////var/lib/x.db", "/var/lib/x.db"),
        ("sqlite:////var/日本 語/x.db", "/var/日本 語/x.db"),
    ],
)
def test_file_of_a_url(url: str, path: str) -> None:
    assert sqlite_path(url, relative_to=Path("/base")) == Path(path)


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///", "sqlite:///:memory:", "postgresql://host/db", "x.db", "libsql://host"]
)
def test_url_without_a_file_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(ValueError, match="names no SQLite file; write sqlite:///"):
        sqlite_path(url, relative_to=Path("/base"))
