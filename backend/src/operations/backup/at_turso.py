"""What the Platform API knows of the database that is backed up."""

from urllib.parse import urlsplit

from src.operations.backup.backups import Branching
from src.operations.turso.records import Database
from src.operations.turso.turso import Turso


def find_branching(turso: Turso, url: str) -> Branching | None:
    """How to branch the database at `url`; None when the organization has no such database."""
    found = find_database(turso, url)
    return None if found is None else Branching(found.name, turso.branches_of(found.name))


def find_database(turso: Turso, url: str) -> Database | None:
    host = urlsplit(url).netloc
    return next((database for database in turso.databases() if database.hostname == host), None)
