"""A lock that is taken in the order of asking.

`threading.Lock`, and a pool of one connection, let a thread that just released take it again at once: with eight
writers one of them waited 3.3 s for its turn.
"""

from collections import deque
from threading import Lock


class FairLock:
    def __init__(self, *, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        self._state = Lock()
        self._held = False
        self._waiting: deque[Lock] = deque()

    def try_enter(self) -> bool:
        """Takes the lock if nobody has it, without waiting."""
        with self._state:
            was_held, self._held = self._held, True
            return not was_held

    def __enter__(self) -> None:
        """Raises TimeoutError when the turn does not come in time."""
        with self._state:
            if not self._held:
                self._held = True
                return
            turn = Lock()
            turn.acquire()
            self._waiting.append(turn)
        try:
            came = turn.acquire(timeout=self._timeout_seconds)
        except BaseException:  # Ctrl-C while waiting
            if not self._give_up(turn):
                self.__exit__()
            raise
        if not came and self._give_up(turn):
            raise TimeoutError(
                f"another write of this process did not end within {self._timeout_seconds:g} s"
            )

    def _give_up(self, turn: Lock) -> bool:
        """False when the turn came in the very moment the waiting ended: then the lock is ours."""
        with self._state:
            if turn not in self._waiting:
                return False
            self._waiting.remove(turn)
            return True

    def __exit__(self, *exc: object) -> None:
        with self._state:
            if self._waiting:
                self._waiting.popleft().release()  # the lock stays held, by the one whose turn it is
            else:
                self._held = False
