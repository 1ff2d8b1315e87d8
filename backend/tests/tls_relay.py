"""TLS before a server that speaks none: what comes on one port is handed to another, both on this machine."""

import selectors
import socket
import ssl
import threading
from contextlib import suppress
from pathlib import Path
from typing import Self


class TlsRelay:
    """Keeps its port when it is stopped and started again. `certificate` holds certificate and key."""

    def __init__(self, upstream_port: int, certificate: Path) -> None:
        self.port = 0
        self._upstream_port = upstream_port
        self.present(certificate)
        self._listener: socket.socket | None = None
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()

    def present(self, certificate: Path) -> None:
        """To those who connect from now on."""
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)

    def start(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=[self._listener], name="tls-relay", daemon=True).start()
        return self

    def stop(self) -> None:
        if self._listener is None:
            return
        # close() alone leaves a thread in accept()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._listener = None
        with self._lock:
            for connection in self._open:
                _hang_up(connection)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _address = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            client.settimeout(10)
            secure = self._context.wrap_socket(client, server_side=True)
        except OSError:  # no TLS, or not ours
            client.close()
            return
        secure.settimeout(None)
        upstream = socket.create_connection(("127.0.0.1", self._upstream_port))
        with self._lock:
            self._open |= {secure, upstream}
        with suppress(OSError):
            _relay(secure, upstream)
        with self._lock:
            self._open -= {secure, upstream}
        secure.close()
        upstream.close()


def _relay(secure: ssl.SSLSocket, upstream: socket.socket) -> None:
    """Until one of them ends. In one thread: OpenSSL ends the process when two use a connection at once."""
    with selectors.DefaultSelector() as selector:
        selector.register(secure, selectors.EVENT_READ, upstream)
        selector.register(upstream, selectors.EVENT_READ, secure)
        while True:
            for key, _events in selector.select():
                source, target = key.fileobj, key.data
                assert isinstance(source, socket.socket)
                while data := source.recv(64 * 1024):
                    target.sendall(data)
                    # What OpenSSL holds already, the selector does not see.
                    if source is upstream or not secure.pending():
                        break
                else:
                    return


def _hang_up(connection: socket.socket) -> None:
    with suppress(OSError):
        # Not SSLSocket's own: that takes the connection away under the thread that reads.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
