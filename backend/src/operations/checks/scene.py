"""What the checks look at: one environment, its files, and what its settings lead to."""

from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from src.core.config.settings.base import BACKEND_DIR, AppEnv, Settings, load_settings

if TYPE_CHECKING:
    from src.infrastructure.shared.database.turso_connection import TursoConnection
    from src.operations.migrations.migrations import Migrations


class Scene:
    """Opens what a check asks for, once; `close` it. `folder` is backend/, where the .env files are."""

    def __init__(self, env: AppEnv, *, now: datetime, folder: Path = BACKEND_DIR) -> None:
        self.env, self.now, self.folder = env, now, folder

    @cached_property
    def settings(self) -> Settings:
        """Raises SettingsError."""
        return load_settings(app_env=self.env)

    @cached_property
    def database(self) -> "TursoConnection":
        """Raises SettingsError."""
        from src.infrastructure.shared.database.turso_connection import TursoConnection

        return TursoConnection(self.settings)

    @cached_property
    def migrations(self) -> "Migrations":
        from src.operations.migrations.migrations import Migrations

        return Migrations(self.database, self.env)

    def close(self) -> None:
        if "database" in self.__dict__:
            self.database.dispose()
