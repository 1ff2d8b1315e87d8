"""What lies between two schemas, and which of it can cost rows or break what worked."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from src.operations.migrations.schema_parts import Column, Index, Schema, Table

Sign = Literal["+", "-", "~"]


@dataclass(frozen=True, slots=True)
class Change:
    """`danger` says what the change can destroy or refuse, and is None for one that is safe."""

    sign: Sign
    text: str
    danger: str | None = None

    def __str__(self) -> str:
        return f"{self.sign} {self.text}"


def changes(before: Schema, after: Schema) -> tuple[Change, ...]:
    """All changes, table by table."""
    return tuple(_all(before, after))


def _all(before: Schema, after: Schema) -> Iterator[Change]:
    for name in sorted(before.tables.keys() | after.tables.keys()):
        old, new = before.tables.get(name), after.tables.get(name)
        if old is None and new is not None:
            yield from _new_table(new)
        elif new is None:
            yield Change("-", f"table {name}", "its rows are deleted")
        elif old is not None and old != new:
            yield from _of_table(old, new)
    yield from _texts("virtual table", before.virtual_tables, after.virtual_tables, "its rows are deleted")
    yield from _texts("trigger", before.triggers, after.triggers, None)
    yield from _texts("view", before.views, after.views, "what reads it fails")


def _new_table(table: Table) -> Iterator[Change]:
    columns = ", ".join(column.name for column in sorted(table.columns, key=lambda found: found.position))
    yield Change("+", f"table {table.name} ({columns})")
    for index in table.indexes:
        yield Change("+", f"index {index} on {table.name}")


def _of_table(old: Table, new: Table) -> Iterator[Change]:
    name = new.name
    yield from _columns(name, _by_name(old.columns), _by_name(new.columns))
    if old.primary_key != new.primary_key:
        text = f"primary key of {name}: {_or_none(old.primary_key)} → {_or_none(new.primary_key)}"
        same = old.primary_key and new.primary_key and old.primary_key.columns == new.primary_key.columns
        yield Change("~", text, None if same else "rows that do not fit the new key are refused")
    yield from _parts(
        f"foreign key of {name}", old.foreign_keys, new.foreign_keys, "rows that refer to nothing"
    )
    yield from _parts(f"unique of {name}", old.uniques, new.uniques, "rows with equal values")
    yield from _parts(f"check of {name}", old.checks, new.checks, "rows that do not fit")
    yield from _indexes(name, _by_name(old.indexes), _by_name(new.indexes))
    if old.options != new.options:
        yield Change("~", f"options of {name}: {_listed(old.options)} → {_listed(new.options)}")


def _columns(table: str, old: Mapping[str, Column], new: Mapping[str, Column]) -> Iterator[Change]:
    for name in (name for name in new if name not in old):
        column = new[name]
        blocked = column.not_null and column.default is None and column.generated is None
        danger = "NOT NULL without a default: rows that are there do not have it" if blocked else None
        yield Change("+", f"column {table}.{column}", danger)
    for name in (name for name in old if name not in new):
        yield Change("-", f"column {table}.{old[name]}", "its values are deleted")
    for name in (name for name in new if name in old and new[name] != old[name]):
        text = f"column {table}.{old[name]} → {new[name].definition or 'no type'}"
        yield Change("~", text, _danger(old[name], new[name]))


def _danger(old: Column, new: Column) -> str | None:
    if new.not_null and not old.not_null:
        return "NOT NULL added: rows without a value are refused"
    if old.type != new.type and not _widens(old.type, new.type):
        return "type narrowed: values may not fit"
    if old.generated != new.generated:
        return "its values are computed in another way"
    return None


_SIZED = re.compile(r"([A-Z ]+?) ?\((\d+)(?:, ?(\d+))?\)")
_TEXTS = ("TEXT", "CLOB")
# SQLite's own order of what can take in what: sqlite.org/datatype3.html, section 3.1.
_ROOMIER = {"SMALLINT": ("INTEGER", "BIGINT"), "INTEGER": ("BIGINT",), "BIGINT": ("INTEGER",)}


def _widens(old: str, new: str) -> bool:
    """Whether every value of type `old` fits into `new`, as far as the names tell."""
    if new in _ROOMIER.get(old, ()):
        return True
    old_sized, new_sized = _SIZED.fullmatch(old), _SIZED.fullmatch(new)
    if old_sized and "CHAR" in old and new in (*_TEXTS, old_sized[1]):
        return True
    if not old_sized or not new_sized or old_sized[1] != new_sized[1]:
        return False
    digits = [[int(found[group] or 0) for group in (2, 3)] for found in (old_sized, new_sized)]
    (old_whole, old_scale), (new_whole, new_scale) = digits
    return new_scale >= old_scale and new_whole - new_scale >= old_whole - old_scale


def _indexes(table: str, old: Mapping[str, Index], new: Mapping[str, Index]) -> Iterator[Change]:
    unique = "rows with equal values are refused"
    for name in sorted(old.keys() | new.keys()):
        was, now = old.get(name), new.get(name)
        if was is None and now is not None:
            yield Change("+", f"index {now} on {table}", unique if now.unique else None)
        elif was is not None and now is None:
            lost = "equal values are no longer refused" if was.unique else "queries that use it become slow"
            yield Change("-", f"index {was} on {table}", lost)
        elif now is not None and was != now:
            yield Change("~", f"index {was} → {now} on {table}", unique if now.unique else None)


def _parts(what: str, old: Iterable[Any], new: Iterable[Any], refused: str) -> Iterator[Change]:
    """Of constraints: a new one refuses rows that an old one took, unless only its name is new."""
    before, after = list(old), list(new)
    meant = {replace(part, name=None) for part in before}
    for part in (part for part in before if part not in after):
        yield Change("-", f"{what} {part}")
    for part in (part for part in after if part not in before):
        is_known = replace(part, name=None) in meant
        yield Change("+", f"{what} {part}", None if is_known else f"{refused} are refused")


def _texts(kind: str, old: Mapping[str, str], new: Mapping[str, str], lost: str | None) -> Iterator[Change]:
    for name in sorted(old.keys() | new.keys()):
        if name not in old:
            yield Change("+", f"{kind} {name}")
        elif name not in new:
            yield Change("-", f"{kind} {name}", lost)
        elif old[name] != new[name]:
            yield Change("~", f"{kind} {name}: {old[name]} → {new[name]}")


def _by_name(parts: Iterable[Any]) -> dict[str, Any]:
    return {part.name: part for part in parts}


def _or_none(part: object | None) -> str:
    return "none" if part is None else str(part)


def _listed(options: Iterable[str]) -> str:
    return ", ".join(options) or "none"
