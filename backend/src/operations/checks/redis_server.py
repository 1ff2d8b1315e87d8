"""The Redis server of one environment, as the checks meet it: asked once, however many want to know."""

from functools import cached_property
from typing import TYPE_CHECKING

from src.core.config.settings.base import Settings
from src.core.config.settings.values import is_loopback
from src.infrastructure.shared.redis.connection import RedisAddress, open_redis, redis_address
from src.infrastructure.shared.redis.probe import Speech, find_speech

if TYPE_CHECKING:
    from redis import Redis

TIMEOUT_SECONDS = 5.0


class RedisServer:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def address(self) -> RedisAddress:
        """Raises SettingsError."""
        return redis_address(self._settings)

    @cached_property
    def client(self) -> "Redis":
        return open_redis(self.address, timeout_seconds=TIMEOUT_SECONDS)

    @property
    def is_needed(self) -> bool:
        """Locally nothing needs it: unless one is named, it is looked at only where it lets us in."""
        settings = self._settings
        is_named = settings.redis_url or settings.redis_password or not is_loopback(settings.redis_host)
        return not settings.is_local or bool(is_named) or self.speech is Speech.OPEN

    @cached_property
    def speech(self) -> Speech | OSError:
        """How it wants to be spoken to, or why it cannot be reached. Raises SettingsError."""
        try:
            return find_speech(self.address, timeout_seconds=TIMEOUT_SECONDS)
        except OSError as exc:
            return exc

    def close(self) -> None:
        if "client" in self.__dict__:
            self.client.close()
