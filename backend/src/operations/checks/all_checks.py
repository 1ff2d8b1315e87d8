"""Every check, in the order in which they are run: each stands after those that it needs."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from src.operations.checks.applied import APPLIED, MODELS_MATCH
from src.operations.checks.check import Check
from src.operations.checks.github import GITHUB
from src.operations.checks.image import IMAGE
from src.operations.checks.live_clock import CLOCK
from src.operations.checks.live_database import DATABASE
from src.operations.checks.live_rows import LIVE
from src.operations.checks.live_service import SERVICE
from src.operations.checks.local_file import LOCAL_FILE
from src.operations.checks.machine import MACHINE, PORT
from src.operations.checks.migration_files import MIGRATION_FILES, WAYS_BACK
from src.operations.checks.models import MODELS
from src.operations.checks.redis import REDIS
from src.operations.checks.settings import SETTINGS
from src.operations.checks.turso import GROUP, TURSO
from src.operations.checks.workflows import WORKFLOWS

PHASES: Mapping[str, str] = {
    "machine": "This machine",
    "4-1": "Migrations are set up",
    "4-2": "Databases at Turso",
    "4-3": "Environment files and settings",
    "4-4": "Schema",
    "4-5": "Migrations are applied",
    "4-6": "The live environment",
    "4-7": "Secrets and deployment",
    "help": "Troubles of the guide",
}

# What the guide's chapter on troubles begins with, and the check that tells it.
TROUBLES: Mapping[str, str] = {
    "alembic: command not found": "migrations.alembic",
    "ModuleNotFoundError: No module named 'src'": "machine.imports",
    "Turso: authentication failed": "database.token-accepted",
    "Target database is not up to date": "migrations.current",
    "Redis: connection refused": "redis.reachable",
    "Can't load plugin: sqlalchemy.dialects:libsql": "machine.driver",
}


# The tests of the guide's 4-6, in its order.
_TESTS = (
    "live.connection-url",
    "live.session",
    "live.tables",
    "live.crud",
    "live.relationships",
    "live.redis-ping",
    "live.redis-operations",
)


def _numbered(checks: Sequence[Check]) -> Iterator[Check]:
    """Each with its place in its phase. The guide's seven tests of 4-6 come first, though others run before them."""
    counts: Counter[str] = Counter()
    places: dict[str, int] = {}
    for check in sorted(checks, key=_place_among_tests):
        counts[check.phase] += 1
        places[check.id] = counts[check.phase]
    return (replace(check, number=f"{check.phase}.{places[check.id]}") for check in checks)


def _place_among_tests(check: Check) -> int:
    return _TESTS.index(check.id) if check.id in _TESTS else len(_TESTS)


ALL_CHECKS: tuple[Check, ...] = tuple(
    _numbered(
        (
            *MACHINE,
            *SETTINGS,
            PORT,
            *TURSO,
            *DATABASE,
            GROUP,
            *LOCAL_FILE,
            *MIGRATION_FILES,
            *MODELS,
            MODELS_MATCH,
            *APPLIED,
            *WAYS_BACK,
            *REDIS,
            *LIVE,
            *SERVICE,
            CLOCK,
            *WORKFLOWS,
            *IMAGE,
            *GITHUB,
        )
    )
)
