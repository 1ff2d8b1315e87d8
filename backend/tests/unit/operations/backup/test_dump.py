"""Values survive their way through SQL text, whichever they are."""

import sqlite3
from contextlib import closing
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.infrastructure.shared.database.sql_text import statements
from src.operations.backup.dump import DumpWriter, sql_literal
from src.operations.backup.stored import StoredTable

INTEGERS = st.integers(-(2**63), 2**63 - 1)
VALUES = st.one_of(
    st.none(), INTEGERS, st.floats(allow_nan=False), st.text(st.characters(codec="utf-8")), st.binary()
)


def read_back(literal: str) -> object:
    with closing(sqlite3.connect(":memory:")) as connection:
        return connection.execute(f"SELECT {literal}").fetchone()[0]


@given(VALUES)
def test_literal_reads_back_as_the_same_value(value: object) -> None:
    found = read_back(sql_literal(value))

    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    "value",
    [5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 0.1, 1 / 3, 1e15, -1e22, float("inf")],
)
def test_extreme_fractions_are_exact(value: float) -> None:
    assert read_back(sql_literal(value)) == value
    assert read_back(sql_literal(-value)) == -value


@pytest.mark.parametrize("value", [-(2**63), 2**63 - 1, 2**53 + 1, 0, -1])
def test_extreme_integers_are_exact(value: int) -> None:
    assert read_back(sql_literal(value)) == value


def test_value_that_sqlite_has_no_type_for_is_refused() -> None:
    with pytest.raises(TypeError, match="keeps no complex"):
        sql_literal(1j)


@given(st.lists(st.tuples(VALUES, VALUES), max_size=30))
def test_rows_of_a_dump_are_the_rows_that_were_written(rows: list[tuple[object, object]]) -> None:
    written = StringIO()
    writer = DumpWriter(written)
    table = StoredTable('a "b"', "", ("x y", "z"))
    writer.statement('CREATE TABLE "a ""b""" ("x y", z)')
    for row in rows:
        writer.row(table, row)
    writer.end()

    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        for statement in statements([written.getvalue()]):
            connection.execute(statement)
        found = connection.execute('SELECT * FROM "a ""b""" ORDER BY rowid').fetchall()
    assert found == rows


def test_statements_stay_small_however_many_rows_there_are(tmp_path: Path) -> None:
    path = tmp_path / "dump.sql"
    with path.open("w") as file:
        writer, table = DumpWriter(file), StoredTable("t", "", ("x",))
        for number in range(1000):
            writer.row(table, ("y" * 1000 * (number % 3),))
        writer.end()

    longest = max(len(statement) for statement in statements([path.read_text()]))
    assert 100_000 < longest < 300_000
