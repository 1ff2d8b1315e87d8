"""Rules about rows: how many are touched at once, how the SQL comes about, whether losing rows is declared."""

import ast
from collections.abc import Iterator, Sequence

from src.operations.migrations.lint.migration import UPGRADE, Act, Migration
from src.operations.migrations.lint.names import DEPTH
from src.operations.migrations.lint.rule import (
    BUILT_SQL,
    READS_ALL,
    UNBATCHED,
    UNDECLARED_LOSS,
    Finding,
    finding,
)
from src.operations.migrations.lint.schema_rules import Made
from src.operations.migrations.lint.steps import Taken

_VERBS = {
    "UPDATE": "updates all rows of",
    "DELETE": "deletes all rows of",
    "INSERT": "copies all rows of a table into",
}
_DECLARATION = "may_lose_rows"
# What turns a result into rows, or rows into others.
_ROWS_OF = ("all", "fetchall", "scalars", "mappings", "tuples", "columns", "unique")
_PASS_ON = ("list", "tuple", "set", "sorted", "enumerate", "reversed", "iter")


def check_data(migration: Migration, steps: Sequence[Taken], made: Made) -> Iterator[Finding]:
    yield from _unbatched(migration, made)
    yield from _reads_all(migration, made)
    yield from _built(migration)
    yield from _undeclared(migration, steps, made)


def _unbatched(migration: Migration, made: Made) -> Iterator[Finding]:
    for found in migration.executed:
        for rows in found.rows:
            is_own = rows.verb != "INSERT" and made.has_table(rows.table, found.node.lineno)
            if rows.verb in _VERBS and rows.is_whole_table and not is_own:
                message = f"{_VERBS[rows.verb]} {rows.table or 'a table'} in one statement"
                yield finding(UNBATCHED, migration.path, message, at=found.node, inside=found.act.call)


def _reads_all(migration: Migration, made: Made) -> Iterator[Finding]:
    """Loops over the result of a SELECT that nothing bounds."""
    by_call = {id(found.act.call): found for found in migration.executed}
    for node in ast.walk(migration.tree):
        if not isinstance(node, ast.For | ast.comprehension):
            continue
        for found in by_call.values():
            rows = next((rows for rows in found.rows if rows.verb == "SELECT"), None)
            if rows is None or not rows.is_whole_table or made.has_table(rows.table, found.node.lineno):
                continue
            if _yields_rows_of(node.iter, found.act):
                message = f"loops over all rows of {rows.table or 'a table'}, read at once"
                yield finding(READS_ALL, migration.path, message, at=found.act.call, inside=node.iter)


def _yields_rows_of(node: ast.expr, act: Act) -> bool:
    """Whether `node` is the result of `act`, as in `list(connection.execute(…).mappings().all())`."""
    for _ in range(DEPTH):
        node = act.scope.resolve(node)
        if node is act.call:
            return True
        match node:
            case ast.Call(func=ast.Attribute(value=value, attr=name)) if name in _ROWS_OF:
                node = value
            case ast.Call(func=ast.Name(id=name), args=[first, *_]) if name in _PASS_ON:
                node = first
            case _:
                break
    return False


def _built(migration: Migration) -> Iterator[Finding]:
    seen: set[int] = set()
    for node, act in _texts(migration):
        if id(node) not in seen and act.scope.is_built(node):
            seen.add(id(node))
            message = "puts SQL together at run time: write it out, and hand values over as parameters"
            yield finding(BUILT_SQL, migration.path, message, at=node, inside=act.call)


def _texts(migration: Migration) -> Iterator[tuple[ast.expr, Act]]:
    """What is executed, and what stands in any text()."""
    for found in migration.executed:
        yield found.node, found.act
    for act in migration.acts:
        if migration.is_text_call(act.call) and act.call.args:
            for node in act.scope.choices(act.call.args[0]):
                yield act.scope.resolve(node), act


def _undeclared(migration: Migration, steps: Sequence[Taken], made: Made) -> Iterator[Finding]:
    """Tables that lose rows; a run refuses that, unless the migration names them."""
    try:
        declared = migration.value_of(_DECLARATION)
    except KeyError:
        declared = ()
    except ValueError:
        declared = None
    if not isinstance(declared, tuple | list) or not all(isinstance(name, str) for name in declared):
        message = f"{_DECLARATION} is no tuple of table names, written out"
        yield finding(UNDECLARED_LOSS, migration.path, message, at=migration.assigned(_DECLARATION) or 1)
        return
    for table, verb, at, act in _losses(migration, steps):
        if table not in declared and not made.has_table(table, at.lineno):
            message = f'{verb} {table}, and no {_DECLARATION} = ("{table}",) says so: the run will refuse it'
            yield finding(UNDECLARED_LOSS, migration.path, message, at=at, inside=act.call)


def _losses(migration: Migration, steps: Sequence[Taken]) -> Iterator[tuple[str, str, ast.expr, Act]]:
    """Tables that have fewer rows afterwards, or are there no more under their name."""
    for found in migration.executed:
        for rows in found.rows if found.act.ways else ():
            if rows.verb == "DELETE" and rows.table is not None:
                yield rows.table, "deletes rows of", found.node, found.act
    ups = [taken for taken in steps if UPGRADE in taken.act.ways]
    put_back = {taken.step.to for taken in ups if taken.step.kind == "rename table"}
    put_back |= {taken.step.table for taken in ups if taken.step.kind == "create table"}
    for taken in ups:
        table = taken.step.table
        if taken.step.kind in ("drop table", "rename table") and table is not None and table not in put_back:
            verb = "drops" if taken.step.kind == "drop table" else "renames"
            yield table, verb, taken.node, taken.act
