"""How long others are kept waiting: by the longest transaction, not by the whole."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from src.infrastructure.shared.database.local_sqlite import EngineRole, local_engine
from src.operations.migrations.longest_transaction import LongestTransaction


class Clock:
    """Stands still, but for `SELECT wait(seconds)`."""

    now = 100.0

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def connection(tmp_path: Path, clock: Clock) -> Iterator[Connection]:
    engine = local_engine(tmp_path / "plain.db", EngineRole.WRITE)
    with engine.connect() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        raw.create_function("wait", 1, clock.wait)
        yield connection
    engine.dispose()


def wait(connection: Connection, seconds: float) -> None:
    connection.exec_driver_sql(f"SELECT wait({seconds})").all()


def test_open_transaction_counts_as_a_whole(connection: Connection, clock: Clock) -> None:
    wait(connection, 50)
    longest = LongestTransaction(connection, clock)

    wait(connection, 1)
    wait(connection, 2)

    assert longest.stop() == 3


def test_the_longest_of_several_counts(connection: Connection, clock: Clock) -> None:
    longest = LongestTransaction(connection, clock)
    wait(connection, 1)
    connection.commit()
    clock.wait(40)
    wait(connection, 4)
    connection.rollback()
    wait(connection, 2)

    assert longest.stop() == 4


def test_each_statement_in_autocommit_counts_for_itself(connection: Connection, clock: Clock) -> None:
    longest = LongestTransaction(connection, clock)
    wait(connection, 1)
    connection.commit()
    connection.execution_options(isolation_level="AUTOCOMMIT")
    for _ in range(9):
        wait(connection, 2)
        clock.wait(1)
    connection.commit()
    connection.execution_options(isolation_level="SERIALIZABLE")
    wait(connection, 1)

    assert longest.stop() == 2
