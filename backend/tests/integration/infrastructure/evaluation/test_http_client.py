"""The client of the providers against servers that send their bytes one by one as told."""

import asyncio
import gzip
import select
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest

from src.infrastructure.evaluation.providers.http_client import (
    BrokenOffError,
    ConnectError,
    HttpAnswer,
    HttpClient,
    Limits,
    NotHttpError,
    TooLargeError,
)
from tests.loopback import LoopbackCurl

_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
_GZIP = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s"


class _Server:
    """Answers each request with the next of `replies`, the last one again and again. `heads` are what it was asked."""

    def __init__(self, *replies: bytes, pause: float = 0.0, hangs_up: bool = False) -> None:
        self.heads: list[str] = []
        self.connections = self.most_open = self._open = 0
        self.gone = asyncio.Event()
        self._replies, self._pause, self._hangs_up = list(replies), pause, hangs_up

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open += 1
        self.most_open = max(self.most_open, self._open)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                self.heads.append(head)
                await reader.readexactly(int(head.partition("Content-Length: ")[2].partition("\r\n")[0]))
                await asyncio.sleep(self._pause)
                writer.write(self._replies.pop(0) if len(self._replies) > 1 else self._replies[0])
                await writer.drain()
                if self._hangs_up:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            self.gone.set()
        finally:
            self._open -= 1
            writer.close()


@asynccontextmanager
async def _asking(
    server: _Server, *, concurrency: int = 1, host: str = "127.0.0.1", path: str = "/v1"
) -> AsyncIterator[Callable[..., Awaitable[HttpAnswer]]]:
    listening = await asyncio.start_server(server.serve, host, 0)
    shown = f"[{host}]" if ":" in host else host
    url = urlsplit(f"http://{shown}:{listening.sockets[0].getsockname()[1]}{path}")
    client = HttpClient(url, {"X-Key": "k"}, concurrency=concurrency, limits=Limits(answer=1000, refusal=10))

    def ask(payload: bytes = b"{}", timeout_seconds: float = 10.0) -> Awaitable[HttpAnswer]:
        return client.post(payload, timeout_seconds=timeout_seconds)

    async with listening:
        try:
            yield ask
        finally:
            await client.aclose()


async def _asked_once(client: HttpClient) -> HttpAnswer:
    try:
        return await client.post(b"", timeout_seconds=10)
    finally:
        await client.aclose()


def _answer(*replies: bytes, hangs_up: bool = False) -> HttpAnswer:
    async def ask_once() -> HttpAnswer:
        async with _asking(_Server(*replies, hangs_up=hangs_up)) as ask:
            return await ask()

    return asyncio.run(ask_once())


def test_request_is_one_post_with_host_length_and_headers() -> None:
    async def run() -> str:
        server = _Server(_OK)
        async with _asking(server, path="/a b/é?x=1 2") as ask:
            await ask(b"12345")
        return server.heads[0]

    lines = asyncio.run(run()).splitlines()
    assert lines[0] == "POST /a%20b/%C3%A9?x=1%202 HTTP/1.1"
    assert {"Content-Length: 5", "X-Key: k", "Accept-Encoding: gzip"} < set(lines)
    assert any(line.startswith("Host: 127.0.0.1:") for line in lines)


@pytest.mark.parametrize(
    ("reply", "hangs_up"),
    [
        (_OK, False),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nh\r\n1\r\ni\r\n0\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\n\r\nhi", True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", True),
        (b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + _OK, False),
        (_GZIP % (22, gzip.compress(b"hi", mtime=0)), False),
    ],
    ids=["length", "chunks", "end of the connection", "1.0", "early hints", "gzip"],
)
def test_answer_is_read_however_it_is_sent(reply: bytes, hangs_up: bool) -> None:
    answer = _answer(reply, hangs_up=hangs_up)
    assert (answer.status, bytes(answer.body)) == (200, b"hi")


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (b"", BrokenOffError),
        (b"HTTP/1.1 200 OK\r\nContent-Le", BrokenOffError),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n", BrokenOffError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi", BrokenOffError),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhi", BrokenOffError),
        (_GZIP % (4, b"nope"), BrokenOffError),
        (b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", BrokenOffError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", BrokenOffError),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000, NotHttpError),
        (b"220 mail ESMTP\r\n", NotHttpError),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1001, TooLargeError),
        (_GZIP % (len(bomb := gzip.compress(b"x" * 10**8)), bomb), TooLargeError),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else value.__name__,
)
def test_answer_that_is_not_whole_not_http_or_too_large_is_an_error(
    reply: bytes, error: type[Exception]
) -> None:
    with pytest.raises(error):
        _answer(reply, hangs_up=True)


def test_refusal_is_cut_at_its_limit() -> None:
    answer = _answer(b"HTTP/1.1 500 Oh\r\nContent-Length: 100\r\n\r\n" + b"x" * 100)
    assert (answer.status, len(answer.body)) == (500, 10)


def test_connections_are_kept_and_never_more_than_concurrency() -> None:
    async def run() -> tuple[int, int]:
        server = _Server(_OK, pause=0.001)
        async with _asking(server, concurrency=5) as ask:
            await asyncio.gather(*(ask() for _ in range(200)))
        return server.connections, server.most_open

    assert asyncio.run(run()) == (5, 5)


def test_what_one_caller_asks_next_is_under_way_before_another_is_handed_its_answer() -> None:
    answered: list[bool] = []

    async def run() -> None:
        loop = asyncio.get_running_loop()
        with socket.create_server(("127.0.0.1", 0)) as listening:
            listening.setblocking(False)
            url = urlsplit(f"http://127.0.0.1:{listening.getsockname()[1]}/v1")
            client = HttpClient(url, {}, concurrency=2, limits=Limits(answer=1000, refusal=10))

            async def ask_again() -> None:
                await client.post(b"", timeout_seconds=10)
                was_asked_again = bool(select.select(connections, [], [], 0)[0])
                answered.append(was_asked_again)
                await client.post(b"", timeout_seconds=10)

            callers = [asyncio.create_task(ask_again()) for _ in range(2)]
            connections = [(await loop.sock_accept(listening))[0] for _ in callers]
            for _round in range(2):
                for connection in connections:
                    await loop.sock_recv(connection, 1000)
                for connection in connections:
                    connection.send(_OK)  # both are there when the loop looks
            await asyncio.gather(*callers)
            await client.aclose()
            for connection in connections:
                connection.close()

    asyncio.run(run())
    assert answered == [False, True]


@pytest.mark.parametrize(
    "reply",
    [_OK + _OK, _OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")],
    ids=["two answers to one question", "close"],
)
def test_connection_that_cannot_be_trusted_again_is_not_used_again(reply: bytes) -> None:
    async def run() -> tuple[int, list[bytes]]:
        server = _Server(reply, _OK)
        async with _asking(server) as ask:
            bodies = [bytes((await ask()).body) for _ in range(2)]
        return server.connections, bodies

    assert asyncio.run(run()) == (2, [b"hi", b"hi"])


def test_connection_that_the_server_ended_meanwhile_is_not_used_again() -> None:
    async def run() -> int:
        server = _Server(_OK, hangs_up=True)
        async with _asking(server) as ask:
            await ask()
            await asyncio.sleep(0.05)
            await ask()
        return server.connections

    assert asyncio.run(run()) == 2


def test_call_that_is_given_up_ends_its_connection_and_frees_its_place() -> None:
    async def run() -> HttpAnswer:
        server = _Server(_OK, pause=0.2)
        async with _asking(server) as ask:
            with pytest.raises(TimeoutError):
                await ask(timeout_seconds=0.05)
            answer = await ask()
            await asyncio.wait_for(server.gone.wait(), 10)
        return answer

    assert asyncio.run(run()).status == 200


def test_call_that_is_cancelled_ends_its_connection_and_leaves_the_others_alone() -> None:
    async def run() -> list[int]:
        server = _Server(_OK, pause=0.2)
        async with _asking(server, concurrency=3) as ask:
            first, cancelled = (asyncio.ensure_future(ask()) for _ in range(2))
            await asyncio.sleep(0.05)
            cancelled.cancel()
            with pytest.raises(asyncio.CancelledError):
                await cancelled
            await asyncio.wait_for(server.gone.wait(), 10)
            return [(await first).status, (await ask()).status]

    assert asyncio.run(run()) == [200, 200]


def test_client_that_is_closed_ends_the_calls_under_way() -> None:
    async def run() -> list[BaseException | HttpAnswer]:
        async with _asking(_Server(_OK, pause=60), concurrency=2) as ask:
            calls = [asyncio.ensure_future(ask()) for _ in range(2)]
            await asyncio.sleep(0.05)
        return await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 10)

    assert [type(ended) for ended in asyncio.run(run())] == [asyncio.CancelledError] * 2


def test_ipv6_address_is_asked() -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")

    async def run() -> str:
        server = _Server(_OK)
        async with _asking(server, host="::1") as ask:
            await ask()
        return server.heads[0]

    assert "Host: [::1]:" in asyncio.run(run())


def test_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert _answer(_OK).status == 200


def test_name_with_several_addresses_where_nobody_listens_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    client = HttpClient(
        urlsplit(f"http://localhost:{port}"), {}, concurrency=1, limits=Limits(answer=1, refusal=1)
    )
    with pytest.raises(ConnectError, match="Connection refused"):
        asyncio.run(_asked_once(client))


def test_tests_never_leave_this_machine() -> None:
    url = urlsplit("http://192.0.2.1/v1")  # of a network that is kept for documents: nobody would answer
    client = HttpClient(url, {}, concurrency=1, limits=Limits(answer=1, refusal=1))
    with pytest.raises(ConnectError):
        asyncio.run(_asked_once(client))
    assert "192.0.2.1" in LoopbackCurl.refused
