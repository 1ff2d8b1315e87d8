"""Adding a version runs on the event loop, and must never make the loop wait for another writer."""

import fcntl
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager

import pytest
from starlette.testclient import TestClient

from src.bootstrap import Container
from tests.backends import on_sqlite
from tests.integration.api.calls import PROMPTS, post_prompt


@contextmanager
def writing_here(container: Container) -> Iterator[None]:
    with container.database.write_transaction():
        yield


@contextmanager
def writing_in_another_process(container: Container) -> Iterator[None]:
    """A lock on the file is as good as another process's: SQLite tells connections apart, not processes."""
    with closing(sqlite3.connect(container.database.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def checkpointing_in_another_process(container: Container) -> Iterator[None]:
    path = container.database.path
    with path.with_name(f"{path.name}-lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@on_sqlite
@pytest.mark.parametrize("busy", [writing_here, writing_in_another_process, checkpointing_in_another_process])
def test_new_version_waits_for_another_writer_and_nothing_waits_for_it(
    client: TestClient, container: Container, busy: Callable[[Container], AbstractContextManager[None]]
) -> None:
    url = f"{PROMPTS}/{post_prompt(client)['id']}"
    with ThreadPoolExecutor(1) as thread:
        with busy(container):
            adding = thread.submit(client.post, f"{url}/versions", json={"content": "Second"})
            with pytest.raises(TimeoutError):
                adding.result(timeout=0.3)
            assert client.get(url).json()["version"] == 1
        assert adding.result(timeout=15).json()["version"] == 2
