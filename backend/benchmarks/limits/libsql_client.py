"""The same work on a libSQL server by different drivers. KIND (ours, bare, driver or published) PORT

bare       HTTP requests of the standard library that hold what has to be said, and nothing that says it
driver     turso-serverless as it is published
published  sqlalchemy-libsql as it is published, in an environment that has it

The token is in TURSO_AUTH_TOKEN. For each line that it reads, such as `read 20`, it does the work so many times and
prints the seconds of each as JSON.
"""

import http.client
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

BULK = 1000
_SELECT = "SELECT id, x FROM bench WHERE id = 1"
_INSERT = "INSERT INTO bench (x) VALUES (?)"
_ADD = "UPDATE counter SET n = ?"
_VALUES = [(f"value {number}",) for number in range(BULK)]
_CLOSE = {"type": "close"}


class WithSqlAlchemy:
    """Reads in AUTOCOMMIT where the dialect can, writes in transactions."""

    def __init__(self, url: str, **options: Any) -> None:
        from sqlalchemy import create_engine

        engine = create_engine(url, **options)
        autocommit = {"isolation_level": "AUTOCOMMIT"}
        self._reading = engine.execution_options(**autocommit) if url.startswith("libsql") else engine
        self._writing = engine

    def read(self) -> None:
        with self._reading.connect() as connection:
            connection.exec_driver_sql(_SELECT).all()

    def write(self) -> None:
        with self._writing.begin() as connection:
            connection.exec_driver_sql(_INSERT, _VALUES[0])

    def bulk(self) -> None:
        with self._writing.begin() as connection:
            connection.exec_driver_sql(_INSERT, _VALUES)

    def add(self) -> None:
        with self._writing.begin() as connection:
            seen = connection.exec_driver_sql("SELECT n FROM counter").scalar_one()
            connection.exec_driver_sql(_ADD, (seen + 1,))


class WithDriver:
    """A connection for each thread; `end` closes it, else its stream takes one of the server's 128 places for 10 s."""

    def __init__(self, url: str, token: str) -> None:
        import turso_serverless

        self._connect = lambda: turso_serverless.connect(url, auth_token=token, isolation_level="IMMEDIATE")
        self._local = threading.local()

    @property
    def _connection(self) -> Any:
        if not hasattr(self._local, "connection"):
            self._local.connection = self._connect()
        return self._local.connection

    def read(self) -> None:
        self._connection.execute(_SELECT).fetchall()

    def write(self) -> None:
        self._connection.execute(_INSERT, _VALUES[0])
        self._connection.commit()

    def bulk(self) -> None:
        self._connection.executemany(_INSERT, _VALUES)
        self._connection.commit()

    def add(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        [(seen,)] = self._connection.execute("SELECT n FROM counter").fetchall()
        self._connection.execute(_ADD, (seen + 1,))
        self._connection.commit()

    def end(self) -> None:
        self._connection.close()


class Bare:
    def __init__(self, port: int, token: str) -> None:
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._port, self._local = port, threading.local()

    def read(self) -> None:
        self._ask([_step(_SELECT)], None, _CLOSE)

    def write(self) -> None:
        baton = self._ask([_step("BEGIN IMMEDIATE"), _step(_INSERT, "value")], None)
        self._ask([_step("COMMIT")], baton, _CLOSE)

    def bulk(self) -> None:
        baton = self._ask([_step("BEGIN IMMEDIATE"), *(_step(_INSERT, value) for (value,) in _VALUES)], None)
        self._ask([_step("COMMIT")], baton, _CLOSE)

    def add(self) -> None:
        baton = self._ask([_step("BEGIN IMMEDIATE"), _step("SELECT n FROM counter")], None)
        baton = self._ask([_step("UPDATE counter SET n = n + 1")], baton)
        self._ask([_step("COMMIT")], baton, _CLOSE)

    def _ask(self, steps: list[Any], baton: str | None, *more: Any) -> str | None:
        if not hasattr(self._local, "connection"):
            self._local.connection = http.client.HTTPConnection("127.0.0.1", self._port)
        batch = {"type": "batch", "batch": {"steps": steps}}
        body = json.dumps({"baton": baton, "requests": [batch, *more]})
        self._local.connection.request("POST", "/v3/pipeline", body, self._headers)
        answer = json.loads(self._local.connection.getresponse().read())
        assert not any(answer["results"][0]["response"]["result"]["step_errors"])
        found: str | None = answer["baton"]
        return found


def _step(sql: str, *values: str) -> Any:
    return {"stmt": {"sql": sql, "args": [{"type": "text", "value": value} for value in values]}}


def client(kind: str, port: int, token: str) -> Any:
    if kind == "ours":
        options = {"pool_size": 50, "connect_args": {"auth_token": token}}
        return WithSqlAlchemy(f"libsql://127.0.0.1:{port}?tls=0", **options)
    if kind == "published":
        return WithSqlAlchemy(
            f"sqlite+libsql://127.0.0.1:{port}?secure=false", connect_args={"auth_token": token}
        )
    return Bare(port, token) if kind == "bare" else WithDriver(f"http://127.0.0.1:{port}", token)


def together(work: Callable[[], None], end: Callable[[], None], threads: int, times: int) -> float:
    """Seconds until all threads have done the work so many times each, and what ends it."""
    failed: list[Exception] = []

    def run() -> None:
        try:
            for _ in range(times):
                work()
            end()
        except Exception as exc:  # noqa: BLE001 - the first is raised below, once
            failed.append(exc)

    running = [threading.Thread(target=run) for _ in range(threads)]
    began = time.perf_counter()
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    if failed:
        raise failed[0]
    return time.perf_counter() - began


def main(kind: str, port: int) -> None:
    does = client(kind, port, os.environ["TURSO_AUTH_TOKEN"])
    print("ready", flush=True)
    for line in sys.stdin:
        name, *numbers = line.split()
        if name == "together":
            work, threads, times = numbers
            end = getattr(does, "end", lambda: None)
            seconds = [together(getattr(does, work), end, int(threads), int(times))]
        else:
            seconds = []
            for _ in range(int(numbers[0])):
                began = time.perf_counter()
                getattr(does, name)()
                seconds.append(time.perf_counter() - began)
        print(json.dumps(seconds), flush=True)


main(sys.argv[1], int(sys.argv[2]))
