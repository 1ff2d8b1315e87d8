import pytest

from tests.unit.operations.migrations.lint.snippets import codes

BATCH = "UPDATE prompts SET tags = '[]' WHERE id IN (SELECT id FROM prompts WHERE tags IS NULL LIMIT 500)"
AUTOCOMMIT = f"""\
with op.get_context().autocommit_block():
    while op.get_bind().exec_driver_sql({BATCH!r}).rowcount:
        pass
"""


@pytest.mark.parametrize(
    "call",
    [
        "op.execute('COMMIT')",
        "op.execute('begin immediate')",
        "op.execute('ROLLBACK')",
        "op.execute('END TRANSACTION')",
        "op.get_bind().commit()",
        "connection = op.get_bind()\nconnection.rollback()",
        "with op.get_bind().begin():\n    op.execute('SELECT 1')",
        "op.get_context().connection.commit()",
        "op.get_bind().execution_options(isolation_level='AUTOCOMMIT')",
        "op.get_bind().connection.executescript('SELECT 1; SELECT 2')",
    ],
)
def test_transaction_by_hand_is_found(call: str) -> None:
    assert codes(call) == "AFM301"
    assert codes("op.create_index('i', 'prompts', ['tags'])", call) == "AFM301"


@pytest.mark.parametrize(
    "call",
    [
        "op.execute('SAVEPOINT a')\nop.execute('ROLLBACK TO a')\nop.execute('RELEASE a')",
        "with op.get_bind().begin_nested():\n    op.execute('SELECT 1')",
        "session = sa.orm.Session(bind=op.get_bind())\nsession.commit()",
        "op.get_bind().execution_options(stream_results=True)",
        "op.execute(\"UPDATE prompts SET tags = 'COMMIT' WHERE id = 'a'\")",
        "op.execute('CREATE TRIGGER t AFTER INSERT ON prompts BEGIN SELECT 1; END')",
    ],
)
def test_what_stays_inside_the_transaction_is_fine(call: str) -> None:
    assert codes(call) == ""


def test_batches_that_commit_are_fine_only_alone() -> None:
    add = "op.add_column('prompts', sa.Column('note', sa.Text()))\n"

    assert codes(AUTOCOMMIT) == ""
    assert codes(AUTOCOMMIT, add) == ""
    assert codes(add + AUTOCOMMIT) == "AFM301"
    assert codes(AUTOCOMMIT + "op.execute('CREATE TABLE notes (id TEXT)')") == "AFM301"
    assert codes(AUTOCOMMIT.replace(BATCH, "UPDATE prompts SET tags = 1")) == "AFM301 AFM201"


@pytest.mark.parametrize(
    "sql",
    [
        "PRAGMA foreign_keys=ON",
        "PRAGMA foreign_keys = OFF",
        "pragma main.foreign_keys(1)",
        "PRAGMA foreign_keys = 'on'",
    ],
)
def test_foreign_keys_by_hand_are_found(sql: str) -> None:
    assert codes(f"op.execute({sql!r})") == "AFM302"
    assert codes(f"op.get_bind().exec_driver_sql({sql!r})") == "AFM302"


@pytest.mark.parametrize(
    "sql", ["PRAGMA foreign_keys", "PRAGMA foreign_key_check", "PRAGMA foreign_key_list(prompts)"]
)
def test_asking_about_foreign_keys_is_fine(sql: str) -> None:
    assert codes(f"op.execute({sql!r})") == ""


@pytest.mark.parametrize(
    "call",
    [
        "sqlite3.connect('data/autoforge_dev.db')",
        "sa.create_engine('sqlite://')",
        "op.get_bind().engine.connect()",
        "with op.get_bind().engine.begin() as connection:\n    connection.execute(sa.text('SELECT 1'))",
        "engine = op.get_bind().engine\nengine.raw_connection()",
        "MigrationContext.configure(op.get_bind())",
    ],
)
def test_connection_of_its_own_is_found(call: str) -> None:
    above = "import sqlite3\nfrom alembic.runtime.migration import MigrationContext"

    assert codes(call, above=above) == "AFM303"


@pytest.mark.parametrize(
    "call",
    [
        "op.get_bind().execute(sa.text('SELECT 1'))",
        "op.get_bind().engine.dialect.name",
        "signal.connect(print)",
        "sa.inspect(op.get_bind()).get_columns('prompts')",
    ],
)
def test_connection_of_the_migration_is_fine(call: str) -> None:
    assert codes(call) == ""


@pytest.mark.parametrize(
    "call",
    [
        "op.execute('VACUUM')",
        "op.execute(\"ATTACH 'other.db' AS other\")",
        "op.execute('CREATE TEMP TABLE t (id TEXT)')",
        "op.execute('create temporary view t AS SELECT 1')",
        "op.execute('PRAGMA journal_mode=WAL')",
        "op.execute('PRAGMA busy_timeout(5000)')",
        "op.execute('PRAGMA legacy_alter_table = ON')",
        "op.execute('PRAGMA wal_checkpoint')",
        "op.create_table('t', sa.Column('id'), prefixes=['TEMPORARY'])",
    ],
)
def test_what_libsql_refuses_is_found(call: str) -> None:
    assert codes(call) == "AFM305"


@pytest.mark.parametrize(
    "call",
    [
        "op.execute('PRAGMA journal_mode')",
        "op.execute('PRAGMA user_version = 3')",
        "op.execute('PRAGMA table_info(prompts)')",
        "op.execute('CREATE TABLE temp_notes (id TEXT)')",
        "op.execute('REINDEX')",
        "op.create_table('t', sa.Column('id'), prefixes=['STRICT'])",
    ],
)
def test_what_libsql_takes_is_fine(call: str) -> None:
    assert codes(call) == ""


@pytest.mark.parametrize(
    ("above", "call"),
    [
        ("import time", "time.sleep(1)"),
        ("from time import sleep", "sleep(1)"),
        ("import requests", ""),
        ("import urllib.request", ""),
        ("from urllib import request", ""),
        ("from http.client import HTTPConnection", ""),
        ("import httpx2 as httpx", ""),
    ],
)
def test_waiting_is_found(above: str, call: str) -> None:
    assert codes(call or "op.create_index('i', 'prompts', ['tags'])", above=above) == "AFM306"


@pytest.mark.parametrize(
    ("above", "call"),
    [
        ("from urllib.parse import quote", "quote('a')"),
        ("import http", ""),
        ("import httpxish", ""),
        ("", "sleep(1)"),
        ("import asyncio", ""),
    ],
)
def test_what_does_not_wait_is_fine(above: str, call: str) -> None:
    assert codes(call or "op.create_index('i', 'prompts', ['tags'])", above=above) == ""
