"""Runs of the server: one thread with an event loop of its own, so that no run waits on a request or delays one."""

import asyncio
import logging
import os
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future

from src.application.services import Services
from src.domain.shared.errors import DomainError
from src.domain.shared.ids import EvaluationId, new_id

STOP_SECONDS = 10.0
log = logging.getLogger(__name__)


class BackgroundRuns:
    """Starts its thread with the first run; `stop` interrupts what runs, and leaves it to be resumed."""

    def __init__(self, services: Callable[[], Services]) -> None:
        self._services = services
        self._starting = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stops: set[asyncio.Event] = set()
        self._futures: set[Future[None]] = set()
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{new_id()[:8]}"

    def launch(self, evaluation_id: EvaluationId) -> None:
        stop = asyncio.Event()
        self._stops.add(stop)  # here, so that a `stop` that comes before the run begins meets it too
        future = asyncio.run_coroutine_threadsafe(self._run(evaluation_id, stop), self._running_loop())
        self._futures.add(future)
        future.add_done_callback(self._futures.discard)

    def stop(self) -> None:
        """Asks every run to end, waits for it within bounds, and ends the thread. A later `launch` starts anew."""
        with self._starting:
            loop, self._loop = self._loop, None
        if loop is None:
            return
        loop.call_soon_threadsafe(self._ask_to_stop)
        for future in list(self._futures):
            try:
                future.result(timeout=STOP_SECONDS)
            except TimeoutError:
                log.warning(
                    "a run did not end within %s s; it can be resumed when its lease has expired",
                    STOP_SECONDS,
                )
                future.cancel()
        loop.call_soon_threadsafe(loop.stop)
        self._thread.join(timeout=STOP_SECONDS)

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        with self._starting:
            if self._loop is None:
                self._loop = asyncio.SelectorEventLoop()  # libcurl's sockets need one that can watch them
                self._thread = threading.Thread(target=_serve, args=(self._loop,), name="runs", daemon=True)
                self._thread.start()
            return self._loop

    def _ask_to_stop(self) -> None:
        for event in self._stops:
            event.set()

    async def _run(self, evaluation_id: EvaluationId, stop: asyncio.Event) -> None:
        from src.application.evaluation.runner import run_evaluation  # a server starts faster without it

        try:
            await run_evaluation(evaluation_id, owner=self.owner, services=self._services(), stop=stop)
        except DomainError as exc:
            log.warning("evaluation %s was not run: %s", evaluation_id, exc)
        except Exception:
            log.exception("evaluation %s broke off", evaluation_id)
        finally:
            self._stops.discard(stop)


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
