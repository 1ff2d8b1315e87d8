"""Keeps libcurl on this machine, as pytest-socket keeps Python's own sockets, which libcurl does not use."""

import socket
from ipaddress import ip_address
from typing import Any, ClassVar

import pycurl


class LoopbackCurl(pycurl.Curl):
    """Opens sockets to loopback addresses only; `refused` are the others that were asked for."""

    refused: ClassVar[list[str]] = []

    def __init__(self) -> None:
        self.setopt(pycurl.OPENSOCKETFUNCTION, self._open)

    @classmethod
    def _open(cls, _purpose: int, address: Any) -> Any:
        family, kind, protocol, (host, *_) = address
        if not ip_address(host).is_loopback:
            cls.refused.append(host)
            return pycurl.SOCKET_BAD
        return _Copied(socket.socket(family, kind, protocol))


class _Copied:
    """A socket of which pycurl makes a copy for libcurl, so that this one may be closed."""

    def __init__(self, opened: socket.socket) -> None:
        self._opened = opened

    def fileno(self) -> int:
        return self._opened.fileno()

    def __del__(self) -> None:
        self._opened.close()
