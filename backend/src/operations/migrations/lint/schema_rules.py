"""Rules about changes that a release which is still running cannot live with, made in one step."""

from collections.abc import Collection, Iterator, Sequence

from src.operations.migrations.lint.migration import UPGRADE, Migration
from src.operations.migrations.lint.rule import (
    DROP,
    REBUILT_PARENT,
    RENAME,
    REQUIRED,
    UNDO_FAILS,
    Finding,
    Rule,
    finding,
)
from src.operations.migrations.lint.statement import StepKind
from src.operations.migrations.lint.steps import Taken

# What Alembic leaves behind of a rebuild that was cut off, where nothing undoes it.
_LEFTOVER = "_alembic_tmp_"


class Made:
    """What the upgrade of one migration has made itself before a line: nobody's release knows it."""

    def __init__(self, steps: Sequence[Taken]) -> None:
        self._lines: dict[tuple[StepKind, str | None, str | None], int] = {}
        for taken in steps:
            key = (taken.step.kind, taken.step.table, taken.step.name)
            if UPGRADE in taken.act.ways:
                self._lines[key] = min(taken.node.lineno, self._lines.get(key, taken.node.lineno))

    def has_table(self, table: str | None, line: int) -> bool:
        return table is not None and (
            table.startswith(_LEFTOVER) or self._has("create table", table, None, line)
        )

    def has_column(self, table: str | None, name: str | None, line: int) -> bool:
        return self.has_table(table, line) or (
            name is not None and self._has("add column", table, name, line)
        )

    def has_constraint(self, table: str | None, name: str | None) -> bool:
        """Before or after: what is dropped and made again is changed, not lost."""
        return name is not None and self._has("create constraint", table, name, None)

    def _has(self, kind: StepKind, table: str | None, name: str | None, line: int | None) -> bool:
        made = self._lines.get((kind, table, name))
        return made is not None and (line is None or made <= line)


def check_schema(migration: Migration, steps: Sequence[Taken], made: Made) -> Iterator[Finding]:
    for taken in steps:
        if UPGRADE in taken.act.ways:
            yield from _one_step(migration, taken, made)
        elif taken.step.kind == "add column" and taken.step.lacks_default:
            what = (
                f"adds {_column(taken)} as NOT NULL without a default, which fails on a table that has rows"
            )
            yield _at(UNDO_FAILS, migration, taken, what)


def check_parents(
    migration: Migration, steps: Sequence[Taken], parents: Collection[str]
) -> Iterator[Finding]:
    """A table that others refer to, put together anew by hand, up or down."""
    for taken in steps:
        old, new = taken.step.table, taken.step.to
        if taken.step.kind != "rename table":
            continue
        beside = [other.step for other in steps if other.act.ways & taken.act.ways and other is not taken]
        if new in parents and any(step.kind == "drop table" and step.table == new for step in beside):
            what = f"drops {new}, to which other tables refer, and renames {old or 'another table'} to it"
        elif old in parents and any(_makes(step.kind, step.table, step.to, old) for step in beside):
            what = f"renames {old} away: the tables that refer to it refer to {new or 'the new name'} from then on"
        else:
            continue
        yield _at(REBUILT_PARENT, migration, taken, f"{what}; op.batch_alter_table rebuilds it whole")


def _makes(kind: str, table: str | None, to: str | None, wanted: str | None) -> bool:
    return (kind == "create table" and table == wanted) or (kind == "rename table" and to == wanted)


def _one_step(migration: Migration, taken: Taken, made: Made) -> Iterator[Finding]:
    step, line = taken.step, taken.node.lineno
    table, to = step.table or "a table", step.to or "another name"
    if made.has_table(step.table, line):
        return
    match step.kind:
        case "drop table":
            yield _at(DROP, migration, taken, f"drops {table}, which the running release may use")
        case "drop column" if not made.has_column(step.table, step.name, line):
            yield _at(DROP, migration, taken, f"drops {_column(taken)}, which the running release may use")
        case "drop constraint" if not made.has_constraint(step.table, step.name):
            what = f"drops {step.name or 'a constraint'} of {table} for good, on which the running release may rely"
            yield _at(DROP, migration, taken, what)
        case "rename table":
            what = f"renames {table} to {to}, which the running release does not know"
            yield _at(RENAME, migration, taken, what)
        case "rename column" if not made.has_column(step.table, step.name, line):
            what = f"renames {_column(taken)} to {to}, which the running release does not know"
            yield _at(RENAME, migration, taken, what)
        case "add column" | "require column" if step.lacks_default:
            verb = "adds" if step.kind == "add column" else "makes"
            what = f"{verb} {_column(taken)} NOT NULL without a server_default: the running release does not fill it"
            yield _at(REQUIRED, migration, taken, what)


def _column(taken: Taken) -> str:
    return f"{taken.step.table or 'a table'}.{taken.step.name or 'a column'}"


def _at(rule: Rule, migration: Migration, taken: Taken, message: str) -> Finding:
    return finding(rule, migration.path, message, at=taken.node, inside=taken.act.call)
