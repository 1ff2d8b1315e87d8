import threading
import time

import pytest

from src.infrastructure.shared.database.fair_lock import FairLock


def wait_for_waiting(lock: FairLock, count: int) -> None:
    deadline = time.monotonic() + 5
    while len(lock._waiting) < count:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_turns_come_in_the_order_of_asking() -> None:
    lock, order = FairLock(timeout_seconds=5), list[int]()

    def take(number: int) -> None:
        with lock:
            order.append(number)

    threads = [threading.Thread(target=take, args=[number]) for number in range(8)]
    with lock:
        for number, thread in enumerate(threads):
            thread.start()
            wait_for_waiting(lock, number + 1)
    for thread in threads:
        thread.join()

    assert order == list(range(8))


def test_who_just_had_a_turn_goes_to_the_end() -> None:
    lock, order = FairLock(timeout_seconds=5), list[str]()

    def take() -> None:
        with lock:
            order.append("waiting")

    thread = threading.Thread(target=take)
    with lock:
        thread.start()
        wait_for_waiting(lock, 1)
    with lock:
        order.append("again")
    thread.join()

    assert order == ["waiting", "again"]


def test_one_at_a_time() -> None:
    lock, inside, most = FairLock(timeout_seconds=5), 0, 0

    def take() -> None:
        nonlocal inside, most
        for _ in range(50):
            with lock:
                inside += 1
                most = max(most, inside)
                time.sleep(0)
                inside -= 1

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (most, inside) == (1, 0)


def test_wait_has_an_end() -> None:
    lock = FairLock(timeout_seconds=0.05)

    with lock, pytest.raises(TimeoutError, match=r"did not end within 0\.05 s"), lock:
        pass


def test_who_gave_up_waiting_is_skipped() -> None:
    lock = FairLock(timeout_seconds=0.05)
    with lock, pytest.raises(TimeoutError), lock:
        pass

    with lock:
        pass
    with lock:
        pass


def test_failure_inside_gives_the_lock_back() -> None:
    lock = FairLock(timeout_seconds=0.05)
    with pytest.raises(ZeroDivisionError), lock:
        raise ZeroDivisionError

    with lock:
        pass


def test_lock_that_is_free_is_taken_without_waiting_and_one_that_is_held_is_not() -> None:
    lock = FairLock(timeout_seconds=1)
    assert lock.try_enter()
    assert not lock.try_enter()
    lock.__exit__()
    assert lock.try_enter()
