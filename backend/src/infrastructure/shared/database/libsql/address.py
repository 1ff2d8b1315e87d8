"""Which server a URL names. Plain HTTP is for this machine only, and no URL holds a token."""

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from sqlalchemy import URL
from sqlalchemy.exc import ArgumentError

EXAMPLE = "write libsql://host, or libsql://127.0.0.1:8080?tls=0 for a server on this machine"


@dataclass(frozen=True, slots=True)
class Address:
    host: str
    port: int
    tls: bool

    @property
    def http_url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self}"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == default_port(tls=self.tls) else f"{host}:{self.port}"


def default_port(*, tls: bool) -> int:
    return 443 if tls else 80


def address_of(url: URL) -> Address:
    """The server of `libsql://host[:port][?tls=0]`. Raises ArgumentError, which repeats nothing that may be secret."""
    if url.username or url.password:
        raise ArgumentError(
            "The libSQL URL holds a user name or password; pass the token by connect_args={'auth_token': …}."
        )
    unknown = url.query.keys() - {"tls"}
    if unknown:
        raise ArgumentError(
            "The libSQL URL holds a query beside tls=0; pass a token by connect_args={'auth_token': …}."
        )
    if not url.host or url.database:
        raise ArgumentError(f"The libSQL URL names no host, or more than one; {EXAMPLE}.")
    tls = url.query.get("tls", "1")
    if tls not in ("0", "1"):
        raise ArgumentError(f"The libSQL URL says neither tls=1 nor tls=0; {EXAMPLE}.")
    if tls == "0" and not is_loopback(url.host):
        raise ArgumentError(
            f"tls=0 would send the token to {url.host} for everybody to read. It is for this machine only: "
            f"write libsql://{url.host}."
        )
    return Address(url.host, url.port or default_port(tls=tls == "1"), tls == "1")


def libsql_url(setting: str) -> str:
    """The URL for SQLAlchemy of what people write as an address: libsql, https, wss, or http and ws on this machine.

    Raises ValueError for another scheme, and for plain HTTP to another machine.
    """
    parts = urlsplit(setting)
    host = parts.hostname
    if parts.scheme not in ("libsql", "turso", "https", "wss", "http", "ws") or not host:
        raise ValueError(f"The address names no libSQL server; {EXAMPLE}.")
    if parts.username or parts.password:
        raise ValueError("The address holds a user name or password; a token belongs in TURSO_AUTH_TOKEN.")
    plain = parts.scheme in ("http", "ws") or parts.query == "tls=0"
    if plain and not is_loopback(host):
        raise ValueError(
            f"Plain HTTP would send the token to {host} for everybody to read; write libsql://{host}."
        )
    if parts.path.strip("/") or parts.query not in ("", "tls=0", "tls=1") or parts.fragment:
        raise ValueError(f"The address holds more than host and port; {EXAMPLE}.")
    return f"libsql://{parts.netloc}{'?tls=0' if plain else ''}"


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
