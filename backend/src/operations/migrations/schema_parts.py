"""What a schema is made of. Equal parts mean the same to SQLite, however their SQL was written.

`str()` of a part is how it reads in a difference.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    type: str
    not_null: bool
    default: str | None
    generated: str | None
    """The expression and STORED or VIRTUAL, for a column that is computed."""
    collation: str | None
    position: int = field(compare=False)
    """A rebuilt table may have its columns in another order, which means nothing."""

    @property
    def definition(self) -> str:
        """All but the name."""
        parts = [
            self.type,
            f"COLLATE {self.collation}" if self.collation else "",
            f"AS {self.generated}" if self.generated else "",
            "NOT NULL" if self.not_null else "",
            f"DEFAULT {self.default}" if self.default is not None else "",
        ]
        return " ".join(filter(None, parts))

    def __str__(self) -> str:
        return f"{self.name} {self.definition}".rstrip()


@dataclass(frozen=True, slots=True)
class Key:
    """A primary key or a UNIQUE constraint."""

    columns: tuple[str, ...]
    name: str | None

    def __str__(self) -> str:
        return _named(self.name, f"({', '.join(self.columns)})")


@dataclass(frozen=True, slots=True)
class ForeignKey:
    columns: tuple[str, ...]
    table: str
    referred: tuple[str, ...]
    """Empty for the primary key of `table`."""
    on_update: str
    on_delete: str
    deferred: bool
    name: str | None

    def __str__(self) -> str:
        referred = f"({', '.join(self.referred)})" if self.referred else ""
        parts = [
            f"({', '.join(self.columns)}) → {self.table}{referred}",
            f"ON UPDATE {self.on_update}" if self.on_update != "NO ACTION" else "",
            f"ON DELETE {self.on_delete}" if self.on_delete != "NO ACTION" else "",
            "DEFERRED" if self.deferred else "",
        ]
        return _named(self.name, " ".join(filter(None, parts)))


@dataclass(frozen=True, slots=True)
class Check:
    expression: str
    name: str | None

    def __str__(self) -> str:
        return _named(self.name, f"({self.expression})")


@dataclass(frozen=True, slots=True)
class Index:
    name: str
    unique: bool
    columns: tuple[str, ...]
    """Columns or expressions, each with COLLATE and DESC where it has them."""
    where: str | None

    def __str__(self) -> str:
        kind = "unique " if self.unique else ""
        where = f" WHERE {self.where}" if self.where else ""
        return f"{self.name} {kind}({', '.join(self.columns)}){where}"


@dataclass(frozen=True, slots=True)
class Table:
    """All parts are sorted, so that their order makes no difference."""

    name: str
    columns: tuple[Column, ...]
    primary_key: Key | None
    foreign_keys: tuple[ForeignKey, ...]
    uniques: tuple[Key, ...]
    checks: tuple[Check, ...]
    indexes: tuple[Index, ...]
    options: tuple[str, ...]
    """AUTOINCREMENT, STRICT, WITHOUT ROWID, ON CONFLICT …"""


@dataclass(frozen=True, slots=True)
class Schema:
    """`virtual_tables`, `triggers` and `views` are SQL by name. Tables that keep books about others are left out."""

    tables: Mapping[str, Table]
    virtual_tables: Mapping[str, str]
    triggers: Mapping[str, str]
    views: Mapping[str, str]


def _named(name: str | None, text: str) -> str:
    return f"{name} {text}" if name else text
