import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from src.core.config.settings import base


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the .env files are, instead of backend/."""
    folder = tmp_path / "backend"
    folder.mkdir(mode=0o755)
    monkeypatch.setattr(base, "BACKEND_DIR", folder)
    return folder


@pytest.fixture
def git(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Makes a repository around `folder`, with our rules of what is ignored, and runs git in it."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)

    def run(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True)
        return done.stdout

    subprocess.run(["git", "init", "-q", str(folder.parent)], check=True)
    (folder / ".gitignore").write_text(".env*\n!.env*.template\n!.env.example\n")
    return run
