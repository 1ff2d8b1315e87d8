from pathlib import Path

import pytest

from src.core.config.settings import base


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the .env files are, instead of backend/."""
    monkeypatch.setattr(base, "BACKEND_DIR", tmp_path)
    return tmp_path
