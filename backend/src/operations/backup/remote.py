"""A remote database that is backed up or restored into: where it is, and the token that opens it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from pydantic import SecretStr
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import DBAPIError

from src.infrastructure.shared.database.libsql import dialect  # noqa: F401 - registers libsql://
from src.infrastructure.shared.database.libsql.errors import StreamLost
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
    """Connections for one task. What the server does not answer is raised as one line with a way out."""
    token = remote.token.get_secret_value() if remote.token else None
    engine = create_engine(remote.url, connect_args={"auth_token": token}, hide_parameters=True)
    try:
        yield engine
    except DBAPIError as exc:
        lost = exc.orig
        if isinstance(lost, StreamLost) and lost.status in _REFUSED:
            raise TokenRefusedError(
                f"{remote.url} does not take the token (HTTP status {lost.status}). "
                "Make a new one: autoforge turso token create"
            ) from None
        if isinstance(lost, StreamLost):
            raise RemoteUnavailableError(f"{remote.url} does not answer ({lost}). Repeat it later.") from exc
        raise
    finally:
        engine.dispose()
