"""The shell reads unless it may write, on both backends, and its answers are what the database says."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest

from src.core.config.settings.base import Settings, load_settings
from src.domain.shared.errors import UnavailableError
from src.infrastructure.shared.database.local_sqlite import EngineRole
from src.infrastructure.shared.database.turso_connection import TursoConnection
from src.operations.backup.sqlite_file import open_for_reading
from src.operations.shell.reading import ReadOnlyError
from src.operations.shell.shell import SqlError, SqlShell, open_shell
from tests.backends import on_sqlite
from tests.fault_proxy import FaultProxy
from tests.libsql_server import LibsqlServer

Open = Callable[..., SqlShell]


@pytest.fixture
def opened(database: TursoConnection) -> Iterator[Open]:
    with database.engine(EngineRole.WRITE).begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (x INTEGER PRIMARY KEY, y)")
        connection.exec_driver_sql("INSERT INTO t VALUES (1, '語'), (2, NULL), (3, x'00ff')")
    with ExitStack() as held:
        yield lambda *, write=False: held.enter_context(open_shell(database, write=write))


def rows(shell: SqlShell, sql: str) -> list[tuple[object, ...]]:
    return list(shell.run(sql, limit=100).rows)


def test_rows_come_as_they_are(opened: Open) -> None:
    answer = opened().run("SELECT x, y AS why FROM t;", limit=100)

    assert answer.columns == ("x", "why")
    assert answer.rows == ((1, "語"), (2, None), (3, b"\x00\xff"))
    assert (answer.is_cut, answer.changed) == (False, None)


def test_rows_beyond_the_limit_are_told_of(opened: Open) -> None:
    answer = opened().run("SELECT x FROM t", limit=2)

    assert (answer.rows, answer.is_cut) == (((1,), (2,)), True)


@pytest.mark.parametrize(
    "sql", ["DELETE FROM t", "WITH a AS (SELECT 1) DELETE FROM t", "DROP TABLE t", "PRAGMA user_version = 3"]
)
def test_writing_is_refused_in_words(opened: Open, sql: str) -> None:
    shell = opened()

    with pytest.raises(ReadOnlyError, match="start the shell with --write"):
        shell.run(sql, limit=1)

    assert len(rows(shell, "SELECT * FROM t")) == 3


@on_sqlite
def test_connection_that_reads_cannot_write_whatever_it_is_told(
    opened: Open, database: TursoConnection
) -> None:
    """Behind the words there is the database's own refusal."""
    with (
        closing(open_for_reading(database.path)) as connection,
        pytest.raises(sqlite3.OperationalError, match="readonly"),
    ):
        connection.execute("DELETE FROM t")


def test_mistake_is_told_and_the_shell_goes_on(opened: Open) -> None:
    shell = opened()

    with pytest.raises(SqlError, match="no such column: z"):
        shell.run("SELECT z FROM t", limit=1)
    with pytest.raises(SqlError, match="syntax error"):
        shell.run("SELECT FROM t", limit=1)

    assert rows(shell, "SELECT count(*) FROM t") == [(3,)]


@pytest.mark.parametrize(
    ("sql", "columns"),
    [
        ("PRAGMA table_info(t)", 6),
        ("EXPLAIN QUERY PLAN SELECT * FROM t", 4),
        ("VALUES (1, 2)", 2),
        ("SELECT 1, 2 WHERE 0", 2),
    ],
)
def test_everything_that_reads_can_be_asked(opened: Open, sql: str, columns: int) -> None:
    assert len(opened().run(sql, limit=10).columns) == columns


def test_script_is_split_into_statements(opened: Open) -> None:
    shell = opened()

    assert shell.statements("SELECT ';'; -- only a comment\n;SELECT 2 -- and one more\n") == [
        "SELECT ';';",
        "SELECT 2 -- and one more",
    ]
    assert shell.is_complete("SELECT 1;")
    assert not shell.is_complete("SELECT ';")


# --- with --write -----------------------------------------------------------------------------------------------------


def test_statement_is_committed_at_once(opened: Open, database: TursoConnection) -> None:
    answer = opened(write=True).run("UPDATE t SET y = 'n' WHERE x > 1", limit=1)

    assert (answer.changed, answer.columns) == (2, ())
    with database.engine(EngineRole.READ).connect() as connection:
        assert connection.exec_driver_sql("SELECT y FROM t ORDER BY x").scalars().all() == ["語", "n", "n"]


def test_rows_that_a_change_returns_are_shown(opened: Open) -> None:
    shell = opened(write=True)

    assert rows(shell, "DELETE FROM t WHERE x < 3 RETURNING x") == [(1,), (2,)]
    assert rows(shell, "SELECT x FROM t") == [(3,)]


def test_transaction_lasts_until_its_end(opened: Open) -> None:
    shell, other = opened(write=True), opened()
    shell.run("BEGIN", limit=1)
    shell.run("DELETE FROM t", limit=1)
    assert shell.is_in_transaction
    assert rows(other, "SELECT count(*) FROM t") == [(3,)]
    shell.run("ROLLBACK", limit=1)
    assert rows(shell, "SELECT count(*) FROM t") == [(3,)]

    shell.run("BEGIN IMMEDIATE;", limit=1)
    shell.run("DELETE FROM t WHERE x = 1", limit=1)
    shell.run("COMMIT", limit=1)

    assert not shell.is_in_transaction
    assert rows(other, "SELECT count(*) FROM t") == [(2,)]


def test_mistake_in_a_transaction_does_not_end_it(opened: Open) -> None:
    shell = opened(write=True)
    shell.run("BEGIN", limit=1)
    shell.run("DELETE FROM t WHERE x = 1", limit=1)
    with pytest.raises(SqlError, match="UNIQUE constraint failed"):
        shell.run("INSERT INTO t VALUES (2, 2)", limit=1)
    shell.run("END", limit=1)

    assert rows(shell, "SELECT x FROM t") == [(2,), (3,)]


def test_mistake_outside_a_transaction_leaves_nothing_open(opened: Open) -> None:
    shell = opened(write=True)
    with pytest.raises(SqlError):
        shell.run("INSERT INTO t VALUES (1, 1)", limit=1)

    shell.run("DELETE FROM t", limit=1)
    assert rows(opened(), "SELECT * FROM t") == []


def test_beginning_twice_and_ending_nothing_are_refused(opened: Open) -> None:
    shell = opened(write=True)
    with pytest.raises(SqlError, match="There is no transaction"):
        shell.run("COMMIT", limit=1)
    shell.run("BEGIN", limit=1)
    with pytest.raises(SqlError, match="There is a transaction already"):
        shell.run("BEGIN", limit=1)


def test_transaction_that_is_left_open_is_undone(database: TursoConnection, opened: Open) -> None:
    with open_shell(database, write=True) as shell:
        shell.run("BEGIN", limit=1)
        shell.run("DELETE FROM t", limit=1)

    assert rows(opened(), "SELECT count(*) FROM t") == [(3,)]


# --- where there is nothing to open -----------------------------------------------------------------------------------


def test_database_that_is_not_there_is_told(
    settings: Settings, backend: str, request: pytest.FixtureRequest
) -> None:
    database = TursoConnection(settings)
    if backend == "libsql":
        server: LibsqlServer = request.getfixturevalue("libsql_database")
        server.stop()

    with (
        pytest.raises((SqlError, UnavailableError), match=r"no database at|does not answer|cannot be asked"),
        open_shell(database, write=False) as shell,
    ):
        shell.run("SELECT 1", limit=1)
    database.dispose()
    assert not (backend == "sqlite" and database.path.exists())


def test_server_that_is_lost_on_the_way_is_told(server: LibsqlServer) -> None:
    with FaultProxy(server.host, server.port) as proxy:
        database = TursoConnection(load_settings(database_url=proxy.url, turso_auth_token=server.token()))
        with open_shell(database, write=False) as reading, open_shell(database, write=True) as writing:
            writing.run("BEGIN", limit=1)
            writing.run("CREATE TABLE t (x)", limit=1)
            proxy.refuse()

            for shell in (reading, writing):
                with pytest.raises(UnavailableError):
                    shell.run("SELECT 1", limit=1)
            assert not writing.is_in_transaction

            proxy.heal()
            assert rows(reading, "SELECT 1") == [(1,)]
            assert rows(writing, "SELECT name FROM sqlite_master WHERE name = 't'") == []
        database.dispose()
