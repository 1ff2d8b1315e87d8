"""A process that migrates: `python -m tests.integration.operations.migrations.migrating_process URL [options]`.

Says what it is doing on stderr, and what it applied as JSON on stdout. The token of a server is in TURSO_AUTH_TOKEN.
"""

import argparse
import json
import sys
from pathlib import Path

from src.core.config.settings.base import load_settings
from src.infrastructure.shared.database.turso_connection import TursoConnection
from src.operations.migrations.lock import MigrationLockHeldError
from src.operations.migrations.migrations import Migrations
from src.operations.migrations.revisions import VERSIONS


def say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--versions", type=Path, help="a folder with more migrations")
    parser.add_argument("--lease-seconds", type=float, default=30)
    parser.add_argument("--no-wait", action="store_true")
    parser.add_argument("--begin-on-input", action="store_true", help="wait for a line on stdin")
    asked = parser.parse_args()
    database = TursoConnection(load_settings(database_url=asked.url))
    versions = (VERSIONS, asked.versions) if asked.versions else (VERSIONS,)
    migrations = Migrations(database, versions=versions, lease_seconds=asked.lease_seconds)
    if asked.begin_on_input:
        say("ready")
        sys.stdin.readline()
    try:
        moved = migrations.upgrade(notice=say, wait=not asked.no_wait)
        print(json.dumps([applied.id for applied in moved.applied]))
    except MigrationLockHeldError as exc:
        say(str(exc))
        sys.exit(1)
    finally:
        database.dispose()
