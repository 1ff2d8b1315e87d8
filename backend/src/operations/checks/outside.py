"""What the settings lead to beyond this machine: each service is asked once, however many checks want to know."""

from datetime import datetime, timedelta
from functools import cached_property

from sqlalchemy import make_url

from src.core.config.settings.base import Settings
from src.operations.checks.live_http import Answer, NoAnswer, ask
from src.operations.checks.redis_server import RedisServer

DATABASE_SECONDS = 10.0
# A server that slept begins with a start.
SERVICE_SECONDS = 30.0


class Outside:
    def __init__(self, settings: Settings, *, now: datetime, began: float) -> None:
        """`now` is what the clock of this machine showed when `time.monotonic` showed `began`."""
        self._settings, self._now, self._began = settings, now, began
        self.redis = RedisServer(settings)

    def clock(self, reading: float) -> datetime:
        """What the clock of this machine showed when `time.monotonic` showed `reading`."""
        return self._now + timedelta(seconds=reading - self._began)

    @cached_property
    def service(self) -> Answer | NoAnswer | None:
        """What the deployed server answers when it is asked whether it lives; None without SERVICE_URL."""
        return self.ask_service("/healthz")

    def ask_service(self, path: str) -> Answer | NoAnswer | None:
        url = self._settings.service_url
        return None if url is None else ask(f"{url.rstrip('/')}{path}", timeout_seconds=SERVICE_SECONDS)

    @cached_property
    def database(self) -> Answer | NoAnswer | None:
        """What the database's server says to somebody without a token; None for a file. Raises ValueError."""
        from src.infrastructure.shared.database.libsql.address import address_of, libsql_url

        address = self._settings.database_address
        if address is None or address.startswith("sqlite"):
            return None
        server = address_of(make_url(libsql_url(address)))
        return ask(f"{server.http_url}/health", timeout_seconds=DATABASE_SECONDS)

    def close(self) -> None:
        self.redis.close()
