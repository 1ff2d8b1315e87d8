"""SQLAlchemy's own tests of a dialect. `tests/integration/database/test_compliance.py` runs them on both of ours."""

from typing import Any

from sqlalchemy import Column, Integer, MetaData, Table, select, testing
from sqlalchemy.testing import is_true
from sqlalchemy.testing.suite import *  # noqa: F403
from sqlalchemy.testing.suite import IntegerTest as _IntegerTest


class IntegerTest(_IntegerTest):
    @testing.fixture
    def integer_round_trip(self, metadata: MetaData, connection: Any) -> Any:
        """As theirs, but makes its table on `connection` too, which has the write lock already."""

        def run(datatype: Any, data: int) -> None:
            table = Table(
                "integers", metadata, Column("id", Integer, primary_key=True), Column("x", datatype)
            )
            metadata.create_all(connection)
            connection.execute(table.insert(), {"id": 1, "x": data})
            found = connection.execute(select(table.c.x)).scalar_one()
            is_true(type(found) is int and found == data)

        return run
