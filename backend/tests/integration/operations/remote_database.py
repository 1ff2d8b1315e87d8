"""A remote database as operations are handed it: a real server, with the rows of a test."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy import Connection, Engine

from src.core.config.settings.base import AppEnv
from src.infrastructure.shared.database.local_sqlite import EngineRole
from src.infrastructure.shared.database.remote_libsql import remote_engine
from src.operations.backup.remote import Remote
from src.operations.migrations.alembic_commands import alembic_config, upgrade
from src.operations.migrations.supervision import Supervision
from src.operations.migrations.target import Target


class RemoteDatabase:
    is_local = False

    def __init__(self, url: str, token: str) -> None:
        self.remote = Remote(url, SecretStr(token))
        self._engines: dict[EngineRole, Engine] = {}

    @property
    def path(self) -> Path:
        raise ValueError("a remote database has no file")

    def get_connection_url(self) -> str:
        return self.remote.url

    def engine(self, role: EngineRole) -> Engine:
        if role not in self._engines:
            self._engines[role] = remote_engine(self.remote.url, role, token=self.remote.token)
        return self._engines[role]

    def execute(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self.engine(EngineRole.WRITE).begin() as connection:
            result = connection.exec_driver_sql(sql, tuple(values))
            return [tuple(row) for row in result] if result.returns_rows else []

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with self.engine(EngineRole.READ).connect() as connection:
            yield connection

    def migrate(self) -> None:
        supervision = Supervision(Target(self.remote.url, AppEnv.LOCAL, None), is_private=True)
        upgrade(alembic_config(self.engine(EngineRole.WRITE), supervision=supervision), "head")

    def dispose(self) -> None:
        for engine in self._engines.values():
            engine.dispose()
