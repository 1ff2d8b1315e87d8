"""What a transaction is on the remote database: what it sees and leaves, and that a lost one is never continued."""

import gc
import threading
from collections.abc import Callable
from contextlib import closing

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import (
    DBAPIError,
    IntegrityError,
    OperationalError,
    PendingRollbackError,
    ProgrammingError,
)
from sqlalchemy.orm import Session

from src.infrastructure.shared.database.libsql.errors import StreamLost
from src.infrastructure.shared.database.libsql.transport import Timeouts
from src.infrastructure.shared.database.local_sqlite import EngineRole
from tests.fault_proxy import FaultProxy
from tests.integration.database.libsql.conftest import raw_connection
from tests.libsql_server import LibsqlServer

OpenRemote = Callable[..., Engine]


@pytest.fixture(autouse=True)
def counter(engine: Engine) -> None:
    """One counter, at 0."""
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE counter (n INTEGER NOT NULL)")
        connection.exec_driver_sql("INSERT INTO counter VALUES (0)")


def count(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.exec_driver_sql("SELECT n FROM counter").scalar_one())


# --- what is kept -----------------------------------------------------------------------------------------------------


def test_what_is_not_committed_is_rolled_back(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql("UPDATE counter SET n = 5")

    assert count(engine) == 0


def test_new_table_is_rolled_back_like_a_row(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE half (x)")
        connection.rollback()
        tables = connection.exec_driver_sql("SELECT name FROM sqlite_master").scalars().all()

    assert tables == ["counter"]


def test_failed_statement_leaves_the_transaction_to_its_owner(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE counter SET n = 1")
        with pytest.raises(IntegrityError):
            connection.exec_driver_sql("INSERT INTO counter VALUES (NULL)")
        connection.exec_driver_sql("UPDATE counter SET n = n + 1")

    assert count(engine) == 2


def test_savepoint_may_be_the_first_statement(engine: Engine) -> None:
    with Session(engine) as session:
        with session.begin_nested() as nested:
            session.connection().exec_driver_sql("UPDATE counter SET n = 9")
            nested.rollback()
        session.connection().exec_driver_sql("UPDATE counter SET n = n + 1")
        session.commit()

    assert count(engine) == 1


def test_constraint_that_fails_at_the_commit_undoes_it(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE parent (id INTEGER PRIMARY KEY)")
        connection.exec_driver_sql(
            "CREATE TABLE child (id REFERENCES parent(id) DEFERRABLE INITIALLY DEFERRED)"
        )

    with engine.connect() as connection:
        connection.exec_driver_sql("UPDATE counter SET n = 1")
        connection.exec_driver_sql("INSERT INTO child VALUES (9)")
        with pytest.raises(IntegrityError, match="FOREIGN KEY constraint failed"):
            connection.commit()

    assert count(engine) == 0


@pytest.mark.parametrize("ending", ["rollback", "close", "invalidate", "forgotten"])
def test_ended_transaction_leaves_no_lock(engine: Engine, open_remote: OpenRemote, ending: str) -> None:
    connection = engine.connect()
    connection.exec_driver_sql("UPDATE counter SET n = 5")
    if ending == "forgotten":
        del connection
        gc.collect()
    else:
        getattr(connection, ending)()

    # the server would take a lock that is left over away after 5 s
    impatient = open_remote(EngineRole.WRITE, timeouts=Timeouts(read_seconds=3))
    _add_one(impatient)

    assert count(engine) == 1


# --- isolation --------------------------------------------------------------------------------------------------------


def test_write_transaction_holds_the_lock_from_its_first_statement(
    engine: Engine, proxy: FaultProxy, open_remote: OpenRemote
) -> None:
    other = open_remote(EngineRole.WRITE, url=proxy.url)
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
        writing = threading.Thread(target=_add_one, args=[other])
        writing.start()
        writing.join(timeout=0.3)
        assert writing.is_alive()
        assert proxy.request_count == 1  # it waits at the server
    writing.join()

    assert count(engine) == 1


def test_reader_does_not_wait_for_an_open_write(engine: Engine, reading: Engine) -> None:
    with engine.connect() as writing, reading.connect() as connection:
        writing.exec_driver_sql("UPDATE counter SET n = 1")

        assert connection.exec_driver_sql("SELECT n FROM counter").scalar() == 0
        writing.commit()
        assert connection.exec_driver_sql("SELECT n FROM counter").scalar() == 1


def test_plain_session_sees_one_moment_and_cannot_write_over_what_it_has_not_seen(
    engine: Engine, open_remote: OpenRemote
) -> None:
    with open_remote(EngineRole.SESSION).connect() as connection:
        assert connection.exec_driver_sql("SELECT n FROM counter").scalar() == 0
        _add_one(engine)

        assert connection.exec_driver_sql("SELECT n FROM counter").scalar() == 0
        with pytest.raises(OperationalError, match="locked"):
            connection.exec_driver_sql("UPDATE counter SET n = 7")
        connection.rollback()
        assert connection.exec_driver_sql("SELECT n FROM counter").scalar() == 1


def test_plain_session_takes_no_lock_before_it_writes(engine: Engine, open_remote: OpenRemote) -> None:
    with open_remote(EngineRole.SESSION).connect() as connection:
        connection.exec_driver_sql("SELECT n FROM counter")

        _add_one(engine)


@pytest.mark.parametrize("role", EngineRole)
def test_other_isolation_of_one_connection_ends_with_it(open_remote: OpenRemote, role: EngineRole) -> None:
    engine = open_remote(role)
    for other in ("SERIALIZABLE", "SNAPSHOT", "AUTOCOMMIT"):
        with engine.connect() as connection:
            connection.execution_options(isolation_level=other)
            assert connection.get_isolation_level() == other

    with engine.connect() as connection:
        assert connection.get_isolation_level() == role.value


def test_no_update_is_lost_between_threads_that_read_and_write(engine: Engine) -> None:
    def add(times: int) -> None:
        for _ in range(times):
            with engine.begin() as connection:
                seen = connection.exec_driver_sql("SELECT n FROM counter").scalar_one()
                connection.exec_driver_sql("UPDATE counter SET n = ?", (seen + 1,))

    threads = [threading.Thread(target=add, args=[25]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert count(engine) == 200


# --- transactions that the server ends --------------------------------------------------------------------------------


def test_transaction_that_the_server_killed_is_reported_and_undone(
    engine: Engine, open_remote: OpenRemote
) -> None:
    """A transaction may hold the write lock for 5 s while another writer waits."""
    with engine.connect() as slow:
        slow.exec_driver_sql("UPDATE counter SET n = 100")
        _add_one(open_remote(EngineRole.WRITE))

        with pytest.raises(OperationalError, match="Transaction timed out") as lost:
            slow.exec_driver_sql("UPDATE counter SET n = 200")
        assert isinstance(lost.value.orig, StreamLost)
        assert lost.value.connection_invalidated
        with pytest.raises(PendingRollbackError):
            slow.exec_driver_sql("UPDATE counter SET n = 300")
        slow.rollback()
        slow.exec_driver_sql("UPDATE counter SET n = n + 1")
        slow.commit()

    assert count(engine) == 2


def test_statement_that_rolls_back_by_itself_ends_the_transaction_for_its_owner_too(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE one (id INTEGER PRIMARY KEY)")
        connection.exec_driver_sql("INSERT INTO one VALUES (1)")

    with engine.connect() as connection:
        connection.exec_driver_sql("UPDATE counter SET n = 5")
        with pytest.raises(IntegrityError, match=r"UNIQUE constraint failed: one\.id"):
            connection.exec_driver_sql("INSERT OR ROLLBACK INTO one VALUES (1)")
        with pytest.raises(OperationalError, match="the server ended the transaction"):
            connection.exec_driver_sql("UPDATE counter SET n = 6")

    assert count(engine) == 0


@pytest.mark.parametrize("then", ["execute", "commit"])
def test_lost_transaction_is_not_continued_on_the_bare_connection_either(
    engine: Engine, proxy: FaultProxy, open_remote: OpenRemote, then: str
) -> None:
    impatient = open_remote(EngineRole.WRITE, url=proxy.url, timeouts=Timeouts(read_seconds=3))
    with closing(raw_connection(impatient)) as raw:
        raw.begin()
        raw.execute("UPDATE counter SET n = 1")
        proxy.refuse(times=1)
        with pytest.raises(StreamLost):
            raw.execute("UPDATE counter SET n = 2")

        with pytest.raises(StreamLost):
            raw.commit() if then == "commit" else raw.execute("UPDATE counter SET n = 3")
        raw.rollback()
        raw.begin()
        raw.execute("UPDATE counter SET n = n + 10")  # waits for nobody: the server was told
        raw.commit()

    assert count(engine) == 10


def test_write_whose_begin_was_lost_does_not_run_without_it(
    engine: Engine, proxy: FaultProxy, open_remote: OpenRemote
) -> None:
    with closing(raw_connection(open_remote(EngineRole.WRITE, url=proxy.url))) as raw:
        proxy.refuse(times=1)
        raw.begin()
        with pytest.raises(StreamLost):
            raw.execute("UPDATE counter SET n = 1")

        with pytest.raises(StreamLost):
            raw.execute("UPDATE counter SET n = 2")

    assert count(engine) == 0


# --- one stream for a PRAGMA ------------------------------------------------------------------------------------------


def test_pragma_holds_on_a_sticky_connection_until_it_is_given_back(engine: Engine) -> None:
    with engine.connect() as connection:
        raw = connection.connection.dbapi_connection
        assert raw is not None
        raw.sticky = True
        raw.execute("PRAGMA foreign_keys = OFF")
        connection.exec_driver_sql("UPDATE counter SET n = 1")
        connection.commit()

        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 0

    with engine.connect() as connection:
        assert connection.connection.dbapi_connection is raw
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_pragma_that_would_be_forgotten_is_refused(reading: Engine) -> None:
    with reading.connect() as connection:
        with pytest.raises(ProgrammingError, match="set `sticky`"):
            connection.exec_driver_sql("PRAGMA foreign_keys=OFF")

        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_lost_sticky_stream_is_not_replaced_by_one_without_its_pragma(
    proxy: FaultProxy, open_remote: OpenRemote
) -> None:
    with closing(raw_connection(open_remote(EngineRole.WRITE, url=proxy.url))) as raw:
        raw.sticky = True
        raw.execute("PRAGMA foreign_keys = OFF")
        proxy.refuse(times=1)
        with pytest.raises(StreamLost):
            raw.execute("SELECT 1")

        raw.rollback()
        with pytest.raises(StreamLost):
            raw.execute("SELECT 1")


# --- bare connections -------------------------------------------------------------------------------------------------


def test_bare_connection_runs_what_people_write_themselves(engine: Engine) -> None:
    with closing(raw_connection(engine)) as raw:
        raw.execute("BEGIN")
        raw.execute("UPDATE counter SET n = 1")
        assert raw.in_transaction
        raw.execute("ROLLBACK")
        raw.execute("/* a */ -- b\n begin immediate")
        raw.execute("UPDATE counter SET n = n + 2")
        raw.execute("COMMIT")
        assert not raw.in_transaction

    assert count(engine) == 2


def test_closed_connection_and_cursor_say_so(engine: Engine) -> None:
    raw = raw_connection(engine)
    cursor = raw.execute("SELECT 1")
    cursor.close()
    with pytest.raises(Exception, match="closed cursor"):
        cursor.fetchone()
    raw.close()
    raw.close()
    with pytest.raises(Exception, match="closed database"):
        raw.execute("SELECT 1")


def test_error_names_what_the_server_said_whatever_went_wrong(
    libsql_database: LibsqlServer, reading: Engine
) -> None:
    libsql_database.stop()
    with reading.connect() as connection, pytest.raises(DBAPIError) as refused:
        connection.exec_driver_sql("SELECT 1")

    assert f"127.0.0.1:{libsql_database.port}: ConnectionRefusedError" in str(refused.value)


def _add_one(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE counter SET n = n + 1")
