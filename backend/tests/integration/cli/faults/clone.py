"""Faults of the files of the clone."""

from collections.abc import Iterator

from tests.integration.cli.faults.fault import edited, tells
from tests.integration.cli.staging_world import World

SECTION = "[alembic]\n"
URL = "sqlalchemy.url = sqlite:///elsewhere.db\n"
edited("url_in_the_ini", "migrations.ini-url", "Remove that line", "alembic.ini", SECTION, SECTION + URL)
edited(
    "scripts_elsewhere",
    "migrations.ini",
    "git checkout -- backend/alembic.ini",
    "alembic.ini",
    "script_location = alembic",
    "script_location = migrations",
)
edited(
    "env_py_without_models",
    "migrations.env",
    "git checkout -- backend/alembic/env.py",
    "alembic/env.py",
    "from src.infrastructure.database.models import",
    "from src.infrastructure.shared.database.base import",
)
edited(
    "packages_not_as_locked", "machine.packages", "make setup", "requirements.lock", "redis==", "redis==99."
)


@tells("machine.launcher", "chmod")
def launcher_that_cannot_be_run(world: World, _: object) -> Iterator[None]:
    launcher = world.project / "autoforge"
    launcher.chmod(0o644)
    yield
    launcher.chmod(0o755)
