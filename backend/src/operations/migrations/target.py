"""The database that is to be migrated, and how careful one has to be with it."""

import ipaddress
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from sqlalchemy import Engine

from src.core.config.settings.base import AppEnv
from src.infrastructure.shared.database.local_sqlite import EngineRole


class Database(Protocol):
    """What migrations need of a database; `TursoConnection` is one."""

    @property
    def is_local(self) -> bool: ...
    @property
    def path(self) -> Path: ...
    def engine(self, role: EngineRole) -> Engine: ...
    def get_connection_url(self) -> str: ...


class Caution(IntEnum):
    """What it takes to change the database."""

    NONE = 0
    CONFIRM = 1
    NAME = 2


@dataclass(frozen=True, slots=True)
class Target:
    """`url` never holds a token; `file` is None for a remote database."""

    url: str
    app_env: AppEnv
    file: Path | None

    @classmethod
    def of(cls, database: Database, app_env: AppEnv) -> "Target":
        return cls(database.get_connection_url(), app_env, database.path if database.is_local else None)

    @property
    def host(self) -> str:
        """Host and port, or the file."""
        return str(self.file) if self.file else urlsplit(self.url).netloc

    @property
    def name(self) -> str:
        """What a person types to show that they mean this database.

        Of a DNS name the first label, which Turso makes of the names of database and organisation. They cannot be
        told apart, since both may hold dashes.
        """
        if self.file:
            return self.file.name
        return self.host if _is_loopback(self.url) or _is_address(self.url) else self.host.split(".")[0]

    @property
    def caution(self) -> Caution:
        """A remote database under APP_ENV=local could be anybody's, so it takes as much as production."""
        if self.app_env is AppEnv.LOCAL:
            return Caution.NONE if self.file or _is_loopback(self.url) else Caution.NAME
        return Caution.NAME if self.app_env is AppEnv.PRODUCTION else Caution.CONFIRM

    def answers_to(self, name: str) -> bool:
        return name in (self.name, self.host)


def _is_address(url: str) -> bool:
    try:
        ipaddress.ip_address(urlsplit(url).hostname or "")
    except ValueError:
        return False
    return True


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host == "localhost" or (_is_address(url) and ipaddress.ip_address(host).is_loopback)
