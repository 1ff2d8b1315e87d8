"""HTTP to one server, a request at a time: the connection stays, every wait ends, and the token stays out of sight."""

import http.client
import io
import re
import select
import socket
import ssl
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cache
from os import environ
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

# A server or a load balancer may be closing a connection that was idle for longer; a write sent into that is lost.
IDLE_SECONDS = 20.0
# The server's own limit is 10 MB of values; this bounds what anybody in its place could make us hold.
ANSWER_BYTES = 64 * 1024 * 1024


_TOKEN = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class Timeouts:
    """`connect_seconds` includes TLS, `read_seconds` is a silence, `total_seconds` the whole of a request."""

    connect_seconds: float = 5.0
    read_seconds: float = 10.0
    total_seconds: float = 30.0


class TransportError(Exception):
    """No usable answer.

    `was_sent` tells whether the server may have acted on the request, `timed_out` whether it was waited for in vain.
    """

    def __init__(
        self,
        message: str,
        *,
        was_sent: bool,
        timed_out: bool = False,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.was_sent, self.timed_out = was_sent, timed_out
        self.status, self.retry_after = status, retry_after


class Transport:
    """One TCP connection, made when it is needed."""

    def __init__(self, token: SecretStr | None, timeouts: Timeouts) -> None:
        self._token, self._timeouts = token, timeouts
        self._socket: socket.socket | None = None
        self._origin: str | None = None
        self._last_use = 0.0

    def post(self, url: str, body: bytes, *, at_most: float | None = None) -> bytes:
        """The body of the answer 200; never sends a request twice. `at_most` seconds replace the limit for the whole.

        Raises TransportError for any other end.
        """
        deadline = time.monotonic() + (at_most or self._timeouts.total_seconds)
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        try:
            connection = self._connected(origin, deadline)
            self._send(connection, parts.netloc, parts.path, body, deadline)
        except (OSError, ValueError) as exc:
            self.drop()
            raise _failed(exc, was_sent=False) from None
        try:
            response, answer = self._receive(connection, deadline)
        except (OSError, http.client.HTTPException, ValueError) as exc:
            self.drop()
            raise _failed(exc, was_sent=True) from None
        self._last_use = time.monotonic()
        if response.will_close:
            self.drop()
        if response.status != http.client.OK:
            raise TransportError(
                f"HTTP status {response.status}: {_said(answer)}",
                was_sent=True,
                status=response.status,
                retry_after=_retry_after(response.headers.get("Retry-After")),
            )
        return answer

    def drop(self) -> None:
        """Closes the connection; the next request opens another."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.close()
            self._socket = None

    def _connected(self, origin: str, deadline: float) -> socket.socket:
        if self._socket is not None and (origin != self._origin or self._is_stale(self._socket)):
            self.drop()
        if self._socket is None:
            self._socket = _connect(origin, min(deadline, time.monotonic() + self._timeouts.connect_seconds))
            self._origin = origin
        return self._socket

    def _is_stale(self, connection: socket.socket) -> bool:
        """A connection at rest has nothing to read, unless it was closed from the other end."""
        if time.monotonic() - self._last_use > IDLE_SECONDS:
            return True
        return _has_input(connection)

    def _send(self, connection: socket.socket, host: str, path: str, body: bytes, deadline: float) -> None:
        # No variable ever holds the token as text: a traceback that shows variables must not show it.
        connection.settimeout(_left(deadline))
        connection.sendall(b"".join((_head(host, path, len(body)), self._authorization(), b"\r\n", body)))

    def _authorization(self) -> bytes:
        if self._token is None:
            return b""
        if not _TOKEN.fullmatch(self._token.get_secret_value()):
            raise ValueError(
                "the auth token is empty, or holds a space, a line break or a letter that no token has"
            )
        return b"Authorization: Bearer %b\r\n" % self._token.get_secret_value().encode("ascii")

    def _receive(self, connection: socket.socket, deadline: float) -> tuple[http.client.HTTPResponse, bytes]:
        reader: Any = _Incoming(connection, deadline, self._timeouts.read_seconds)
        response = http.client.HTTPResponse(reader, method="POST")
        with response:
            response.begin()
            if (response.length or 0) > ANSWER_BYTES:
                raise ValueError(f"the answer has {response.length} bytes")
            answer = response.read(ANSWER_BYTES + 1)
            if len(answer) > ANSWER_BYTES:
                raise ValueError(f"the answer has over {ANSWER_BYTES} bytes")
            if response.length:  # a read with a limit does not mind an early end
                raise http.client.IncompleteRead(answer[:0], response.length)
        if response.status != http.client.OK and self._token:  # some servers repeat what they refuse
            answer = answer.replace(self._token.get_secret_value().encode(), b"***")
        return response, answer


class _Incoming(io.RawIOBase):
    """What arrives on a socket, until the deadline; http.client takes it for the socket."""

    def __init__(self, connection: socket.socket, deadline: float, read_seconds: float) -> None:
        self._connection, self._deadline, self._read_seconds = connection, deadline, read_seconds

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self, 64 * 1024)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connection.settimeout(min(self._read_seconds, _left(self._deadline)))
        return self._connection.recv_into(buffer)


def _head(host: str, path: str, length: int) -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        f"Accept-Encoding: identity\r\nContent-Length: {length}\r\n"
    ).encode("ascii")


def _has_input(connection: socket.socket) -> bool:
    if sys.platform == "win32":
        return bool(select.select([connection], [], [], 0)[0])
    poll = select.poll()  # unlike select, good for more than 1,024 open files
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))


def _connect(origin: str, deadline: float) -> socket.socket:
    parts = urlsplit(origin)
    host, tls = parts.hostname or "", parts.scheme == "https"
    connection = _first_that_answers(host, parts.port or (443 if tls else 80), deadline)
    try:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not tls:
            return connection
        context = _tls_context(environ.get("SSL_CERT_FILE"), environ.get("SSL_CERT_DIR"))
        connection.settimeout(_left(deadline))
        return context.wrap_socket(connection, server_hostname=host)
    except BaseException:
        connection.close()
        raise


def _first_that_answers(host: str, port: int, deadline: float) -> socket.socket:
    failed: OSError | None = None
    for *kind, _name, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        connection = socket.socket(*kind)
        try:
            connection.settimeout(_left(deadline))
            connection.connect(address)
        except OSError as exc:
            connection.close()
            failed = exc
        else:
            return connection
    raise failed or OSError("the host has no address")


@cache
def _tls_context(_file: str | None, _folder: str | None) -> ssl.SSLContext:
    """Takes 20 ms, so it is kept; OpenSSL itself reads the two variables that name other authorities."""
    return ssl.create_default_context()


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left


def _failed(exc: Exception, *, was_sent: bool) -> TransportError:
    if isinstance(exc, TimeoutError):
        return TransportError("no answer in time", was_sent=was_sent, timed_out=True)
    if type(exc) is ValueError:
        return TransportError(str(exc), was_sent=was_sent)
    return TransportError(f"{type(exc).__name__}: {exc}".rstrip(": "), was_sent=was_sent)


def _said(answer: bytes) -> str:
    return " ".join(answer[:200].decode("utf-8", "replace").split())


def _retry_after(header: str | None) -> float | None:
    """Seconds, of either form that the header has."""
    if not header:
        return None
    if header.strip().isdigit():
        return float(header)
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - time.time())
    except ValueError:
        return None
