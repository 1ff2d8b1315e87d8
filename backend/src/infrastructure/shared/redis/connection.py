"""The Redis server that the settings name, and how it is spoken to. Nothing is imported or asked before that."""

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from src.core.config.settings.base import Settings, SettingsError
from src.core.config.settings.values import is_placeholder

if TYPE_CHECKING:
    from redis import Redis

_PORT = 6379
_FORM = "write rediss://user:password@host:port/db"


@dataclass(frozen=True, slots=True)
class RedisAddress:
    host: str
    port: int
    db: int
    tls: bool
    username: str | None
    password: SecretStr | None

    @property
    def place(self) -> str:
        """Host and port."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        """For people: it never holds the password."""
        return f"{'rediss' if self.tls else 'redis'}://{self.place}/{self.db}"


def redis_address(settings: Settings) -> RedisAddress:
    """What REDIS_URL says, or else the other REDIS_ settings. Raises SettingsError, which names the setting."""
    if settings.redis_url is not None:
        return _of_url(settings.redis_url.get_secret_value())
    password = settings.redis_password
    if is_placeholder(settings.redis_host):
        raise _unusable("REDIS_HOST", "still holds a placeholder; put the real host there")
    if password is not None and is_placeholder(password.get_secret_value()):
        raise _unusable("REDIS_PASSWORD", "still holds a placeholder; put the real password there")
    return RedisAddress(
        settings.redis_host, settings.redis_port, settings.redis_db, settings.redis_tls, None, password
    )


def open_redis(address: RedisAddress, *, timeout_seconds: float) -> "Redis":
    """A client that connects when it is first asked, asks once, and waits no longer than `timeout_seconds` for a step.

    With TLS the server's certificate is checked against the authorities of this machine; SSL_CERT_FILE names another,
    here as for the database.
    """
    from redis import Redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return Redis(
        host=address.host,
        port=address.port,
        db=address.db,
        username=address.username,
        password=address.password.get_secret_value() if address.password else None,
        ssl=address.tls,
        socket_connect_timeout=timeout_seconds,
        socket_timeout=timeout_seconds,
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
    )


def _of_url(url: str) -> RedisAddress:
    if is_placeholder(url):
        raise _unusable("REDIS_URL", f"still holds a placeholder; {_FORM}")
    try:
        parts = urlsplit(url)
        port, host, db = parts.port or _PORT, parts.hostname, int(parts.path.strip("/") or 0)
    except ValueError:  # whose message may repeat the password
        raise _unusable("REDIS_URL", f"holds a port or database that is no number; {_FORM}") from None
    if parts.scheme not in ("redis", "rediss") or not host or db < 0:
        raise _unusable("REDIS_URL", f"names no Redis server; {_FORM}")
    if parts.query or parts.fragment:
        raise _unusable("REDIS_URL", f"holds more than an address; {_FORM}")
    username, password = unquote(parts.username or ""), unquote(parts.password or "")
    return RedisAddress(
        host, port, db, parts.scheme == "rediss", username or None, SecretStr(password) if password else None
    )


def _unusable(name: str, why: str) -> SettingsError:
    return SettingsError(f"Redis cannot be used.\n  {name} {why}.")
