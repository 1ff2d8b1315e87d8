"""Errors of statements: the same class and the same words as on the local file, where the repositories learned them."""

import sqlite3
from typing import Any

import pytest
from sqlalchemy import Engine, exc

from src.infrastructure.shared.database.errors import on_unique_violation
from src.infrastructure.shared.database.libsql.errors import error_of

SCHEMA = [
    "CREATE TABLE prompts (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, score REAL CHECK (score <= 1))",
    "CREATE TABLE versions (prompt_id INTEGER NOT NULL REFERENCES prompts(id), number INTEGER, "
    "PRIMARY KEY (prompt_id, number), CONSTRAINT positive CHECK (number > 0))",
    "CREATE TABLE strict_one (n INTEGER) STRICT",
    "CREATE TRIGGER no_seven BEFORE INSERT ON prompts WHEN new.id = 7 BEGIN SELECT RAISE(ABORT, 'not seven'); END",
    "INSERT INTO prompts VALUES (1, 'one', 0.5)",
    "INSERT INTO versions VALUES (1, 1)",
]


@pytest.fixture
def prepared(any_engine: Engine) -> Engine:
    with any_engine.begin() as connection:
        for statement in SCHEMA:
            connection.exec_driver_sql(statement)
    return any_engine


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("INSERT INTO prompts VALUES (2, 'one', 0)", "UNIQUE constraint failed: prompts.name"),
        ("INSERT INTO prompts VALUES (1, 'two', 0)", "UNIQUE constraint failed: prompts.id"),
        ("UPDATE prompts SET name = NULL", "NOT NULL constraint failed: prompts.name"),
        ("UPDATE prompts SET score = 2", "CHECK constraint failed: score <= 1"),
        (
            "INSERT INTO versions VALUES (1, 1)",
            "UNIQUE constraint failed: versions.prompt_id, versions.number",
        ),
        ("INSERT INTO versions VALUES (1, 0)", "CHECK constraint failed: positive"),
        ("INSERT INTO versions VALUES (9, 1)", "FOREIGN KEY constraint failed"),
        ("DELETE FROM prompts", "FOREIGN KEY constraint failed"),
        ("INSERT INTO prompts VALUES (7, 'seven', 0)", "not seven"),
        ("INSERT INTO prompts VALUES ('x', 'two', 0)", "datatype mismatch"),
        ("INSERT INTO strict_one VALUES ('x')", "cannot store TEXT value in INTEGER column strict_one.n"),
    ],
)
def test_broken_constraint_is_an_integrity_error_in_the_words_of_sqlite(
    prepared: Engine, statement: str, message: str
) -> None:
    with prepared.connect() as connection, pytest.raises(exc.IntegrityError) as broken:
        connection.exec_driver_sql(statement)

    assert isinstance(broken.value.orig, sqlite3.IntegrityError)
    assert str(broken.value.orig) == message


def test_repositories_recognise_a_taken_name(prepared: Engine) -> None:
    class NameTakenError(Exception):
        pass

    meaning = ("prompts.name", NameTakenError())
    with (
        prepared.connect() as connection,
        pytest.raises(NameTakenError),
        on_unique_violation(meaning),
    ):
        connection.exec_driver_sql("INSERT INTO prompts (name) VALUES ('one')")


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("SELECT * FROM nowhere", "no such table: nowhere"),
        ("SELECT missing FROM prompts", "no such column: missing"),
        ("SELECT no_function(1)", "no such function: no_function"),
        ("CREATE TABLE prompts (x)", "table prompts already exists"),
        ("SELECT json('{')", "malformed JSON"),
        ("SELECT abs(-9223372036854775808)", "integer overflow"),
        ("SELECT * FROM prompts WHERE", None),
        ("nonsense", None),
    ],
)
def test_statement_that_cannot_be_done_is_an_operational_error(
    prepared: Engine, statement: str, message: str | None
) -> None:
    with prepared.connect() as connection:
        with pytest.raises(exc.OperationalError) as failed:
            connection.exec_driver_sql(statement)

        assert message in (None, str(failed.value.orig))
        assert not failed.value.connection_invalidated
        assert connection.exec_driver_sql("SELECT count(*) FROM prompts").scalar() == 1


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("SELECT 1; SELECT 2", exc.ProgrammingError),
        ("SELECT 'a\0b'", exc.ProgrammingError),
        ("SELECT zeroblob(2000000000)", exc.DataError),
    ],
)
def test_other_faults_of_a_statement_have_the_class_that_sqlite3_gives_them(
    prepared: Engine, statement: str, kind: type[Exception]
) -> None:
    with prepared.connect() as connection, pytest.raises(kind):
        connection.exec_driver_sql(statement)


@pytest.mark.parametrize("statement", ["VACUUM", "ATTACH 'x' AS y", "PRAGMA journal_mode=DELETE"])
def test_statement_that_the_server_does_not_allow_is_an_operational_error(
    engine: Engine, statement: str
) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("SELECT 1")
        with pytest.raises(exc.OperationalError, match="unsupported statement"):
            connection.exec_driver_sql(statement)


def test_only_statements_that_write_are_executed_many_times(any_engine: Engine) -> None:
    with any_engine.connect() as connection, pytest.raises(exc.ProgrammingError, match="only execute DML"):
        connection.exec_driver_sql("SELECT ?", [(1,), (2,)])


def test_answer_that_is_too_large_is_refused_and_the_transaction_goes_on(engine: Engine) -> None:
    """The server's limit is 10 MB."""
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE large (x)")
        connection.exec_driver_sql("INSERT INTO large VALUES (?)", [("x" * 1_000_000,)] * 12)
        with pytest.raises(exc.DataError, match="Response is too large"):
            connection.exec_driver_sql("SELECT x FROM large")
        nine = connection.exec_driver_sql("SELECT x FROM large LIMIT 9").scalars().all()

    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*), sum(length(x)) FROM large").one() == (
            12,
            12_000_000,
        )
    assert len(nine) == 9


@pytest.mark.parametrize(
    ("code", "name", "number"),
    [
        ("SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_UNIQUE", sqlite3.SQLITE_CONSTRAINT_UNIQUE),
        ("SQLITE_BUSY", "SQLITE_BUSY", sqlite3.SQLITE_BUSY),
        ("SOMETHING_NEW", "SOMETHING_NEW", sqlite3.SQLITE_ERROR),
    ],
)
def test_error_carries_the_code_that_sqlite3_would_give(code: str, name: str, number: int) -> None:
    error: Any = error_of("SQLite error: something", code)

    assert (str(error), error.sqlite_errorname, error.sqlite_errorcode) == ("something", name, number)


def test_constraint_is_recognised_without_a_code() -> None:
    assert isinstance(error_of("UNIQUE constraint failed: t.x", None), sqlite3.IntegrityError)
    assert type(error_of("something else", None)) is sqlite3.OperationalError
