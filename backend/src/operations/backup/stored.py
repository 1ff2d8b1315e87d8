"""What there is to copy in a database, in the order in which a copy can be made."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from src.infrastructure.shared.database.sql_text import quoted, tokens
from src.operations.backup.errors import BackupError
from src.operations.migrations.schema import is_bookkeeping

OBJECTS = "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid"
SHADOWS = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'shadow'"
COLUMNS = """
    SELECT m.name, p.name FROM sqlite_master m JOIN pragma_table_xinfo(m.name) p
    WHERE m.type = 'table' AND p.hidden = 0 ORDER BY m.name, p.cid
"""
SEQUENCES = "sqlite_sequence"
_FULL_TEXT = ("fts3", "fts4", "fts5")
_EXTERNAL = re.compile(r"""\bcontent\s*=\s*('[^']*'|"[^"]*"|\w*)""")

Row = Sequence[Any]


@dataclass(frozen=True, slots=True)
class StoredTable:
    """`columns` are those that can be inserted; a table that is `rebuilt_by` a statement has none."""

    name: str
    sql: str
    columns: tuple[str, ...]
    rebuilt_by: str | None = None

    @property
    def select(self) -> str:
        return f"SELECT {self._listed} FROM {quoted(self.name)}"  # noqa: S608 - quoted

    @property
    def insert_into(self) -> str:
        """Up to VALUES."""
        return f"INSERT INTO {quoted(self.name)} ({self._listed}) VALUES"

    @property
    def insert(self) -> str:
        """With a place for each column."""
        return f"{self.insert_into} ({', '.join('?' * len(self.columns))})"

    @property
    def _listed(self) -> str:
        return ", ".join(map(quoted, self.columns))


@dataclass(frozen=True, slots=True)
class Stored:
    """`filled` are the tables whose rows are to be copied; `finishing` makes indexes, views and triggers."""

    tables: tuple[StoredTable, ...]
    filled: tuple[StoredTable, ...]
    finishing: tuple[str, ...]


def stored_in(query: Callable[[str], Sequence[Row]]) -> Stored:
    """`query` gives the rows of a statement."""
    return stored(query(OBJECTS), query(SHADOWS), query(COLUMNS))


def stored(objects: Sequence[Row], shadows: Sequence[Row], columns: Sequence[Row]) -> Stored:
    """Of the rows of the three statements above. Raises BackupError for what cannot be read back."""
    hidden = {str(name) for (name,) in shadows}
    of_table: dict[str, list[str]] = {}
    for table, column in columns:
        of_table.setdefault(table, []).append(column)
    ours = [row for row in objects if _is_kept(row[2]) and row[2] not in hidden]
    tables = tuple(_table(row[1], row[3], of_table[row[1]]) for row in ours if row[0] == "table")
    filled = [table for table in tables if table.rebuilt_by is None]
    if any(row[1] == SEQUENCES for row in objects):
        filled.append(StoredTable(SEQUENCES, "", ("name", "seq")))
    finishing = [sql for kind in ("index", "view", "trigger") for found, _, _, sql in ours if found == kind]
    return Stored(tables, tuple(filled), tuple(finishing))


def _is_kept(table: str) -> bool:
    return not is_bookkeeping(table) or table == "alembic_version"


def _table(name: str, sql: str, columns: Sequence[str]) -> StoredTable:
    """Full-text tables are copied by what is in them, since only they can write their own tables."""
    words = [token.text.lower() for token in tokens(sql)]
    module = words[words.index("using") + 1] if words[1] == "virtual" else None
    if module not in _FULL_TEXT:
        return StoredTable(name, sql, tuple(columns))
    external = _EXTERNAL.search(sql)
    if external is None:
        return StoredTable(name, sql, ("rowid", *columns))
    if not external[1].strip("'\""):
        raise BackupError(f"{name} is a full-text table without content, which cannot be read back.")
    rebuild = f"INSERT INTO {quoted(name)} ({quoted(name)}) VALUES ('rebuild')"  # noqa: S608 - quoted
    return StoredTable(name, sql, (), rebuild)
