"""What networks and servers do wrong: the right exception, nothing half written, and a pool that works afterwards."""

import signal
import threading
import time
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from src.infrastructure.shared.database.libsql.errors import CommitOutcomeUnknown, StreamLost
from src.infrastructure.shared.database.libsql.transport import ANSWER_BYTES, Timeouts
from src.infrastructure.shared.database.local_sqlite import EngineRole
from tests.fault_proxy import FaultProxy
from tests.integration.database.libsql.conftest import raw_connection
from tests.libsql_server import LibsqlServer

OpenRemote = Callable[..., Engine]
SHORT = Timeouts(connect_seconds=2, read_seconds=0.3, total_seconds=1)


@pytest.fixture
def writing(engine: Engine, proxy: FaultProxy, open_remote: OpenRemote) -> Engine:
    """Through the proxy, with a table for marks."""
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE marks (name TEXT)")
    return open_remote(EngineRole.WRITE, url=proxy.url, timeouts=SHORT)


@pytest.fixture
def reading(writing: Engine, proxy: FaultProxy, open_remote: OpenRemote) -> Engine:
    return open_remote(EngineRole.READ, url=proxy.url, timeouts=SHORT)


def marks(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.exec_driver_sql("SELECT name FROM marks ORDER BY rowid").scalars())


def mark(engine: Engine, *names: str) -> None:
    with engine.begin() as connection:
        for name in names:
            connection.exec_driver_sql("INSERT INTO marks VALUES (?)", (name,))


def lost(raised: pytest.ExceptionInfo[OperationalError]) -> StreamLost:
    assert raised.value.connection_invalidated
    original = raised.value.orig
    assert isinstance(original, StreamLost)
    return original


FAULTS: dict[str, Callable[[FaultProxy, str], None]] = {
    "refused": lambda proxy, when: proxy.refuse(when=when),
    "lost": lambda proxy, when: proxy.lose_answer(when=when),
    "hung": lambda proxy, when: proxy.hang(when=when),
    "truncated": lambda proxy, when: proxy.truncate(when=when),
    "dripping": lambda proxy, when: proxy.drip(when=when),
    "no JSON": lambda proxy, when: proxy.replace_answer(b"<html>", when=when),
    "no text": lambda proxy, when: proxy.replace_answer(b"\xff\xfe\x00", when=when),
    "nothing": lambda proxy, when: proxy.replace_answer(b"", when=when),
    "a list": lambda proxy, when: proxy.replace_answer(b"[]", when=when),
    "too few answers": lambda proxy, when: proxy.replace_answer(b'{"results": []}', when=when),
    "other answers": lambda proxy, when: proxy.replace_answer(b'{"results": [1, 2]}', when=when),
    "empty answers": lambda proxy, when: proxy.replace_answer(b'{"results": [{}, {}]}', when=when),
    "deep": lambda proxy, when: proxy.replace_answer(b"[" * 100_000, when=when),
    "endless": lambda proxy, when: proxy.replace_answer(
        b"x", headers={"Content-Length": str(ANSWER_BYTES + 1)}, when=when
    ),
    "no length": lambda proxy, when: proxy.replace_answer(b"x", headers={"Content-Length": "?"}, when=when),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faulty_answer_to_a_statement_loses_the_transaction(
    engine: Engine, writing: Engine, proxy: FaultProxy, fault: str
) -> None:
    FAULTS[fault](proxy, "second")
    with pytest.raises(OperationalError) as raised:
        mark(writing, "first", "second", "third")
    assert type(lost(raised)) is StreamLost
    assert not any("third" in request.text or "COMMIT" in request.text for request in proxy.requests)

    proxy.heal()
    with writing.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        assert connection.exec_driver_sql("SELECT name FROM marks").all() == []


def test_lock_of_a_transaction_whose_answer_was_lost_is_taken_away_by_the_server(
    engine: Engine, writing: Engine, proxy: FaultProxy
) -> None:
    """After 5 s: only its lost answer could have told how to end it."""
    proxy.lose_answer(when="second")
    with pytest.raises(OperationalError):
        mark(writing, "first", "second")

    mark(engine, "healthy")
    assert marks(engine) == ["healthy"]


@pytest.mark.parametrize("fault", FAULTS)
def test_faulty_answer_to_a_commit_leaves_its_outcome_open_and_it_is_never_sent_again(
    engine: Engine, writing: Engine, proxy: FaultProxy, fault: str
) -> None:
    FAULTS[fault](proxy, "COMMIT")
    with pytest.raises(OperationalError, match="look before you repeat it") as raised:
        mark(writing, "once")

    assert type(lost(raised)) is CommitOutcomeUnknown
    assert sum("COMMIT" in request.text for request in proxy.requests) == 1
    proxy.heal()
    with writing.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        found = connection.exec_driver_sql("SELECT name FROM marks").scalars().all()
    assert found == ([] if fault in ("refused", "hung") else ["once"])


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 502, 503, 504])
def test_status_of_an_answer_is_told(
    engine: Engine, writing: Engine, reading: Engine, proxy: FaultProxy, status: int
) -> None:
    proxy.answer(status, b'{"error": "so it is"}', headers={"Retry-After": "7"})
    with pytest.raises(OperationalError, match=f"HTTP status {status}: .*so it is") as raised:
        mark(writing, "never")
    with pytest.raises(OperationalError) as read:
        marks(reading)

    assert (lost(raised).status, lost(raised).retry_after) == (status, 7.0)
    assert type(lost(read)) is StreamLost
    proxy.heal()
    mark(writing, "healthy")
    assert marks(reading) == marks(engine) == ["healthy"]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, StreamLost),
        (429, StreamLost),
        (408, CommitOutcomeUnknown),
        (500, CommitOutcomeUnknown),
        (502, CommitOutcomeUnknown),
        (504, CommitOutcomeUnknown),
    ],
)
def test_commit_that_was_refused_is_told_from_one_that_may_have_been_done(
    engine: Engine, writing: Engine, proxy: FaultProxy, status: int, kind: type[StreamLost]
) -> None:
    proxy.answer(status, when="COMMIT")
    with pytest.raises(OperationalError) as raised:
        mark(writing, "never")

    assert type(lost(raised)) is kind
    assert lost(raised).status == status
    assert marks(engine) == []


@pytest.mark.parametrize(
    ("header", "at_least", "at_most"),
    [("3", 3, 3), ("Fri, 31 Dec 2100 23:59:59 GMT", 86400, 10**10), ("Mon, 01 Jan 2001 00:00:00 GMT", 0, 0)],
)
def test_time_to_wait_is_told_in_seconds(
    reading: Engine, proxy: FaultProxy, header: str, at_least: float, at_most: float
) -> None:
    proxy.answer(429, headers={"Retry-After": header})
    with pytest.raises(OperationalError) as raised:
        marks(reading)

    told = lost(raised).retry_after
    assert told is not None
    assert at_least <= told <= at_most


@pytest.mark.parametrize("header", ["", "soon"])
def test_time_to_wait_that_says_nothing_is_none(reading: Engine, proxy: FaultProxy, header: str) -> None:
    proxy.answer(503, headers={"Retry-After": header})
    with pytest.raises(OperationalError) as raised:
        marks(reading)

    assert lost(raised).retry_after is None


def test_write_outside_a_transaction_may_have_been_done_too(reading: Engine, proxy: FaultProxy) -> None:
    writes = [
        "INSERT INTO marks VALUES ('plain')",
        "WITH one AS (SELECT 'with') INSERT INTO marks SELECT * FROM one",
        "CREATE TABLE other (x)",
    ]
    for statement in writes:
        proxy.lose_answer(times=1)
        with reading.connect() as connection, pytest.raises(OperationalError) as raised:
            connection.exec_driver_sql(statement)
        assert type(lost(raised)) is CommitOutcomeUnknown

    proxy.lose_answer()
    with reading.connect() as connection, pytest.raises(OperationalError) as raised:
        connection.exec_driver_sql("WITH one AS (SELECT 1) SELECT * FROM one")
    assert type(lost(raised)) is StreamLost
    proxy.heal()
    assert marks(reading) == ["plain", "with"]


def test_rollback_succeeds_when_the_server_cannot_be_told(
    engine: Engine, writing: Engine, proxy: FaultProxy
) -> None:
    with writing.connect() as connection:
        connection.exec_driver_sql("INSERT INTO marks VALUES ('never')")
        proxy.refuse(when="ROLLBACK")
        connection.rollback()

        connection.exec_driver_sql("INSERT INTO marks VALUES ('healthy')")
        connection.commit()

    assert marks(engine) == ["healthy"]


def test_refused_connection_is_told_at_once(libsql_database: LibsqlServer, writing: Engine) -> None:
    libsql_database.stop()
    with pytest.raises(OperationalError) as raised:
        mark(writing, "never")
    assert type(lost(raised)) is StreamLost

    libsql_database.start()
    mark(writing, "healthy")
    assert marks(writing) == ["healthy"]


def test_server_that_was_killed_and_started_again_has_what_was_committed(
    libsql_database: LibsqlServer, engine: Engine, writing: Engine
) -> None:
    mark(engine, "kept")
    with engine.connect() as connection:
        connection.exec_driver_sql("INSERT INTO marks VALUES ('lost with the server')")
        libsql_database.stop(kill=True)
        libsql_database.start()

        with pytest.raises(OperationalError) as raised:
            connection.commit()
        assert isinstance(lost(raised), StreamLost)

    assert marks(engine) == ["kept"]


def test_stalled_server_keeps_nobody_but_those_who_ask_it(
    writing: Engine, proxy: FaultProxy, open_remote: OpenRemote
) -> None:
    patient = open_remote(EngineRole.READ, url=proxy.url)
    ended: list[object] = []

    def ask() -> None:
        try:
            ended.append(marks(patient))
        except OperationalError as exc:
            ended.append(exc)

    proxy.hang()
    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    while proxy.request_count < 20 and not ended:
        time.sleep(0.01)

    assert ended == []  # twenty wait side by side
    proxy.heal()
    for thread in threads:
        thread.join()
    assert len(ended) == 20
    assert marks(patient) == []


def test_dripping_server_is_given_up_after_the_whole_time(reading: Engine, proxy: FaultProxy) -> None:
    """Each byte comes within the limit for a silence; 300 bytes of them would take 6 s."""
    proxy.drip()
    with pytest.raises(OperationalError, match="no answer in time"):
        marks(reading)


def test_interrupted_request_leaves_no_answer_for_the_next(
    writing: Engine, reading: Engine, proxy: FaultProxy
) -> None:
    """As when the user presses Ctrl-C while an answer is awaited."""

    class InterruptedHereError(BaseException):
        pass

    def interrupt(_number: int, _frame: object) -> None:
        raise InterruptedHereError

    with closing(raw_connection(reading)) as raw:
        raw.execute("SELECT 'old'")
        proxy.delay_ms = 100
        before = signal.signal(signal.SIGUSR1, interrupt)
        try:
            with pytest.raises(InterruptedHereError):  # noqa: PT012  # the signal comes while the statement runs
                threading.Timer(0.05, signal.raise_signal, [signal.SIGUSR1]).start()
                raw.execute("SELECT 'interrupted'")
        finally:
            signal.signal(signal.SIGUSR1, before)

        assert raw.execute("SELECT 'new'").fetchall() == [("new",)]


# --- tokens -----------------------------------------------------------------------------------------------------------


def test_token_that_may_only_read_reads(
    libsql_database: LibsqlServer, writing: Engine, open_remote: OpenRemote
) -> None:
    token = libsql_database.token("ro")
    engine = open_remote(EngineRole.WRITE, token=token)
    with pytest.raises(OperationalError) as raised:
        mark(engine, "never")

    assert lost(raised).status == 403
    assert marks(open_remote(EngineRole.READ, token=token)) == []


def test_expired_token_is_refused(libsql_database: LibsqlServer, open_remote: OpenRemote) -> None:
    engine = open_remote(EngineRole.READ, token=libsql_database.token(expires_in=timedelta(hours=-1)))
    with pytest.raises(OperationalError) as raised:
        marks(engine)

    assert lost(raised).status == 401


def test_token_that_expires_in_a_transaction_ends_it(
    libsql_database: LibsqlServer, writing: Engine, reading: Engine, open_remote: OpenRemote
) -> None:
    """The server gives 60 s of grace, of which all but one or two are over here."""
    token = libsql_database.token(expires_in=timedelta(seconds=-58))
    with open_remote(EngineRole.WRITE, token=token).connect() as connection:
        with pytest.raises(OperationalError) as raised:  # noqa: PT012  # the server's clock decides when
            for _ in range(100):
                connection.exec_driver_sql("INSERT INTO marks VALUES ('never')")
                time.sleep(0.05)

        assert lost(raised).status == 401
    assert marks(reading) == []


# --- rest -------------------------------------------------------------------------------------------------------------


def test_server_that_gave_up_on_streams_at_rest(writing: Engine, open_remote: OpenRemote) -> None:
    """After 10 s. A pooled connection has none open; a transaction is lost, and so is what a PRAGMA set."""
    pooled, engine = open_remote(EngineRole.READ), open_remote(EngineRole.WRITE)
    marks(pooled)
    with engine.connect() as sticky:
        raw = sticky.connection.dbapi_connection
        assert raw is not None
        raw.sticky = True
        raw.execute("PRAGMA foreign_keys = OFF")
        with engine.connect() as asks, engine.connect() as commits:
            # two transactions that only read: neither keeps the other from waiting
            for connection in (asks, commits):
                connection.execution_options(isolation_level="SNAPSHOT")
                connection.exec_driver_sql("SELECT 1")
            time.sleep(11.2)

            assert marks(pooled) == []
            with pytest.raises(OperationalError, match="expired") as raised:
                asks.exec_driver_sql("SELECT 1")
            assert lost(raised).status == 400
            with pytest.raises(OperationalError, match="expired") as raised:
                commits.commit()
            assert type(lost(raised)) is StreamLost
        with pytest.raises(StreamLost, match="expired"):
            raw.execute("PRAGMA foreign_keys")
