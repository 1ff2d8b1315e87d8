"""What listens where a Redis server should be, found out below the client: it cannot tell these cases apart."""

import socket
import ssl
from contextlib import suppress
from datetime import UTC, datetime
from enum import Enum

from src.infrastructure.shared.redis.connection import RedisAddress

# A server that speaks TLS answers a plain question at once, with an alert or by closing; a silent one is left alone.
_SILENCE_SECONDS = 1.0
_ERRORS_AND_SIMPLE_STRINGS = (b"-", b"+")


class Speech(Enum):
    OPEN = "plain Redis, for everybody"
    PLAIN = "plain Redis"
    TLS = "TLS"
    NEITHER = "something else"


def find_speech(address: RedisAddress, *, timeout_seconds: float) -> Speech:
    """How the server wants to be spoken to, asked without any secret. Raises OSError when it cannot be reached."""
    answer = _ask_plain(address, timeout_seconds)
    if answer.startswith(_ERRORS_AND_SIMPLE_STRINGS):
        return Speech.OPEN if answer.startswith(b"+PONG") else Speech.PLAIN
    return Speech.TLS if _takes_tls(address, timeout_seconds) else Speech.NEITHER


def certificate_end(address: RedisAddress, *, timeout_seconds: float) -> datetime:
    """When the server's certificate ends, which is checked as the client does.

    Raises ssl.SSLCertVerificationError, and OSError.
    """
    end = _handshake(address, ssl.create_default_context(), timeout_seconds)["notAfter"]
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(end)), UTC)


def _ask_plain(address: RedisAddress, timeout_seconds: float) -> bytes:
    with socket.create_connection((address.host, address.port), timeout=timeout_seconds) as connection:
        connection.settimeout(min(_SILENCE_SECONDS, timeout_seconds))
        with suppress(OSError):  # closed or silent: it did not understand
            connection.sendall(b"PING\r\n")
            return connection.recv(64)
    return b""


def _takes_tls(address: RedisAddress, timeout_seconds: float) -> bool:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # nothing is sent over it
    try:
        _handshake(address, context, timeout_seconds)
    except OSError:
        return False
    return True


def _handshake(address: RedisAddress, context: ssl.SSLContext, timeout_seconds: float) -> dict[str, object]:
    with (
        socket.create_connection((address.host, address.port), timeout=timeout_seconds) as connection,
        context.wrap_socket(connection, server_hostname=address.host) as secure,
    ):
        return dict(secure.getpeercert() or {})
