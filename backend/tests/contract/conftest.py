import pytest

from tests.contract.storages import Storage, in_memory, in_sql


@pytest.fixture(params=["memory", "sql"])
def storage(request: pytest.FixtureRequest) -> Storage:
    return in_memory() if request.param == "memory" else in_sql(request.getfixturevalue("database"))
