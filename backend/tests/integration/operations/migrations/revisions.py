"""Migrations written in tests, after the ones that there are."""

from pathlib import Path
from textwrap import dedent, indent

from alembic.config import Config
from sqlalchemy import Connection, Engine

from src.core.config.settings.base import AppEnv
from src.operations.backup.backups import Backups
from src.operations.migrations.alembic_commands import alembic_config
from src.operations.migrations.migrations import Migrations
from src.operations.migrations.revisions import VERSIONS, read_chain
from src.operations.migrations.target import Database

HEAD = read_chain()[-1].id

# Rebuilds a table that others refer to, and leaves the schema as the models want it.
REBUILD_PROMPTS = """
    with op.batch_alter_table("prompts", recreate="always"):
        pass
"""


def config_for(target: Engine | Connection, *folders: Path) -> Config:
    """Alembic as our own commands set it up, with the migrations in `folders` beside ours."""
    return alembic_config(target, versions=(VERSIONS, *folders))


def write_revision(
    folder: Path,
    revision: str,
    *,
    after: str | None,
    upgrade: str,
    downgrade: str = "pass",
    declared: str = "",
) -> Path:
    """A migration in `folder`, which is made; the bodies may use `op` and `sa`. Returns the folder."""
    folder.mkdir(exist_ok=True)
    bodies = [indent(dedent(body).strip(), "    ") for body in (upgrade, downgrade)]
    (folder / f"{revision}.py").write_text(
        f'"""Made by a test"""\n\nimport sqlalchemy as sa\nfrom alembic import op\n\n'
        f"revision = {revision!r}\ndown_revision = {after!r}\nbranch_labels = None\ndepends_on = None\n{declared}\n\n\n"
        f"def upgrade():\n{bodies[0]}\n\n\ndef downgrade():\n{bodies[1]}\n"
    )
    return folder


class Scripts:
    """Migrations written by a test, and `Migrations` that knows them."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.folder, self._database = folder, database
        folder.mkdir()

    def write(self, upgrade: str, *, revision: str = "9001", after: str = HEAD, **more: str) -> Migrations:
        write_revision(self.folder, revision, after=after, upgrade=upgrade, **more)
        return self.migrations()

    def migrations(self, app_env: AppEnv = AppEnv.LOCAL, *, backups: Backups | None = None) -> Migrations:
        versions = (VERSIONS, self.folder)
        return Migrations(
            self._database, app_env, versions=versions, backups=(lambda: backups) if backups else None
        )
