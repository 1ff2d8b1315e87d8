"""What a SQL statement does, read from its text: which rows it touches, what it changes of the schema."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from src.infrastructure.shared.database.sql_text import Token, tokens
from src.operations.migrations.lint.clauses import (
    after_name,
    gives_all_rows,
    is_open,
    name_at,
    outside_parentheses,
    references,
    source,
    start_of_verb,
    without_if_exists,
)

RowVerb = Literal["UPDATE", "DELETE", "INSERT", "SELECT"]
StepKind = Literal[
    "create table",
    "drop table",
    "rename table",
    "add column",
    "drop column",
    "rename column",
    "require column",
    "drop constraint",
    "create constraint",
]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows that are written or read; `is_whole_table` when nothing bounds them but, at most, a test for NULL."""

    verb: RowVerb
    table: str | None
    is_whole_table: bool


@dataclass(frozen=True, slots=True)
class Step:
    """One change of the schema. `name` is of the column or constraint, `to` the new name; None is not written out."""

    kind: StepKind
    table: str | None
    name: str | None = None
    to: str | None = None
    lacks_default: bool = False
    refers_to: frozenset[str] = field(default_factory=frozenset)


class Statement:
    def __init__(self, found: Sequence[Token]) -> None:
        self.tokens = found

    @property
    def verb(self) -> str:
        """In capitals; of WITH … the verb that follows."""
        start = start_of_verb(self.tokens)
        return self.tokens[start].text.upper() if start < len(self.tokens) else ""

    def starts_with(self, *words: str) -> bool:
        return len(self.tokens) >= len(words) and all(
            token.is_word(word) for token, word in zip(self.tokens, words, strict=False)
        )

    def has_word(self, *words: str, within: int | None = None) -> bool:
        """Whether one of `words` is among the first `within` tokens, or anywhere."""
        return any(token.is_word(*words) for token in self.tokens[:within])

    @property
    def pragma(self) -> tuple[str, str | None] | None:
        """Name and value of a PRAGMA; the value is None when it is only asked for."""
        if not self.starts_with("PRAGMA"):
            return None
        rest = [token for token in self.tokens[1:] if token.text != ";"]
        if len(rest) > 2 and rest[1].text == ".":  # PRAGMA main.name
            rest = rest[2:]
        if not rest:
            return None
        value = "".join(token.identifier for token in rest[1:] if token.text not in ("=", "(", ")"))
        return rest[0].identifier.lower(), value.lower() or None

    def rows(self) -> Rows | None:
        """The rows that it writes, or reads; None when it does neither."""
        body = self.tokens[start_of_verb(self.tokens) :]
        match self.verb:
            case "CREATE" if self._copies:
                return Rows("INSERT", self._table_created(), gives_all_rows(self.tokens))
            case "UPDATE":
                rest = body[3:] if len(body) > 2 and body[1].is_word("OR") else body[1:]
                return Rows("UPDATE", name_at(rest), is_open(body))
            case "DELETE":
                return Rows("DELETE", name_at(body[2:]), is_open(body))
            case "INSERT" | "REPLACE":
                into = next((index for index, token in enumerate(body) if token.is_word("INTO")), 0)
                return Rows("INSERT", name_at(body[into + 1 :]), gives_all_rows(self.tokens))
            case "SELECT":
                return Rows("SELECT", source(body), gives_all_rows(self.tokens))
        return None

    def steps(self) -> Iterator[Step]:
        """What it changes of the tables."""
        if self.starts_with("CREATE"):
            yield from self._created()
        elif self.starts_with("DROP", "TABLE"):
            yield Step("drop table", name_at(without_if_exists(self.tokens[2:])))
        elif self.starts_with("ALTER", "TABLE"):
            yield from self._altered()

    @property
    def _copies(self) -> bool:
        """Whether it is a CREATE TABLE … AS SELECT."""
        has_as = any(token.is_word("AS") for token in outside_parentheses(self.tokens))
        return has_as and self._table_created() is not None

    def _table_created(self) -> str | None:
        rest = self.tokens[1:]
        if rest and rest[0].is_word("TEMP", "TEMPORARY"):
            rest = rest[1:]
        if not rest or not rest[0].is_word("TABLE"):
            return None
        return name_at(without_if_exists(rest[1:]))

    def _created(self) -> Iterator[Step]:
        if (table := self._table_created()) is not None:
            yield Step("create table", table, refers_to=frozenset(references(self.tokens)))

    def _altered(self) -> Iterator[Step]:
        table, rest = name_at(self.tokens[2:]), after_name(self.tokens[2:])
        if not rest:
            return
        what = rest[1:]
        if what and what[0].is_word("COLUMN"):
            what = what[1:]
        if rest[0].is_word("RENAME"):
            if what and what[0].is_word("TO"):
                yield Step("rename table", table, to=name_at(what[1:]))
            else:
                yield Step("rename column", table, name_at(what[:1]), to=name_at(what[2:]))
        elif rest[0].is_word("DROP"):
            yield Step("drop column", table, name_at(what))
        elif rest[0].is_word("ADD"):
            words = [token.text.upper() for token in outside_parentheses(what) if token.kind == "word"]
            lacks = ("NOT", "NULL") in pairwise(words) and not {"DEFAULT", "GENERATED", "AS"} & set(words)
            yield Step(
                "add column", table, name_at(what), lacks_default=lacks, refers_to=frozenset(references(what))
            )


def statements(sql: str) -> tuple[Statement, ...]:
    """The statements in `sql`. A CREATE TRIGGER, which has statements inside it, is one, up to the end of the text."""
    found: list[Statement] = []
    current: list[Token] = []
    for token in tokens(sql):
        is_trigger = (
            bool(current)
            and current[0].is_word("CREATE")
            and any(before.is_word("TRIGGER") for before in current[1:4])
        )
        if token.kind == "mark" and token.text == ";" and not is_trigger:
            if current:
                found.append(Statement(current))
            current = []
        else:
            current.append(token)
    if current:
        found.append(Statement(current))
    return tuple(found)
