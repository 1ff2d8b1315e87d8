"""A remote database that is backed up or restored into: where it is, and the token that opens it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from pydantic import SecretStr
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from src.infrastructure.shared.database.libsql.errors import StreamLost
from src.infrastructure.shared.database.local_sqlite import EngineRole
from src.infrastructure.shared.database.remote_libsql import remote_engine
from src.operations.backup.remote_snapshot import RemoteUnavailableError, TokenRefusedError

_REFUSED = (401, 403)


@dataclass(frozen=True, slots=True)
class Remote:
    """`url` is libsql://host[:port][?tls=0] and never holds the token."""

    url: str
    token: SecretStr | None

    @property
    def label(self) -> str:
        """A short name for files: of a DNS name the first part."""
        host = urlsplit(self.url).hostname or "database"
        return host if host.replace(".", "").isdigit() else host.split(".")[0]


@contextmanager
def engine_on(remote: Remote) -> Iterator[Engine]:
    """Connections for one task. Raises RemoteUnavailableError and TokenRefusedError."""
    engine = remote_engine(remote.url, EngineRole.WRITE, token=remote.token)
    try:
        with lost_explained(remote.url):
            yield engine
    finally:
        engine.dispose()


@contextmanager
def lost_explained(url: str) -> Iterator[None]:
    """A lost stream, from SQLAlchemy or the driver, becomes one line with the way out."""
    try:
        yield
    except (DBAPIError, StreamLost) as exc:
        lost = exc.orig if isinstance(exc, DBAPIError) else exc
        if not isinstance(lost, StreamLost):
            raise
        if lost.status in _REFUSED:
            raise TokenRefusedError(
                f"{url} does not take the token (HTTP status {lost.status}). "
                "Make a new one: autoforge turso token create"
            ) from None
        raise RemoteUnavailableError(f"{url} does not answer ({lost}). Repeat it later.") from exc
