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
    "packages_not_as_locked",
    "machine.packages",
    "make clean setup",
    "requirements.lock",
    "redis==",
    "redis==99.",
)


@tells("machine.launcher", "chmod")
def launcher_that_cannot_be_run(world: World, _: object) -> Iterator[None]:
    launcher = world.project / "autoforge"
    launcher.chmod(0o644)
    yield
    launcher.chmod(0o755)


WORKFLOWS = "../.github/workflows/deploy-staging.yml"
edited("workflow_of_every_branch", "deploy.triggers", "git checkout", WORKFLOWS, "[develop]", "[main]")
edited(
    "stale_artefact", "deploy.artefacts", "autoforge env generate", "../deploy/secrets.json", "REDIS", "RADIS"
)


@tells("deploy.workflows", "git checkout -- .github/workflows")
def workflow_that_is_missing(world: World, _: object) -> Iterator[None]:
    file = (world.folder / WORKFLOWS).resolve()
    aside = file.with_suffix(".aside")
    file.rename(aside)
    yield
    aside.rename(file)


@tells("deploy.compose", "git checkout")
def compose_file_that_is_missing(world: World, _: object) -> Iterator[None]:
    file = world.project / "docker-compose.dev.yml"
    aside = file.with_suffix(".aside")
    file.rename(aside)
    yield
    aside.rename(file)
