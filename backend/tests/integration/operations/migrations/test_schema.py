"""Schemas are compared by what they mean, and every difference is told."""

import sqlite3
from collections.abc import Callable, Iterator

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Column, Text
from sqlalchemy.exc import OperationalError

from src.infrastructure.shared.database.local_sqlite import EngineRole
from src.infrastructure.shared.database.turso_connection import TursoConnection
from src.operations.migrations.schema import Schema, diff, row_counts, snapshot
from src.operations.migrations.schema_changes import changes

Open = Callable[[str], sqlite3.Connection]

TABLES = """
    CREATE TABLE parents (id TEXT NOT NULL, CONSTRAINT pk_parents PRIMARY KEY (id));
    CREATE TABLE children (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        parent_id VARCHAR(36) CONSTRAINT fk_parent REFERENCES parents (id) ON DELETE CASCADE NOT NULL,
        name VARCHAR(50) COLLATE NOCASE DEFAULT 'neu',
        size INTEGER DEFAULT (abs(-1)),
        shout TEXT GENERATED ALWAYS AS (upper(name)) STORED,
        CONSTRAINT ck_size CHECK (size >= 0 AND name <> ''),
        CONSTRAINT uq_name UNIQUE (parent_id, name)
    );
    CREATE INDEX idx_size ON children (size DESC, lower(name)) WHERE size > 3;
    CREATE TRIGGER shrink AFTER INSERT ON children BEGIN UPDATE children SET size = 0 WHERE id = new.id; END;
    CREATE VIEW small AS SELECT * FROM children WHERE size < 3;
"""

# The same, as another hand would have written it.
REWRITTEN = """
    create table "parents" ("id" text NOT NULL, constraint "pk_parents" primary key ("id"));
    CREATE TABLE [children] (  -- in another order
        `shout` TEXT AS (UPPER( "name" )) STORED,
        "size" integer DEFAULT (( ABS(-1) )),
        "name" varchar( 50 ) DEFAULT 'neu' COLLATE nocase,
        "parent_id" VARCHAR(36) NOT NULL,
        "id" INTEGER PRIMARY KEY AUTOINCREMENT,
        CONSTRAINT uq_name UNIQUE ("parent_id", "name"),
        CONSTRAINT "fk_parent" FOREIGN KEY("parent_id") REFERENCES "parents" ("id") ON DELETE CASCADE,
        CONSTRAINT ck_size CHECK (("size" >= 0 and name != ''))
    );
    CREATE INDEX "idx_size" ON "children" ("size" desc, LOWER(name)) WHERE ("size" > 3);
    CREATE TRIGGER "shrink" AFTER INSERT ON "children"
        BEGIN update children set size=0 where id=new.id; END;
    CREATE VIEW "small" AS select * from [children] where "size"<3;
"""


@pytest.fixture
def opened() -> Iterator[Open]:
    connections: list[sqlite3.Connection] = []

    def make(script: str) -> sqlite3.Connection:
        connections.append(sqlite3.connect(":memory:"))
        connections[-1].executescript(script)
        return connections[-1]

    yield make
    for connection in connections:
        connection.close()


def schema_of(opened: Open, script: str) -> Schema:
    return snapshot(opened(script))


def test_schema_does_not_depend_on_how_it_was_written(opened: Open) -> None:
    assert diff(schema_of(opened, TABLES), schema_of(opened, REWRITTEN)) == ()
    assert schema_of(opened, TABLES) == schema_of(opened, REWRITTEN)


def test_bookkeeping_is_no_part_of_the_schema(opened: Open) -> None:
    books = """
        CREATE TABLE alembic_version (version_num TEXT); CREATE TABLE _migration_lock (id INTEGER);
        CREATE TABLE libsql_wasm_func_table (name TEXT); CREATE TABLE _litestream_seq (id INTEGER);
        CREATE INDEX idx_seq ON _litestream_seq (id); INSERT INTO alembic_version VALUES ('0001');
    """
    assert schema_of(opened, TABLES + books) == schema_of(opened, TABLES)
    assert row_counts(opened(TABLES + books)) == {"children": 0, "parents": 0}


@pytest.mark.parametrize(
    ("old", "new", "line", "is_dangerous"),
    [
        ("name VARCHAR(50)", "name VARCHAR(40)", "~ column children.name VARCHAR(50)", True),
        ("name VARCHAR(50)", "name VARCHAR(60)", "~ column children.name VARCHAR(50)", False),
        ("name VARCHAR(50)", "name TEXT", "~ column children.name VARCHAR(50)", False),
        ("size INTEGER", "size TEXT", "~ column children.size INTEGER", True),
        ("size INTEGER", "size BIGINT", "~ column children.size INTEGER", False),
        ("DEFAULT 'neu'", "DEFAULT 'alt'", "~ column children.name VARCHAR(50)", False),
        ("DEFAULT 'neu',", "DEFAULT 'neu' NOT NULL,", "~ column children.name VARCHAR(50)", True),
        ("COLLATE NOCASE", "", "~ column children.name VARCHAR(50) COLLATE NOCASE", False),
        ("upper(name)", "lower(name)", "~ column children.shout TEXT AS (upper(name)) STORED", True),
        ("STORED,", "STORED, note TEXT,", "+ column children.note TEXT", False),
        ("STORED,", "STORED, note TEXT NOT NULL,", "+ column children.note TEXT NOT NULL", True),
        ("size >= 0 AND", "size >= 1 AND", "+ check of children ck_size (size >= 1 AND name <> '')", True),
        ("ck_size", "ck_other", "+ check of children ck_other", False),
        ("ON DELETE CASCADE", "ON DELETE SET NULL", "+ foreign key of children fk_parent", True),
        ("ON DELETE CASCADE", "DEFERRABLE INITIALLY DEFERRED", "+ foreign key of children", True),
        ("UNIQUE (parent_id, name)", "UNIQUE (name)", "+ unique of children uq_name (name)", True),
        ("size DESC", "size", "~ index idx_size (size DESC, lower(name)) WHERE size > 3 → idx_size", False),
        ("CREATE INDEX idx_size", "CREATE UNIQUE INDEX idx_size", "~ index idx_size", True),
        ("CREATE INDEX idx_size", "CREATE INDEX idx_new", "- index idx_size", True),
        ("size > 3", "size > 4", "~ index idx_size (size DESC, lower(name)) WHERE size > 3", False),
        (" AUTOINCREMENT", "", "~ options of children: AUTOINCREMENT → none", False),
        ("PRIMARY KEY (id)", "PRIMARY KEY (id) ON CONFLICT IGNORE", "~ options of parents", False),
        ("CONSTRAINT pk_parents PRIMARY KEY (id)", "UNIQUE (id)", "~ primary key of parents", True),
        ("size < 3", "size < 4", "~ view small: CREATE VIEW small AS SELECT", False),
        ("CREATE VIEW small", "CREATE VIEW tiny", "- view small", True),
        ("SET size = 0", "SET size = 1", "~ trigger shrink: CREATE TRIGGER shrink", False),
        ("CREATE TRIGGER shrink", "CREATE TRIGGER grow", "- trigger shrink", False),
    ],
)
def test_every_change_is_told(opened: Open, old: str, new: str, line: str, is_dangerous: bool) -> None:
    assert old in TABLES
    found = changes(schema_of(opened, TABLES), schema_of(opened, TABLES.replace(old, new, 1)))

    assert any(str(change).startswith(line) for change in found), found
    assert any(change.danger for change in found) is is_dangerous, found


def test_tables_and_columns_that_go_are_destructive(opened: Open) -> None:
    one_less = schema_of(opened, TABLES.replace("size INTEGER DEFAULT (abs(-1)),", "").replace("size", "id"))
    (gone,) = [c for c in changes(schema_of(opened, TABLES), one_less) if str(c).startswith("- column")]
    assert str(gone) == "- column children.size INTEGER DEFAULT abs(-1)"
    assert gone.danger == "its values are deleted"

    told = changes(schema_of(opened, TABLES), schema_of(opened, ""))
    assert {str(change) for change in told} >= {"- table children", "- table parents", "- view small"}
    assert diff(schema_of(opened, ""), schema_of(opened, TABLES))[0].startswith(
        "+ table children (id, parent_id,"
    )


def test_full_text_index_is_one_object(opened: Open) -> None:
    fts = "CREATE VIRTUAL TABLE found USING fts5(name, content='children');"
    schema = schema_of(opened, TABLES + fts)

    assert schema.tables.keys() == {"children", "parents"}
    assert diff(schema_of(opened, TABLES), schema) == ("+ virtual table found",)
    assert row_counts(opened(TABLES + fts)) == {"children": 0, "parents": 0}


def test_rebuilding_a_table_and_undoing_it_leaves_the_same_schema(database: TursoConnection) -> None:
    engine = database.engine(EngineRole.WRITE)
    with engine.connect() as connection:
        before = snapshot(connection)
    assert {"prompts", "evaluations", "test_results"} <= before.tables.keys()
    assert any("status IN ('draft'" in check.expression for check in before.tables["prompts"].checks)

    with engine.begin() as connection:
        operations = Operations(MigrationContext.configure(connection, opts={"render_as_batch": True}))
        with operations.batch_alter_table("prompts", recreate="always") as batch:
            batch.add_column(Column("note", Text()))
    with engine.connect() as connection:
        rebuilt = snapshot(connection)
    with engine.begin() as connection:
        operations = Operations(MigrationContext.configure(connection, opts={"render_as_batch": True}))
        with operations.batch_alter_table("prompts", recreate="always") as batch:
            batch.drop_column("note")
    with engine.connect() as connection:
        undone = snapshot(connection)

    assert diff(before, rebuilt) == ("+ column prompts.note TEXT",)
    assert diff(before, undone) == ()


def test_rows_are_counted_in_any_table(opened: Open) -> None:
    awkward = 'CREATE TABLE "it\'s ""odd""" (x); INSERT INTO "it\'s ""odd""" VALUES (1), (NULL);'
    many = "".join(f"CREATE TABLE t{number} (x); INSERT INTO t{number} VALUES (1);" for number in range(501))
    counts = row_counts(opened(awkward + many))

    assert counts['it\'s "odd"'] == 2
    assert len(counts) == 502
    assert row_counts(opened(awkward), []) == {}


def test_counting_a_table_that_is_not_there_is_refused(database: TursoConnection) -> None:
    with (
        database.engine(EngineRole.READ).connect() as connection,
        pytest.raises(OperationalError, match="no such table"),
    ):
        row_counts(connection, ["nope"])
