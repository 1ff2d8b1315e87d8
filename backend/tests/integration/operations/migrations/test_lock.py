"""One runner at a time, on both backends; a dead one does not stand in the way."""

import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from sqlalchemy import event, text

from src.core.config.settings.base import AppEnv
from src.infrastructure.shared.database.local_sqlite import EngineRole
from src.infrastructure.shared.database.turso_connection import TursoConnection
from src.operations.migrations.lock import (
    Holder,
    MigrationLock,
    MigrationLockHeldError,
    MigrationLockLostError,
    leave_when_held,
)
from src.operations.migrations.target import Target

HERE = socket.gethostname()
PATIENCE_SECONDS = 30


def lock_of(database: TursoConnection, *, seconds: float = 30) -> MigrationLock:
    """The lock as another process has it: with connections of its own."""
    file = Target.of(database, AppEnv.LOCAL).file
    return MigrationLock(database.engine(EngineRole.SESSION), file=file, seconds=seconds)


def change_row(database: TursoConnection, assignment: str) -> None:
    with database.engine(EngineRole.WRITE).begin() as connection:
        connection.execute(text(f"UPDATE _migration_lock SET {assignment}"))


def leave_row(database: TursoConnection, *, host: str, is_over: bool) -> None:
    """What a runner leaves behind that died without a word."""
    engine = database.engine(EngineRole.WRITE)
    with lock_of(database).hold("upgrade from 0001 to 0002"), engine.begin() as connection:
        connection.execute(text("CREATE TABLE kept AS SELECT * FROM _migration_lock"))
    with database.engine(EngineRole.WRITE).begin() as connection:
        connection.execute(text("INSERT INTO _migration_lock SELECT * FROM kept"))
        connection.execute(text("DROP TABLE kept"))
    change_row(database, f"owner = '{host}/4711/abc'" + (", expires_at = 0" if is_over else ""))


def wait_for(claim: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not claim():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def holder_of(database: TursoConnection) -> Holder:
    found = lock_of(database).holder()
    assert found is not None
    return found


def test_lock_tells_who_has_it_and_is_gone_after(fresh: TursoConnection) -> None:
    with lock_of(fresh).hold("upgrade from 0001 to 0002") as lease:
        told = str(holder_of(fresh))

        assert told.startswith("process ")
        assert f" on {HERE} since 2" in told
        assert told.endswith(" UTC (upgrade from 0001 to 0002)")
        assert (holder_of(fresh).is_over, lease.taken_over) == (False, None)
    assert lock_of(fresh).holder() is None


def test_lock_is_gone_after_an_error(fresh: TursoConnection) -> None:
    with pytest.raises(ZeroDivisionError), lock_of(fresh).hold("upgrade"):
        raise ZeroDivisionError

    assert lock_of(fresh).holder() is None


def test_second_runner_waits_and_says_for_whom_once(fresh: TursoConnection) -> None:
    waits, said, order = Event(), [], []

    def second() -> None:
        def say(who: str) -> None:
            said.append(who)
            waits.set()

        with lock_of(fresh).hold("second", when_held=say):
            order.append("second")

    with ThreadPoolExecutor(1) as pool, lock_of(fresh).hold("first"):
        running = pool.submit(second)
        assert waits.wait(PATIENCE_SECONDS)
        order.append("first")
        pool.shutdown(wait=False)
        assert not running.done()
    running.result(PATIENCE_SECONDS)

    assert order == ["first", "second"]
    [who] = said
    assert f" on {HERE} since " in who
    assert who.endswith("(first)")


def test_runner_that_does_not_want_to_wait_leaves(fresh: TursoConnection) -> None:
    second = lock_of(fresh).hold("second", when_held=leave_when_held)
    with lock_of(fresh).hold("first"), pytest.raises(MigrationLockHeldError) as refused, second:
        pytest.fail("two runners at once")

    said = str(refused.value)
    assert said.startswith("The database is being migrated by process ")
    assert "(first)" in said


def test_lease_that_is_over_is_taken_over(fresh: TursoConnection) -> None:
    leave_row(fresh, host="elsewhere", is_over=True)

    with lock_of(fresh).hold("next", when_held=leave_when_held) as lease:
        assert lease.taken_over is not None
        assert lease.taken_over.host == "elsewhere"
        assert "(upgrade from 0001 to 0002)" in str(lease.taken_over)
        assert holder_of(fresh).what == "next"


def test_lease_of_another_machine_is_respected_until_it_is_over(fresh: TursoConnection) -> None:
    leave_row(fresh, host="elsewhere", is_over=False)

    following = lock_of(fresh).hold("next", when_held=leave_when_held)
    with pytest.raises(MigrationLockHeldError, match="process 4711 on elsewhere"), following:
        pytest.fail("the other one may be alive")


def test_dead_runner_of_this_machine_is_known_where_there_is_a_kernel_lock(fresh: TursoConnection) -> None:
    leave_row(fresh, host=HERE, is_over=False)

    if fresh.is_local:
        with lock_of(fresh).hold("next", when_held=leave_when_held) as lease:
            assert lease.taken_over is not None
    else:  # hosts may share a name
        with pytest.raises(MigrationLockHeldError), lock_of(fresh).hold("next", when_held=leave_when_held):
            pytest.fail("it may be alive on another machine of that name")


def test_lease_is_renewed_while_it_is_held(fresh: TursoConnection) -> None:
    with lock_of(fresh, seconds=3).hold("long"):
        change_row(fresh, "expires_at = 0")
        assert holder_of(fresh).is_over
        wait_for(lambda: not holder_of(fresh).is_over)


def test_nothing_is_renewed_from_beside_while_a_transaction_is_open(fresh: TursoConnection) -> None:
    """LibSQL would end the transaction that keeps the renewal waiting for 5 s."""
    beside: list[object] = []
    engine = fresh.engine(EngineRole.WRITE)
    with (
        lock_of(fresh, seconds=0.03).hold("long") as lease,
        engine.connect() as connection,
        lease.quiet_beside(connection),
    ):
        connection.execute(text("CREATE TABLE half (x INTEGER)"))
        event.listen(fresh.engine(EngineRole.SESSION), "begin", beside.append)
        time.sleep(0.3)  # ten renewals
        assert beside == []
        lease.renew_in(connection)
        connection.commit()
        wait_for(lambda: bool(beside))  # and on it goes


def test_batches_in_autocommit_let_the_lease_be_renewed(fresh: TursoConnection) -> None:
    engine = fresh.engine(EngineRole.WRITE)
    with (
        lock_of(fresh, seconds=3).hold("backfill") as lease,
        engine.connect() as connection,
        lease.quiet_beside(connection),
    ):
        connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.execute(text("UPDATE _migration_lock SET expires_at = 0"))
        wait_for(lambda: not holder_of(fresh).is_over)


def test_lost_lease_is_noticed_and_left_to_its_new_owner(fresh: TursoConnection) -> None:
    with lock_of(fresh).hold("slept") as lease:
        change_row(fresh, "owner = 'elsewhere/1/abc', what = 'newer'")

        with (
            fresh.engine(EngineRole.WRITE).begin() as connection,
            pytest.raises(MigrationLockLostError) as lost,
        ):
            lease.renew_in(connection)

    assert "process 1 on elsewhere" in str(lost.value)
    assert "autoforge db status" in str(lost.value)
    assert holder_of(fresh).what == "newer"
