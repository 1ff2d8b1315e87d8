"""What is stored comes back, bit by bit, or is refused; on the remote database as on the local file."""

import datetime as dt
import decimal
import math
import random
import struct
import uuid
from typing import Any

import pytest
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    DateTime,
    Engine,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    String,
    Table,
    Text,
    Uuid,
    insert,
    select,
)
from sqlalchemy.exc import DataError, ProgrammingError, StatementError

RANDOM = random.Random(20261123)


def any_float() -> float:
    """Any finite double, all bit patterns alike."""
    while True:
        value: float = struct.unpack("<d", RANDOM.randbytes(8))[0]
        if math.isfinite(value):
            return value


def same(one: Any, other: Any) -> bool:
    if isinstance(one, float):
        return isinstance(other, float) and struct.pack("<d", one) == struct.pack("<d", other)
    return type(one) is type(other) and bool(one == other)


@pytest.mark.parametrize(
    "value",
    [
        None,
        0,
        -1,
        2**31,
        -(2**31) - 1,
        2**53 + 1,
        2**63 - 1,
        -(2**63),
        0.1,
        -0.0,
        1e300,
        5e-324,
        2.2250738585072014e-308,
        1.7976931348623157e308,
        "",
        "日本語 🗾 ﷽ \u200d",
        "a\0b",
        "\ufeff\u2028\\\"'\r\n\t\x01\x7f",
        "x" * 1_000_000,
        "語" * 350_000,
        b"",
        b"\0\xff\xfe",
        bytes(range(256)) * 4096,
    ],
    ids=lambda value: f"{value!r:.20}",
)
def test_value_comes_back_as_it_went(any_engine: Engine, value: object) -> None:
    with any_engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (x)")
        connection.exec_driver_sql("INSERT INTO t VALUES (?)", (value,))
        found = connection.exec_driver_sql("SELECT x FROM t").scalar()

    assert same(found, value)


def test_doubles_come_back_to_the_last_bit(engine: Engine) -> None:
    values = [any_float() for _ in range(1000)] + [RANDOM.random() for _ in range(1000)]
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (id INTEGER PRIMARY KEY, x REAL)")
        connection.exec_driver_sql("INSERT INTO t VALUES (?, ?)", list(enumerate(values)))
        found = connection.exec_driver_sql("SELECT x FROM t ORDER BY id").scalars().all()

    assert all(map(same, found, values))


def test_types_of_sqlalchemy_come_back_as_they_went(any_engine: Engine) -> None:
    table = Table(
        "t",
        MetaData(),
        Column("id", Integer, primary_key=True),
        Column("text", Text),
        Column("name", String(20)),
        Column("yes", Boolean),
        Column("float", Float),
        Column("money", Numeric(12, 4)),
        Column("day", Date),
        Column("moment", DateTime),
        Column("data", JSON),
        Column("bytes", LargeBinary),
        Column("uuid", Uuid),
        Column("absent", Text),
    )
    row = {
        "id": 2**62 + 1,
        "text": "日本\0語",
        "name": "名前",
        "yes": True,
        "float": 0.1,
        "money": decimal.Decimal("12345678.9012"),
        "day": dt.date(2026, 11, 23),
        "moment": dt.datetime(2026, 11, 23, 1, 2, 3, 456789),  # noqa: DTZ001  # a column without a zone
        "data": {"ネスト": [1, 2.5, None, True, {"深い": "値"}], "big": 2**60},
        "bytes": bytes(range(256)),
        "uuid": uuid.UUID(int=2**127 + 5),
        "absent": None,
    }
    table.create(any_engine)
    with any_engine.begin() as connection:
        connection.execute(insert(table), row)
        found = connection.execute(select(table)).mappings().one()
        stored = connection.exec_driver_sql("SELECT data FROM t").scalar()

    assert all(same(found[name], value) for name, value in row.items())
    assert "ネスト" in stored  # readable in the database


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (2**63, "too large"),
        (-(2**63) - 1, "too large"),
        (math.inf, "inf cannot be stored"),
        (-math.inf, "-inf cannot be stored"),
        (math.nan, "nan cannot be stored"),
    ],
)
def test_number_that_would_change_on_its_way_is_refused(engine: Engine, value: object, reason: str) -> None:
    with engine.begin() as connection:
        with pytest.raises(DataError, match=f"Error binding parameter 2: .*{reason}"):
            connection.exec_driver_sql("SELECT ?, ?", (1, value))

        assert connection.exec_driver_sql("SELECT 1").scalar() == 1


def test_half_a_character_is_refused_before_anything_is_sent(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (x)")
        with pytest.raises(DataError, match="surrogates not allowed"):
            connection.exec_driver_sql("INSERT INTO t VALUES (?)", ("\ud83d",))
        connection.exec_driver_sql("INSERT INTO t VALUES ('whole')")

    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT x FROM t").scalars().all() == ["whole"]


def test_infinity_that_somebody_else_stored_is_not_taken_for_a_number(engine: Engine) -> None:
    with engine.connect() as connection, pytest.raises(DataError, match="infinite"):
        connection.exec_driver_sql("SELECT 9e999")


@pytest.mark.parametrize("value", [object(), 1j, dt.timedelta(1)])
def test_value_without_a_type_in_sqlite_is_refused(any_engine: Engine, value: object) -> None:
    with any_engine.connect() as connection, pytest.raises((ProgrammingError, StatementError)) as refused:
        connection.exec_driver_sql("SELECT ?", (value,))

    assert type(value).__name__ in str(refused.value.orig)


def test_parameters_may_have_names(engine: Engine) -> None:
    with engine.connect() as connection:
        raw = connection.connection.dbapi_connection
        assert raw is not None
        assert raw.execute("SELECT :one, $two", {"one": 1, "two": "zwei"}).fetchall() == [(1, "zwei")]


@pytest.mark.parametrize("values", [(), (1,), (1, 2, 3)])
def test_wrong_number_of_parameters_is_refused(engine: Engine, values: tuple[int, ...]) -> None:
    with engine.connect() as connection, pytest.raises(ProgrammingError, match="Arguments do not match"):
        connection.exec_driver_sql("SELECT ?, ?", values)


def test_names_may_be_of_any_script(any_engine: Engine) -> None:
    table = Table("表 ☃", MetaData(), Column("番号", Integer, primary_key=True), Column('その "他"', Text))
    table.create(any_engine)
    with any_engine.begin() as connection:
        connection.execute(insert(table), {"番号": 1, 'その "他"': "値"})
        found = connection.execute(select(table)).mappings().one()
    reflected = MetaData()
    reflected.reflect(any_engine)

    assert dict(found) == {"番号": 1, 'その "他"': "値"}
    assert list(reflected.tables["表 ☃"].c.keys()) == ["番号", 'その "他"']
