from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from src.infrastructure.shared.database.local_sqlite import EngineRole, local_engine


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a new database will be."""
    return tmp_path / "plain.db"


@pytest.fixture
def open_engine(file: Path) -> Iterator[Callable[[EngineRole], Engine]]:
    """Makes engines on `file`, each as if in a process of its own."""
    engines: list[Engine] = []

    def make(role: EngineRole) -> Engine:
        engines.append(local_engine(file, role))
        return engines[-1]

    yield make
    for engine in engines:
        engine.dispose()
