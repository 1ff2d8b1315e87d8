"""The application as it is served, in a thread of this process."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from src.core.config.settings.base import Settings
from src.main import create_app


@contextmanager
def served(settings: Settings) -> Iterator[int]:
    """Yields its port on 127.0.0.1."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(create_app(settings), log_config=None, access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]  # connections wait in the listener until it serves
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        listener.close()
