"""How far away the database is, and what it says it is."""

from contextlib import suppress
from dataclasses import dataclass
from statistics import median
from time import perf_counter

from sqlalchemy import Connection, make_url

from src.domain.shared.errors import NotFoundError
from src.infrastructure.shared.database.local_sqlite import EngineRole
from src.operations.backup.remote import lost_explained
from src.operations.migrations.target import Database

_VERSION_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Ping:
    """Times in milliseconds: `first_ms` with connecting, `ms` of each question after it, which is one round trip.

    `server` is None for a local file, and for a server that does not tell. `foreign_keys`: whether they are enforced.
    """

    url: str
    first_ms: float
    ms: tuple[float, ...]
    sqlite_version: str
    server: str | None
    foreign_keys: bool

    @property
    def least_ms(self) -> float:
        return min(self.ms)

    @property
    def median_ms(self) -> float:
        return median(self.ms)

    @property
    def most_ms(self) -> float:
        return max(self.ms)


def ping(database: Database, *, count: int) -> Ping:
    """Asks `count` times, and once before that. Raises UnavailableError, and NotFoundError without a local file."""
    if database.is_local and not database.path.exists():
        raise NotFoundError(f"There is no database at {database.path}.")
    url = database.get_connection_url()
    with lost_explained(url):
        began = perf_counter()
        with database.engine(EngineRole.READ).connect() as connection:
            version = str(connection.exec_driver_sql("SELECT sqlite_version()").scalar_one())
            first_ms = _since(began)
            ms = tuple(_ask(connection) for _ in range(count))
            # as a SELECT, which a server lets a token that may only read do; not so the PRAGMA itself
            foreign_keys = bool(connection.exec_driver_sql("SELECT * FROM pragma_foreign_keys").scalar_one())
    return Ping(url, first_ms, ms, version, None if database.is_local else _server_version(url), foreign_keys)


def _ask(connection: Connection) -> float:
    began = perf_counter()
    connection.exec_driver_sql("SELECT 1").scalar_one()
    return _since(began)


def _since(began: float) -> float:
    return (perf_counter() - began) * 1000


def _server_version(url: str) -> str | None:
    """In the server's words, such as "sqld 0.24.32 (40c272de 2025-02-14)"; sent without a token."""
    import httpx2

    from src.infrastructure.shared.database.libsql.address import address_of

    address = address_of(make_url(url)).http_url
    with suppress(httpx2.HTTPError):
        answer = httpx2.get(
            f"{address}/version", timeout=_VERSION_SECONDS, trust_env=address.startswith("https:")
        )
        if answer.status_code == httpx2.codes.OK:
            return " ".join(answer.text.split())[:80]
    return None
