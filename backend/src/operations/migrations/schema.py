"""The schema as the database itself tells it, comparable between databases, and how many rows are in it."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from src.infrastructure.shared.database.sql_text import literal, plain, plain_expression, quoted, tokens
from src.operations.migrations.create_table import TableText, read_index, read_table
from src.operations.migrations.schema_changes import changes
from src.operations.migrations.schema_parts import Column, ForeignKey, Index, Key, Schema, Table

# Tables that keep books about the others: of migrations, of SQLite, of libSQL, of a replicator.
_BOOKKEEPING = ("_litestream", "libsql_", "sqlite_")
_BOOKKEEPING_TABLES = ("_migration_lock", "alembic_version")

# SQLite takes 500 SELECTs in one statement.
_MOST_UNITED = 400

_OBJECTS = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name"
_SHADOWS = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'shadow'"
_TABLES = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' ORDER BY name"
_COLUMNS = """
    SELECT m.name, p.name, p.type, p."notnull", p.dflt_value, p.pk, p.cid
    FROM sqlite_master m JOIN pragma_table_xinfo(m.name) p
    WHERE m.type = 'table' AND m.sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY m.name, p.cid
"""
_FOREIGN_KEYS = """
    SELECT m.name, p.id, p."from", p."table", p."to", p.on_update, p.on_delete
    FROM sqlite_master m JOIN pragma_foreign_key_list(m.name) p
    WHERE m.type = 'table' AND m.sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY m.name, p.id, p.seq
"""
_INDEXES = """
    SELECT m.name, i.name, i.origin, i."unique", p.name
    FROM sqlite_master m JOIN pragma_index_list(m.name) i JOIN pragma_index_xinfo(i.name) p
    WHERE m.type = 'table' AND m.sql NOT LIKE 'CREATE VIRTUAL%' AND p.key ORDER BY i.name, p.seqno
"""

AnyConnection = Connection | sqlite3.Connection
Row = Sequence[Any]

__all__ = ["AnyConnection", "Schema", "diff", "is_bookkeeping", "row_counts", "snapshot", "table_names"]


def snapshot(connection: AnyConnection) -> Schema:
    """The whole schema but for bookkeeping tables, in five statements."""
    objects = [row for row in _query(connection, _OBJECTS) if not is_bookkeeping(str(row[2]))]
    shadows = {str(row[0]) for row in _query(connection, _SHADOWS)}
    columns = _by_table(_query(connection, _COLUMNS))
    foreign_keys = _by_table(_query(connection, _FOREIGN_KEYS))
    indexes = _by_table(_query(connection, _INDEXES))
    index_sql = {str(name): str(sql) for kind, name, _, sql in objects if kind == "index" and sql}

    tables, virtual_tables = {}, {}
    for kind, name, _, sql in objects:
        if kind != "table" or name in shadows:
            continue
        if _is_virtual(sql):
            virtual_tables[name] = plain(tokens(sql))
        else:
            text = read_table(sql)
            tables[name] = Table(
                name=name,
                columns=_columns(columns[name], text),
                primary_key=_primary_key(columns[name], text),
                foreign_keys=_foreign_keys(foreign_keys[name], text),
                uniques=_uniques(indexes[name], text),
                checks=tuple(sorted(text.checks, key=str)),
                indexes=_indexes(indexes[name], index_sql),
                options=tuple(sorted(text.options)),
            )
    return Schema(tables, virtual_tables, _texts(objects, "trigger"), _texts(objects, "view"))


def diff(before: Schema, after: Schema) -> tuple[str, ...]:
    """What became of the schema, a line for each change: "+ column prompts.note TEXT". Empty when they are equal."""
    return tuple(str(change) for change in changes(before, after))


def row_counts(connection: AnyConnection, tables: Iterable[str] | None = None) -> dict[str, int]:
    """Rows of each of `tables`, by default of all that are ours; in one statement when their names are given.

    What is inside a virtual table is not counted: its own tables are as many as its module likes.
    """
    names = list(table_names(connection) if tables is None else tables)
    found: dict[str, int] = {}
    for begin in range(0, len(names), _MOST_UNITED):
        counts = (
            f"SELECT {literal(name)}, count(*) FROM {quoted(name)}"  # noqa: S608 - quoted
            for name in names[begin : begin + _MOST_UNITED]
        )
        found |= {str(name): int(count) for name, count in _query(connection, " UNION ALL ".join(counts))}
    return found


def table_names(connection: AnyConnection) -> list[str]:
    """The tables that hold rows of ours."""
    return [str(row[0]) for row in _query(connection, _TABLES) if not is_bookkeeping(str(row[0]))]


def is_bookkeeping(table: str) -> bool:
    return table.startswith(_BOOKKEEPING) or table in _BOOKKEEPING_TABLES


def _query(connection: AnyConnection, sql: str) -> Sequence[Row]:
    if isinstance(connection, Connection):
        return connection.exec_driver_sql(sql).all()
    return connection.execute(sql).fetchall()


def _by_table(rows: Iterable[Row]) -> Mapping[str, list[Row]]:
    """The rows without their first value, which is the table."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[str(row[0])].append(row[1:])
    return found


def _is_virtual(sql: str | None) -> bool:
    return (sql or "").upper().startswith("CREATE VIRTUAL")


def _texts(objects: Iterable[Row], kind: str) -> dict[str, str]:
    return {str(name): plain(tokens(sql)) for found, name, _, sql in objects if found == kind}


def _columns(rows: Iterable[Row], text: TableText) -> tuple[Column, ...]:
    found = [
        Column(
            name=name,
            type=plain(tokens(kind)).upper(),
            not_null=bool(not_null),
            default=None if default is None else plain_expression(default),
            generated=text.generated.get(name),
            collation=text.collations.get(name),
            position=position,
        )
        for name, kind, not_null, default, _, position in rows
    ]
    return tuple(sorted(found, key=lambda column: column.name))


def _primary_key(rows: Iterable[Row], text: TableText) -> Key | None:
    members = sorted((row[4], row[0]) for row in rows if row[4])
    return Key(tuple(name for _, name in members), text.primary_key_name) if members else None


def _foreign_keys(rows: Iterable[Row], text: TableText) -> tuple[ForeignKey, ...]:
    by_id: dict[int, list[Row]] = defaultdict(list)
    for identifier, *rest in rows:
        by_id[identifier].append(rest)
    found = []
    for members in by_id.values():
        columns = tuple(str(member[0]) for member in members)
        _, table, _, on_update, on_delete = members[0]
        found.append(
            ForeignKey(
                columns=columns,
                table=table,
                referred=tuple(member[2] for member in members if member[2] is not None),
                on_update=on_update,
                on_delete=on_delete,
                deferred=columns in text.deferred,
                name=text.foreign_key_names.get(columns),
            )
        )
    return tuple(sorted(found, key=str))


def _uniques(rows: Iterable[Row], text: TableText) -> tuple[Key, ...]:
    found = (tuple(member[3] for member in members) for _, members in _by_index(rows, "u"))
    return tuple(sorted((Key(columns, text.unique_names.get(columns)) for columns in found), key=str))


def _indexes(rows: Iterable[Row], sql: Mapping[str, str]) -> tuple[Index, ...]:
    found = []
    for name, members in _by_index(rows, "c"):
        text = read_index(sql[name])
        found.append(Index(name, bool(members[0][2]), text.columns, text.where))
    return tuple(sorted(found, key=str))


def _by_index(rows: Iterable[Row], origin: str) -> Iterator[tuple[str, list[Row]]]:
    by_name: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row[1] == origin:
            by_name[str(row[0])].append(row)
    yield from by_name.items()
