"""The built-in load generator, a process of its own: PORT CLIENTS SECONDS METHOD PATHS_FILE BODY_FILE SERIES."""

import asyncio
import itertools
import json
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


class Client(asyncio.Protocol):
    """One connection with one request under way at a time."""

    def __init__(self, requests: Iterator[bytes], latencies: list[float], errors: list[str]) -> None:
        self._requests, self._latencies, self._errors = requests, latencies, errors
        self._received = b""
        self._missing = 0
        self.is_stopped = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.is_stopped:
            self._errors.append(f"connection lost: {exc}")

    def data_received(self, data: bytes) -> None:
        if self._missing:
            self._missing -= len(data)
        else:
            self._received += data
            head, end, rest = self._received.partition(b"\r\n\r\n")
            if not end:
                return
            found = _LENGTH.search(head + b"\r\n")
            assert found is not None, "an answer without Content-Length"
            self._missing = int(found[1]) - len(rest)
            if not 200 <= int(head[9:12]) < 300:
                self._errors.append(head[:40].decode())
            self._received = b""
        if self._missing <= 0:
            self._latencies.append(time.perf_counter() - self._sent)
            if not self.is_stopped:
                self._send()

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self.transport.write(next(self._requests))


def requests(method: str, paths: list[str], body: str, series: str) -> Iterator[bytes]:
    for count, path in enumerate(itertools.cycle(paths), start=1):
        content = body.replace("@@", f"{series}-{count}").encode()
        lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
        if content:
            lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
        yield "\r\n".join([*lines, "", ""]).encode() + content


async def main(port: int, clients: int, seconds: int, sending: Iterator[bytes]) -> None:
    latencies: list[float] = []
    errors: list[str] = []
    loop, began = asyncio.get_running_loop(), time.perf_counter()
    loop.set_exception_handler(
        lambda _, context: errors.append(str(context.get("exception", context["message"])))
    )
    made = [
        await loop.create_connection(lambda: Client(sending, latencies, errors), "127.0.0.1", port)
        for _ in range(clients)
    ]
    await asyncio.sleep(seconds)
    for _, client in made:
        client.is_stopped = True
    took, latencies = time.perf_counter() - began, sorted(latencies)
    p50, p99 = (latencies[int(len(latencies) * share)] * 1000 if latencies else 0.0 for share in (0.5, 0.99))
    await asyncio.sleep(
        0.1
    )  # what is under way may still arrive; closing on it would be an error of the server
    for transport, _ in made:
        transport.close()
    counted = {
        "requests": len(latencies),
        "seconds": took,
        "p50_ms": p50,
        "p99_ms": p99,
        "errors": len(errors),
    }
    print("\n".join(errors[:5]))
    print(json.dumps(counted))


def run() -> None:
    port, clients, seconds = map(int, sys.argv[1:4])
    method, paths_file, body_file, series = sys.argv[4:]
    paths, body = (Path(file).read_text(encoding="utf-8") for file in (paths_file, body_file))
    work = main(port, clients, seconds, requests(method, paths.splitlines(), body, series))
    try:
        import uvloop
    except ImportError:
        asyncio.run(work)
    else:
        uvloop.run(work)


if __name__ == "__main__":
    run()
