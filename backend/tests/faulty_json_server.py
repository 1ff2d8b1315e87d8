"""A JSON server for tests on 127.0.0.1 that can be told what goes wrong, and remembers what it was asked."""

import json
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self
from urllib.parse import parse_qs, urlsplit

Kind = Literal["answer", "hang", "drop", "lose", "drip"]


class Refused(Exception):  # noqa: N818 - an answer like any other
    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status, self.error = status, error


@dataclass(frozen=True)
class Reply:
    """An answer with another status than 200; a `said` of None is an empty body."""

    status: int
    said: Any = None


@dataclass
class _Fault:
    kind: Kind
    method: str
    path: str
    times: int | None
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    after: int = 0


@dataclass(frozen=True)
class Call:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any


class FaultyJsonServer:
    """Answers with what `respond` returns. Faults concern calls whose method and end of path are `on`."""

    def __init__(self) -> None:
        self.seen: list[Call] = []
        self._faults: list[_Fault] = []
        self._healed = threading.Event()
        self._lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def respond(self, call: Call) -> Any:
        """What to answer: None for an empty body, a Reply for another status than 200. Raises Refused."""
        raise NotImplementedError

    def error_body(self, refused: Refused) -> Any:
        return {"error": refused.error}

    def calls(self, method: str, path: str = "") -> int:
        """How many calls came whose path ends so."""
        return sum(call.method == method and call.path.endswith(path) for call in self.seen)

    @property
    def changes(self) -> list[str]:
        """Method and path of all calls that were to change something, in their order."""
        return [f"{call.method} {call.path}" for call in self.seen if call.method != "GET"]

    def __enter__(self) -> Self:
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, name="faulty-json", daemon=True
        ).start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.heal()
        self._server.shutdown()
        self._server.server_close()

    # --- what goes wrong ----------------------------------------------------------------------------------------------

    def answer(
        self,
        status: int,
        body: bytes = b'{"error": "said so"}',
        *,
        on: tuple[str, str] = ("", ""),
        times: int | None = None,
        after: int = 0,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Answers with this, and does nothing; the first `after` calls are left alone."""
        self._faults.append(_Fault("answer", *on, times, status, body, headers or {}, after))

    def hang(self, *, on: tuple[str, str] = ("", ""), times: int | None = None) -> None:
        """Never answers, and does nothing."""
        self._faults.append(_Fault("hang", *on, times))

    def drop(self, *, on: tuple[str, str] = ("", ""), times: int | None = None) -> None:
        """Closes the connection, and does nothing."""
        self._faults.append(_Fault("drop", *on, times))

    def drip(self, *, on: tuple[str, str] = ("", ""), times: int | None = None) -> None:
        """Answers a byte each 20 ms, without an end, and does nothing."""
        self._faults.append(_Fault("drip", *on, times))

    def lose_answer(self, *, on: tuple[str, str], times: int | None = 1, status: int = 0) -> None:
        """Does what was asked, and closes the connection, or answers with `status` and garbage."""
        self._faults.append(_Fault("lose", *on, times, status, b"<html>oops"))

    def heal(self) -> None:
        self._faults.clear()
        self._healed.set()
        self._healed = threading.Event()

    # --- HTTP ---------------------------------------------------------------------------------------------------------

    def _take_fault(self, call: Call) -> _Fault | None:
        with self._lock:
            for fault in self._faults:
                if fault.method not in ("", call.method) or not call.path.endswith(fault.path):
                    continue
                if fault.after > 0:
                    fault.after -= 1
                elif fault.times != 0:
                    fault.times = None if fault.times is None else fault.times - 1
                    return fault
        return None

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        call = _read_call(handler)
        self.seen.append(call)
        fault = self._take_fault(call)
        if fault is not None and fault.kind != "lose":
            self._fail(handler, fault)
            return
        try:
            with self._lock:
                said = self.respond(call)
            reply = said if isinstance(said, Reply) else Reply(200, said)
        except Refused as refused:
            reply = Reply(refused.status, self.error_body(refused))
        status, body = reply.status, b"" if reply.said is None else json.dumps(reply.said).encode()
        if fault is None:
            _send(handler, status, body, {"Content-Type": "application/json"})
        elif fault.status:
            _send(handler, fault.status, fault.body, fault.headers)
        else:
            _hang_up(handler)

    def _fail(self, handler: BaseHTTPRequestHandler, fault: _Fault) -> None:
        if fault.kind == "answer":
            _send(handler, fault.status, fault.body, fault.headers)
            return
        healed = self._healed
        if fault.kind == "drip":
            with suppress(OSError):
                handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
                while not healed.wait(0.02):
                    handler.wfile.write(b" ")
        elif fault.kind == "hang":
            healed.wait(60)
        _hang_up(handler)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # else head and body of an answer come 40 ms apart

            def _serve(self) -> None:
                server.serve(self)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Nothing is written down: the headers hold tokens."""

        return Handler


def _read_call(handler: BaseHTTPRequestHandler) -> Call:
    parts = urlsplit(handler.path)
    raw = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
    return Call(
        handler.command,
        parts.path,
        {name: values[-1] for name, values in parse_qs(parts.query).items()},
        {name.lower(): value for name, value in handler.headers.items()},
        json.loads(raw) if raw else None,
    )


def _send(handler: BaseHTTPRequestHandler, status: int, body: bytes, headers: Mapping[str, str]) -> None:
    with suppress(OSError):  # a client that waits no longer
        handler.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)


def _hang_up(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True
    with suppress(OSError):
        handler.connection.shutdown(socket.SHUT_RDWR)
