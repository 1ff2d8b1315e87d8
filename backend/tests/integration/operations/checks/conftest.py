"""A scene of its own for each test: settings of the test's process, and a copy of the files that checks read."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from src.core.config.settings.base import AppEnv
from src.operations.checks.all_checks import ALL_CHECKS
from src.operations.checks.check import Finding, run
from src.operations.checks.scene import Scene
from tests.integration.operations.checks.scenes import CLONE, NOW, Look, OpenScene
from tests.llm_server import FakeLlm

_COPIED = (
    "autoforge",
    "backend/alembic.ini",
    "backend/alembic",
    "backend/requirements.lock",
    "backend/src/infrastructure",
)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The files of the clone that checks read, to be broken."""
    root = tmp_path / "clone"
    for name in _COPIED:
        source, copy = CLONE / name, root / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy)
    return root


@pytest.fixture
def open_scene(clone: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenScene]:
    """Opens a scene on `clone`; the .env files and the local database are in its backend/."""
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{clone}/backend/data/autoforge_dev.db")
    opened: list[Scene] = []

    def open_one(env: AppEnv = AppEnv.LOCAL, **options: Any) -> Scene:
        backend = clone / "backend"
        options = {"folder": backend, "backend": backend, "now": NOW} | options
        opened.append(Scene(env, **options))
        return opened[-1]

    yield open_one
    for scene in opened:
        scene.close()


@pytest.fixture
def look(open_scene: OpenScene) -> Look:
    """What one check finds, as if all that it needs were fine."""

    def look_at(id: str, scene: Scene | None = None) -> Finding:
        [check] = [check for check in ALL_CHECKS if check.id == id]
        return run([check], scene or open_scene())[0]

    return look_at


@pytest.fixture
def llm() -> Iterator[FakeLlm]:
    with FakeLlm() as server:
        yield server
