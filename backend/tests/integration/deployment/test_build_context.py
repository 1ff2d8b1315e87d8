import shutil
from pathlib import Path

import pytest

from tests.integration.deployment.image import BACKEND, build_context

PLANTED = (
    ".env",
    ".env.local",
    ".env.staging",
    ".env.production.template",
    "src/.env.production",
    "src/core/.env.local",
    "src/left.db",
    "src/left.db-wal",
    "alembic/.netrc",
    "src/core/__pycache__/kept.cpython-313.pyc",
    "data/x.db",
    "data/backups/x.sql.gz",
    "data/secrets-fingerprints.json",
    "id_ed25519",
    "tests/test_x.py",
    "htmlcov/index.html",
    ".venv/bin/python",
    ".git/config",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("src", "alembic"):
        shutil.copytree(BACKEND / name, tmp_path / name)
    for name in ("alembic.ini", "pyproject.toml", "requirements.lock"):
        shutil.copy(BACKEND / name, tmp_path / name)
    return tmp_path


def test_nothing_enters_the_image_that_was_not_named(folder: Path) -> None:
    before = build_context(folder)
    for name in PLANTED:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("CANARY-of-a-secret", "utf-8")
    assert build_context(folder) == before
    assert not [path for path in before if b"CANARY-of-a-secret" in (folder / path).read_bytes()]


def test_what_the_server_and_the_migrations_need_enters(folder: Path) -> None:
    context = {path.as_posix() for path in build_context(folder)}
    assert {"src/main.py", "src/cli.py", "alembic.ini", "alembic/env.py", "pyproject.toml"} <= context
    assert "requirements.lock" in context
    versions = {f"alembic/versions/{path.name}" for path in (BACKEND / "alembic" / "versions").glob("*.py")}
    assert versions <= context
