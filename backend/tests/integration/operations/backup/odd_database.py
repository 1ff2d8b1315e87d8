"""A database with everything in it that a copy could lose."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

TABLES = (
    "CREATE TABLE odd (id TEXT PRIMARY KEY, b BLOB, n INTEGER, f REAL, t TEXT, "
    "shout TEXT GENERATED ALWAYS AS (upper(t)) STORED)",
    "CREATE TABLE seen (id INTEGER PRIMARY KEY AUTOINCREMENT, what)",
    'CREATE TABLE "it\'s ""odd""" ("a b" TEXT, x)',
    "CREATE VIRTUAL TABLE words USING fts5(said)",
    "CREATE VIRTUAL TABLE shouts USING fts5(shout, content='odd')",
    "CREATE INDEX idx_odd_n ON odd (n DESC) WHERE n > 0",
    "CREATE VIEW loud AS SELECT shout FROM odd",
    "CREATE TRIGGER watch AFTER INSERT ON odd BEGIN INSERT INTO seen (what) VALUES (new.n); END",
)
ODD_ROWS: tuple[tuple[Any, ...], ...] = (
    ("日本 '語'\n", bytes(range(256)), 2**53 + 1, 1e300, "a\0b"),
    ("least", b"", -(2**63), 5e-324, None),
    ("most", None, 2**63 - 1, 0.1, "line\u2028separator \x85 \r\n; -- '/*"),
    ("nothing", None, None, None, ""),
    ("\\n and \n", b"\0", 0, 1 / 3, "🦊" * 1000),
)
WORDS = (("hello 日本",), ("it's here",))


def fill(execute: Any) -> None:
    """`execute` runs one statement with its parameters."""
    for sql in TABLES:
        execute(sql, ())
    for row in ODD_ROWS:
        execute("INSERT INTO odd (id, b, n, f, t) VALUES (?, ?, ?, ?, ?)", row)
    for row in WORDS:
        execute("INSERT INTO words VALUES (?)", row)
    execute('INSERT INTO "it\'s ""odd""" VALUES (?, ?)', ("x", 1.5))
    execute("DELETE FROM seen WHERE id = 5", ())
    execute("INSERT INTO shouts (shouts) VALUES ('rebuild')", ())


def require_odd(path: Path) -> None:
    """That the file has all of it, to the last bit."""
    with closing(sqlite3.connect(path)) as connection:

        def rows(sql: str) -> Sequence[Any]:
            return connection.execute(sql).fetchall()

        assert rows("SELECT id, b, n, f, t FROM odd ORDER BY rowid") == list(ODD_ROWS)
        assert rows("SELECT id, what FROM seen") == [(at + 1, row[2]) for at, row in enumerate(ODD_ROWS[:4])]
        assert rows("SELECT seq FROM sqlite_sequence WHERE name = 'seen'") == [(5,)]
        assert rows('SELECT * FROM "it\'s ""odd"""') == [("x", 1.5)]
        assert rows("SELECT said FROM words WHERE words MATCH 'hello'") == [WORDS[0]]
        assert len(rows("SELECT rowid FROM shouts WHERE shouts MATCH 'line'")) == 1
        assert rows("SELECT count(*) FROM loud") == [(5,)]
        connection.execute("INSERT INTO odd (id, n, t) VALUES ('later', 8, 'x')")
        assert rows("SELECT what FROM seen WHERE id = 6") == [(8,)]
