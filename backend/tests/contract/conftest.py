from collections.abc import Callable, Iterator

import pytest

from src.core.config.settings.base import Settings
from src.infrastructure.shared.database.turso_connection import TursoConnection
from tests.contract.storages import Storage, in_memory, in_sql


@pytest.fixture(params=["memory", "sqlite", "libsql"])
def storage(request: pytest.FixtureRequest, migrated_on: Callable[[str], Settings]) -> Iterator[Storage]:
    if request.param == "memory":
        yield in_memory()
        return
    database = TursoConnection(migrated_on(request.param))
    yield in_sql(database)
    database.dispose()
