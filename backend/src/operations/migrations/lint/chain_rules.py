"""Rules about migrations together: they form one line, from the first revision to one head."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from src.operations.migrations.lint.migration import Migration
from src.operations.migrations.lint.rule import BROKEN_CHAIN, DUPLICATE, TWO_HEADS, Finding, Rule, finding


def check_chain(migrations: Sequence[Migration]) -> Iterator[Finding]:
    readable = [found for found in migrations if found.revision is not None]
    yield from _duplicates(readable)
    yield from _unsuited_parents(readable)
    yield from _forks(readable)
    yield from _circles(readable)


def _duplicates(migrations: Sequence[Migration]) -> Iterator[Finding]:
    by_revision = defaultdict(list)
    for found in migrations:
        by_revision[found.revision].append(found)
    for revision, same in by_revision.items():
        for one in same if len(same) > 1 else ():
            others = _listed(other for other in same if other is not one)
            yield _at(DUPLICATE, one, "revision", f"revision {revision!r} is also the one of {others}")


def _unsuited_parents(migrations: Sequence[Migration]) -> Iterator[Finding]:
    known = {found.revision for found in migrations}
    for found in migrations:
        if isinstance(parents := found.down_revision, tuple | list):
            listed = " and ".join(repr(parent) for parent in parents)
            message = f"follows {listed}: the chain is a line, so that `downgrade -1` has one meaning"
            yield _at(BROKEN_CHAIN, found, "down_revision", message)
        elif found.parent is not None and found.parent not in known:
            message = f"follows {found.parent!r}, which no file here defines"
            yield _at(BROKEN_CHAIN, found, "down_revision", message)


def _forks(migrations: Sequence[Migration]) -> Iterator[Finding]:
    by_parent = defaultdict(list)
    for found in migrations:
        if found.down_revision is None or found.parent is not None:
            by_parent[found.parent].append(found)
    for parent, following in by_parent.items():
        if len({found.revision for found in following}) < 2:
            continue
        for one in following:
            others = _listed(other for other in following if other is not one)
            where = "begins a chain" if parent is None else f"follows {parent!r}"
            yield _at(TWO_HEADS, one, "down_revision", f"{where}, as {others} does: that leaves two heads")


def _circles(migrations: Sequence[Migration]) -> Iterator[Finding]:
    parents = {found.revision: found.parent for found in migrations}
    for found in migrations:
        seen, at = set(), found.revision
        while at is not None and at not in seen:
            seen.add(at)
            at = parents.get(at)
        if at == found.revision:
            yield _at(BROKEN_CHAIN, found, "down_revision", "follows itself, by way of its own parents")


def _at(rule: Rule, migration: Migration, name: str, message: str) -> Finding:
    return finding(rule, migration.path, message, at=migration.assigned(name) or 1)


def _listed(migrations: Iterator[Migration]) -> str:
    return ", ".join(sorted(found.path for found in migrations))
