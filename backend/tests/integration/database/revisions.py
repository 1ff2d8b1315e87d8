"""Migrations written in tests, after the ones that there are."""

from pathlib import Path
from textwrap import dedent, indent

from alembic.config import Config
from sqlalchemy import Connection, Engine

from src.core.config.settings.base import BACKEND_DIR


def config_for(target: Engine | Connection, *folders: Path) -> Config:
    """Alembic as our own commands set it up, with the migrations in `folders` beside ours."""
    config = Config(BACKEND_DIR / "alembic.ini")
    ours = BACKEND_DIR / "alembic"
    config.set_main_option("script_location", str(ours))
    config.set_main_option("version_locations", ":".join(map(str, (ours / "versions", *folders))))
    config.attributes["connection"] = target
    config.attributes["configure_logger"] = False
    return config


def write_revision(
    folder: Path, revision: str, *, after: str | None, upgrade: str, downgrade: str = "pass"
) -> Path:
    """A migration in `folder`, which is made; the bodies may use `op` and `sa`. Returns the folder."""
    folder.mkdir(exist_ok=True)
    bodies = [indent(dedent(body).strip(), "    ") for body in (upgrade, downgrade)]
    (folder / f"{revision}.py").write_text(
        f'"""Made by a test"""\n\nimport sqlalchemy as sa\nfrom alembic import op\n\n'
        f"revision = {revision!r}\ndown_revision = {after!r}\nbranch_labels = None\ndepends_on = None\n\n\n"
        f"def upgrade():\n{bodies[0]}\n\n\ndef downgrade():\n{bodies[1]}\n"
    )
    return folder
