"""What an operation costs: requests to the server, and connections."""

import threading
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Column, Engine, Integer, MetaData, String, Table, insert, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from src.infrastructure.shared.database.libsql.dbapi import CHUNK_BYTES
from src.infrastructure.shared.database.libsql.transport import Timeouts
from src.infrastructure.shared.database.local_sqlite import EngineRole
from tests.fault_proxy import FaultProxy

OpenRemote = Callable[..., Engine]


class Base(DeclarativeBase):
    pass


class Row(Base):
    __tablename__ = "rows"
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=lambda: str(uuid4()))
    n: Mapped[int] = mapped_column(default=0)


numbers = Table("numbers", Base.metadata, Column("id", Integer, primary_key=True), Column("text", String))


@pytest.fixture
def writing(engine: Engine, proxy: FaultProxy, open_remote: OpenRemote) -> Engine:
    Base.metadata.create_all(engine)
    return open_remote(EngineRole.WRITE, url=proxy.url)


@pytest.fixture
def reading(writing: Engine, proxy: FaultProxy, open_remote: OpenRemote) -> Engine:
    return open_remote(EngineRole.READ, url=proxy.url)


def cost(proxy: FaultProxy, operation: Callable[[], Any]) -> int:
    before = proxy.request_count
    operation()
    return proxy.request_count - before


def test_read_is_one_request_the_first_one_too(reading: Engine, proxy: FaultProxy) -> None:
    def read() -> None:
        with Session(reading) as session:
            session.execute(select(Row)).all()

    assert cost(proxy, read) == 1
    assert cost(proxy, read) == 1


def test_read_in_a_transaction_is_two(writing: Engine, proxy: FaultProxy) -> None:
    def read() -> None:
        with Session(writing) as session:
            session.execute(select(Row)).all()

    assert cost(proxy, read) == 2


def test_insert_and_commit_are_two_requests(writing: Engine, proxy: FaultProxy) -> None:
    def write() -> None:
        with Session(writing) as session:
            session.add(Row())
            session.commit()

    assert cost(proxy, write) == 2


def test_read_change_and_commit_are_three(writing: Engine, proxy: FaultProxy) -> None:
    with Session(writing) as session:
        session.add(Row(id="one"))
        session.commit()

    def change() -> None:
        with Session(writing) as session:
            session.get_one(Row, "one").n = 5
            session.commit()

    assert cost(proxy, change) == 3


def test_transaction_without_a_statement_costs_nothing(writing: Engine, proxy: FaultProxy) -> None:
    def nothing() -> None:
        with writing.begin():
            pass
        with writing.connect() as connection:
            connection.begin().rollback()

    assert cost(proxy, nothing) == 0


def test_thousand_objects_with_keys_of_their_own_cost_as_little_as_one(
    writing: Engine, proxy: FaultProxy
) -> None:
    def write() -> None:
        with Session(writing) as session:
            session.add_all([Row(n=n) for n in range(1000)])
            session.commit()

    assert cost(proxy, write) <= 6
    with Session(writing) as session:
        assert sorted(session.scalars(select(Row.n))) == list(range(1000))


def test_thousand_rows_of_executemany_cost_six_at_most(writing: Engine, proxy: FaultProxy) -> None:
    def write() -> None:
        with writing.begin() as connection:
            result = connection.execute(insert(numbers), [{"id": n, "text": str(n)} for n in range(1000)])
            assert result.rowcount == 1000

    assert cost(proxy, write) <= 6
    with writing.connect() as connection:
        rows = connection.execute(select(numbers).order_by("id")).all()
    assert rows == [(n, str(n)) for n in range(1000)]


def test_executemany_of_large_rows_is_cut_by_their_size(writing: Engine, proxy: FaultProxy) -> None:
    rows = [{"id": n, "text": str(n) * 300_000} for n in range(8)]
    with writing.begin() as connection:
        connection.execute(insert(numbers), rows)

    inserting = [request for request in proxy.requests if "INSERT" in request.text]
    assert len(inserting) == 3
    assert all(len(request.body) < CHUNK_BYTES * 1.1 for request in inserting)
    with writing.connect() as connection:
        assert connection.execute(select(numbers.c.text).order_by("id")).scalars().all() == [
            row["text"] for row in rows
        ]


def test_row_larger_than_a_chunk_goes_alone(writing: Engine) -> None:
    large = "x" * (CHUNK_BYTES * 2)
    with writing.begin() as connection:
        connection.execute(insert(numbers), [{"id": 1, "text": large}, {"id": 2, "text": large}])
        assert connection.execute(select(numbers.c.text)).scalars().all() == [large, large]


def test_bad_row_of_many_stops_those_after_it(writing: Engine) -> None:
    with writing.connect() as connection:
        with pytest.raises(Exception, match="UNIQUE"):
            connection.exec_driver_sql("INSERT INTO numbers VALUES (?, '')", [(1,), (2,), (1,), (3,)])

        assert connection.execute(select(numbers.c.id)).scalars().all() == [1, 2]


def test_thousand_statements_take_one_connection(reading: Engine, proxy: FaultProxy) -> None:
    for _ in range(1000):
        with reading.connect() as connection:
            connection.exec_driver_sql("SELECT 1").all()

    assert (proxy.request_count, proxy.connection_count) == (1000, 1)


def test_reads_of_forty_threads_go_side_by_side(reading: Engine, proxy: FaultProxy) -> None:
    """Each of the reads ends only when all of them have come."""
    together = threading.Barrier(40, timeout=30)

    def read() -> None:
        with reading.connect() as connection:
            connection.exec_driver_sql("SELECT 1").all()
            together.wait()

    threads = [threading.Thread(target=read) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not together.broken
    assert proxy.connection_count == 40


def test_connection_that_was_closed_while_at_rest_is_replaced_without_a_failure(
    reading: Engine, proxy: FaultProxy
) -> None:
    for _ in range(3):
        with reading.connect() as connection:
            connection.exec_driver_sql("SELECT 1")
        proxy.cut_connections()

    assert (proxy.request_count, proxy.connection_count) == (3, 3)


def test_transaction_goes_on_over_another_connection(writing: Engine, proxy: FaultProxy) -> None:
    with writing.begin() as connection:
        connection.exec_driver_sql("INSERT INTO numbers VALUES (1, 'one')")
        proxy.cut_connections()
        connection.exec_driver_sql("INSERT INTO numbers VALUES (2, 'two')")
        proxy.cut_connections()

    with writing.connect() as connection:
        assert connection.execute(select(numbers.c.id)).scalars().all() == [1, 2]


def test_metadata_is_read_and_written_like_any_other(writing: Engine) -> None:
    found = MetaData()
    found.reflect(writing)

    assert {name: list(table.c.keys()) for name, table in found.tables.items()} == {
        "rows": ["id", "n"],
        "numbers": ["id", "text"],
    }


def test_time_limits_have_sane_defaults() -> None:
    limits = Timeouts()

    assert 0 < limits.connect_seconds <= limits.read_seconds <= limits.total_seconds <= 60
