import pytest

from src.infrastructure.shared.database.turso_connection import TursoConnection
from tests.fakes import FixedClock
from tests.integration.application.run_world import World


@pytest.fixture
def world(database: TursoConnection) -> World:
    return World(database, FixedClock())
