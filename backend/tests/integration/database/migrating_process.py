"""A process that migrates: `python -m tests.integration.database.migrating_process FILE`, after it read a line."""

import sys

from src.core.config.settings.base import load_settings
from src.infrastructure.shared.database.turso_connection import TursoConnection
from src.operations.migrations.migrations import Migrations

if __name__ == "__main__":
    database = TursoConnection(load_settings(database_url=f"sqlite:///{sys.argv[1]}"))
    print("ready", flush=True)
    sys.stdin.readline()
    print(len(Migrations(database).upgrade().applied))
    database.dispose()
