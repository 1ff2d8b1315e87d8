"""A proxy before a real HTTP server that does to some requests what networks and overloaded servers do."""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal, Self

Kind = Literal["answer", "refuse", "lose", "hang", "replace", "truncate", "drip"]
DRIP_SECONDS = 0.02
_OF_ONE_CONNECTION = {"connection", "keep-alive", "transfer-encoding", "content-length"}


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def holds(self, words: str) -> bool:
        return words in self.text or words in f"{self.method} {self.path}"


@dataclass
class Fault:
    """What happens to the requests whose first line or body contains `when`, the first `times` of them or all."""

    kind: Kind
    when: str = ""
    times: int | None = None
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class FaultProxy:
    """Listens on a free port of 127.0.0.1; with `tls` as the server of that certificate.

    `delay_ms` passes on the way to the server and again on the way back. `requests` holds what came,
    `connection_count` how many TCP connections were opened.
    """

    def __init__(
        self,
        upstream_host: str,
        upstream_port: int,
        *,
        delay_ms: float = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.delay_ms = delay_ms
        self.requests: list[Request] = []
        self.connection_count = 0
        self._upstream, self._tls = (upstream_host, upstream_port), tls
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self._healed = threading.Event()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.host, self.port = self._listener.getsockname()

    @property
    def url(self) -> str:
        return f"libsql://{self.host}:{self.port}?tls=0"

    @property
    def http_url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def request_count(self) -> int:
        return len(self.requests)

    # --- what goes wrong ----------------------------------------------------------------------------------------------

    def answer(
        self,
        status: int,
        body: bytes = b"",
        *,
        headers: Mapping[str, str] | None = None,
        when: str = "",
        times: int | None = None,
    ) -> None:
        """Answers instead of the server, which never sees the request."""
        self._add(Fault("answer", when, times, status, body, headers or {}))

    def refuse(self, *, when: str = "", times: int | None = None) -> None:
        """Closes the connection; the server never sees the request."""
        self._add(Fault("refuse", when, times))

    def lose_answer(self, *, when: str = "", times: int | None = None) -> None:
        """The server does what it was asked to, and the connection is closed instead of an answer."""
        self._add(Fault("lose", when, times))

    def hang(self, *, when: str = "", times: int | None = None) -> None:
        """Never answers, nor tells the server, until `heal` or `stop`."""
        self._add(Fault("hang", when, times))

    def replace_answer(
        self,
        body: bytes,
        *,
        headers: Mapping[str, str] | None = None,
        when: str = "",
        times: int | None = None,
    ) -> None:
        """The server does what it was asked to, and `body` is the answer."""
        self._add(Fault("replace", when, times, body=body, headers=headers or {}))

    def truncate(self, *, when: str = "", times: int | None = None) -> None:
        """Half of the server's answer comes, then the connection is closed."""
        self._add(Fault("truncate", when, times))

    def drip(self, *, when: str = "", times: int | None = None) -> None:
        """The server's answer comes a byte each 20 ms."""
        self._add(Fault("drip", when, times))

    def heal(self) -> None:
        """Forgets all faults and lets go of the requests that hang."""
        with self._lock:
            self._faults.clear()
            self._healed.set()
            self._healed = threading.Event()

    def forget_requests(self) -> None:
        self.requests.clear()
        self.connection_count = 0

    # --- life ---------------------------------------------------------------------------------------------------------

    def start(self) -> Self:
        threading.Thread(target=self._accept, name="fault-proxy", daemon=True).start()
        return self

    def stop(self) -> None:
        self.heal()
        # close() alone leaves a thread in accept()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut_connections()

    def cut_connections(self) -> None:
        """Closes every open connection, as a load balancer does with idle ones."""
        with self._lock:
            for client in self._open:
                with suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    # --- inside -------------------------------------------------------------------------------------------------------

    def _add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)

    def _fault_for(self, request: Request) -> tuple[Fault | None, threading.Event]:
        with self._lock:
            self.requests.append(request)
            for fault in self._faults:
                if fault.times != 0 and request.holds(fault.when):
                    if fault.times is not None:
                        fault.times -= 1
                    return fault, self._healed
            return None, self._healed

    def _accept(self) -> None:
        while True:
            try:
                client, _address = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        server = http.client.HTTPConnection(*self._upstream, timeout=60)
        with self._lock:
            self.connection_count += 1
            self._open.add(client)
        try:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                wrapped = self._tls.wrap_socket(client, server_side=True)
                with self._lock:
                    self._open.discard(client)
                    self._open.add(wrapped)
                client = wrapped
            with client.makefile("rb") as incoming:
                while (request := _read_request(incoming)) is not None:
                    if not self._pass_on(request, client, server):
                        return
        except (OSError, http.client.HTTPException, ValueError):
            return  # one side is gone: so is this connection
        finally:
            with self._lock:
                self._open.discard(client)
            client.close()
            server.close()

    def _pass_on(self, request: Request, client: socket.socket, server: http.client.HTTPConnection) -> bool:
        """Whether the connection stays."""
        fault, healed = self._fault_for(request)
        kind = fault.kind if fault else None
        time.sleep(self.delay_ms / 1000)
        if fault and kind == "answer":
            time.sleep(self.delay_ms / 1000)
            client.sendall(_answer(fault.status, fault.body, fault.headers))
            return True
        if kind == "refuse":
            return False
        if kind == "hang":
            healed.wait(timeout=60)
            return False
        headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
        server.request(request.method, request.path, request.body, headers)
        response = server.getresponse()
        body = response.read()
        time.sleep(self.delay_ms / 1000)
        if kind == "lose":
            return False
        kept = {n: v for n, v in response.getheaders() if n.lower() not in _OF_ONE_CONNECTION}
        if fault and kind == "replace":
            client.sendall(_answer(response.status, fault.body, {**kept, **fault.headers}))
            return True
        whole = _answer(response.status, body, kept)
        if kind == "truncate":
            client.sendall(whole[: len(whole) - len(body) // 2 - 1])
            return False
        if kind == "drip":
            for byte in whole:
                client.sendall(bytes([byte]))
                if healed.wait(DRIP_SECONDS):
                    return False
            return True
        client.sendall(whole)
        return True


def _read_request(incoming: object) -> Request | None:
    line = incoming.readline()  # type: ignore[attr-defined]  # a socket's file
    if not line:
        return None
    method, path, version = line.decode("latin-1").split()
    if not version.startswith("HTTP/"):  # TLS, say, which holds any byte
        return None
    headers = dict(http.client.parse_headers(incoming).items())  # type: ignore[arg-type]  # the same
    size = next((int(value) for name, value in headers.items() if name.lower() == "content-length"), 0)
    return Request(method, path, headers, incoming.read(size))  # type: ignore[attr-defined]  # the same


def _answer(status: int, body: bytes, headers: Mapping[str, str]) -> bytes:
    """An answer with a length of its own, unless `headers` brings another."""
    named = {"Content-Length": str(len(body)), **headers}
    reason = http.client.responses.get(status, "Unknown")
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in named.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
