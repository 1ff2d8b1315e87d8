"""What only the text of CREATE TABLE and CREATE INDEX tells; PRAGMAs tell the rest."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from src.infrastructure.shared.database.sql_text import (
    Token,
    closing,
    plain,
    plain_expression,
    split_at_commas,
    tokens,
)
from src.operations.migrations.schema_parts import Check

_TABLE_CONSTRAINTS = ("CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN")
_REFERENCE_WORDS = (
    *(
        "ON",
        "DELETE",
        "UPDATE",
        "SET",
        "NULL",
        "DEFAULT",
        "CASCADE",
        "RESTRICT",
        "NO",
        "ACTION",
        "MATCH",
        "SIMPLE",
    ),
    *("FULL", "PARTIAL", "NOT", "DEFERRABLE", "INITIALLY", "DEFERRED", "IMMEDIATE"),
)

Columns = tuple[str, ...]


@dataclass(slots=True)
class TableText:
    checks: list[Check] = field(default_factory=list)
    primary_key_name: str | None = None
    unique_names: dict[Columns, str] = field(default_factory=dict)
    foreign_key_names: dict[Columns, str] = field(default_factory=dict)
    deferred: set[Columns] = field(default_factory=set)
    """Columns of the foreign keys that are checked at the end of the transaction."""
    collations: dict[str, str] = field(default_factory=dict)
    generated: dict[str, str] = field(default_factory=dict)
    options: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class IndexText:
    columns: tuple[str, ...]
    where: str | None


def read_table(sql: str) -> TableText:
    """Of a CREATE TABLE as SQLite keeps it."""
    found = list(tokens(sql))
    text = TableText()
    opening = next((index for index, token in enumerate(found) if token.text == "("), len(found))
    end = closing(found, opening)
    for item in split_at_commas(found[opening + 1 : end]):
        _Reader(text, item).read()
    text.options |= {plain(option) for option in split_at_commas(found[end + 1 :])}
    return text


def read_index(sql: str) -> IndexText:
    """Of a CREATE INDEX as SQLite keeps it."""
    found = list(tokens(sql))
    opening = next((index for index, token in enumerate(found) if token.text == "("), len(found))
    end = closing(found, opening)
    columns = tuple(
        plain_expression(_without_asc(part)) for part in split_at_commas(found[opening + 1 : end])
    )
    where = found[end + 1 :]
    return IndexText(columns, plain_expression(where[1:]) if where else None)


def _without_asc(part: Sequence[Token]) -> Sequence[Token]:
    return part[:-1] if part and part[-1].is_word("ASC") else part


class _Reader:
    """Reads one part of the body: a column with its constraints, or a constraint of the table."""

    def __init__(self, text: TableText, item: Sequence[Token]) -> None:
        self._text, self._item = text, item
        self._column: str | None = None
        self._name: str | None = None
        self._at = 0
        if item and not item[0].is_word(*_TABLE_CONSTRAINTS):
            self._column, self._at = item[0].identifier, 1

    def read(self) -> None:
        while self._at < len(self._item):
            token = self._item[self._at]
            self._at += 1
            if token.is_word("CONSTRAINT"):
                self._name = self._item[self._at].identifier
                self._at += 1
            elif token.kind == "word":
                self._constraint(token)
            elif token.text == "(":  # of a type or a default
                self._at = closing(self._item, self._at - 1) + 1

    def _constraint(self, token: Token) -> None:
        if token.is_word("CHECK"):
            self._text.checks.append(Check(plain_expression(self._group()), self._name))
        elif token.is_word("PRIMARY"):
            self._at += 1
            self._text.primary_key_name = self._name
            self._columns()
        elif token.is_word("UNIQUE"):
            self._remember(self._text.unique_names, self._columns())
        elif token.is_word("FOREIGN"):
            self._at += 1
            self._reference(self._columns())
        elif token.is_word("REFERENCES"):
            self._at -= 1
            self._reference((self._column or "",))
        elif token.is_word("COLLATE") and self._column:
            self._text.collations[self._column] = self._item[self._at].identifier.upper()
            self._at += 1
        elif token.is_word("AS") and self._column:
            self._generated(self._column)
        elif token.is_word("AUTOINCREMENT"):
            self._text.options.add("AUTOINCREMENT")
        elif token.is_word("ON") and self._next_is("CONFLICT"):
            self._text.options.add(f"ON CONFLICT {self._item[self._at + 1].text.upper()}")
            self._at += 2
        self._name = None

    def _reference(self, columns: Columns) -> None:
        """From REFERENCES to the end of its clause."""
        self._remember(self._text.foreign_key_names, columns)
        self._at += 2
        if self._at < len(self._item) and self._item[self._at].text == "(":
            self._at = closing(self._item, self._at) + 1
        while self._next_is(*_REFERENCE_WORDS):
            if self._next_is("DEFERRED"):
                self._text.deferred.add(columns)
            self._at += 1

    def _generated(self, column: str) -> None:
        expression = plain_expression(self._group())
        stored = self._next_is("STORED")
        self._at += stored
        self._text.generated[column] = f"({expression}) {'STORED' if stored else 'VIRTUAL'}"

    def _remember(self, names: dict[Columns, str], columns: Columns) -> None:
        if self._name is not None:
            names[columns] = self._name

    def _columns(self) -> Columns:
        """The columns in parentheses that may follow; without them the one column that is being read."""
        if self._at >= len(self._item) or self._item[self._at].text != "(":
            return (self._column or "",)
        return tuple(part[0].identifier for part in split_at_commas(self._group()[1:-1]))

    def _group(self) -> Sequence[Token]:
        begin, self._at = self._at, closing(self._item, self._at) + 1
        return self._item[begin : self._at]

    def _next_is(self, *words: str) -> bool:
        return self._at < len(self._item) and self._item[self._at].is_word(*words)
