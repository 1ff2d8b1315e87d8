"""Locks between processes on one machine; the kernel releases them when a process dies."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: no flock, and no second process in the way of a laptop's first steps
    fcntl = None  # type: ignore[assignment]


CAN_LOCK = fcntl is not None


@contextmanager
def exclusive(path: Path, *, when_held: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Waits until no other process is inside `exclusive(path)`. The file stays: removing it would race.

    `when_held` is called once before waiting; what it raises ends the attempt.
    """
    with path.open("a") as file:
        if fcntl is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                when_held()
                fcntl.flock(file, fcntl.LOCK_EX)
        yield
