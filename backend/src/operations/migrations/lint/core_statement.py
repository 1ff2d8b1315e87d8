"""What a statement of SQLAlchemy Core does with rows: `sa.update(prompts).where(…).values(…)`."""

import ast
from collections.abc import Iterator, Mapping

from src.operations.migrations.lint.clauses import is_small
from src.operations.migrations.lint.names import DEPTH, Scope, dotted, last_name
from src.operations.migrations.lint.statement import Rows, RowVerb

_VERBS: Mapping[str, RowVerb] = {
    "update": "UPDATE",
    "delete": "DELETE",
    "insert": "INSERT",
    "select": "SELECT",
}
_BOUNDS = ("limit", "fetch", "distinct", "group_by", "filter", "filter_by")
_NULL_TESTS = ("is_", "is_not", "isnot")

Calls = list[tuple[str, ast.Call]]


def core_rows(node: ast.expr, scope: Scope, imported: Mapping[str, str]) -> Rows | None:
    """None when `node` is no such statement."""
    calls = list(_chain(scope.resolve(node)))
    while calls and calls[-1][0] not in _VERBS:
        calls.pop()  # sa.table("prompts") of sa.table("prompts").update()
    if not calls:
        return None
    name, first = calls[-1]
    is_function = (dotted(first.func, imported) or "").startswith("sqlalchemy.")
    subject = (first.args[0] if first.args else None) if is_function else _receiver(first)
    table = _table(subject, scope)
    match verb := _VERBS[name]:
        case "INSERT":
            return Rows(verb, table, _copies_whole_table(calls, scope, imported))
        case "SELECT":
            return Rows(verb, table, is_function and _is_plain(first, scope) and _is_open(calls, scope))
    return Rows(verb, table, _is_open(calls, scope))


def _chain(node: ast.expr) -> Iterator[tuple[str, ast.Call]]:
    """The calls of `a(…).b(…).c(…)` with their names, the last first."""
    while isinstance(node, ast.Call):
        if (name := last_name(node.func)) is not None:
            yield name, node
        node = node.func.value if isinstance(node.func, ast.Attribute) else node.func


def _receiver(call: ast.Call) -> ast.expr | None:
    return call.func.value if isinstance(call.func, ast.Attribute) else None


def _table(node: ast.expr | None, scope: Scope) -> str | None:
    """The name in `sa.table("name", …)`, also from one of its columns, `….c.id`."""
    if node is None:
        return None
    node = scope.resolve(node)
    for _ in range(DEPTH):
        if isinstance(node, ast.Attribute):
            node = scope.resolve(node.value)
    is_table = isinstance(node, ast.Call) and last_name(node.func) in ("table", "Table")
    return scope.text(node.args[0]) if is_table and isinstance(node, ast.Call) and node.args else None


def _copies_whole_table(calls: Calls, scope: Scope, imported: Mapping[str, str]) -> bool:
    for name, call in calls:
        if name == "from_select" and len(call.args) > 1:
            read = core_rows(call.args[1], scope, imported)
            return read is not None and read.is_whole_table
    return False


def _is_plain(select: ast.Call, scope: Scope) -> bool:
    """Whether it asks for the rows of tables that are known, and not for a count of them or the like."""
    tables = [_table(argument, scope) for argument in select.args]
    return bool(tables) and all(table is not None and not is_small(table) for table in tables)


def _is_open(calls: Calls, scope: Scope) -> bool:
    if any(name in _BOUNDS for name, _ in calls):
        return False
    conditions = (argument for name, call in calls if name == "where" for argument in call.args)
    return all(_bounds_nothing(scope.resolve(condition)) for condition in conditions)


def _bounds_nothing(condition: ast.expr) -> bool:
    """Tests for NULL or the empty text, which every old row fulfils, and what is joined of them."""
    match condition:
        case ast.Call(func=ast.Attribute(attr=name), args=[ast.Constant(value=None)]) if name in _NULL_TESTS:
            return True
        case ast.Compare(ops=[ast.Eq() | ast.NotEq()], comparators=[ast.Constant(value=None | "")]):
            return True
        case ast.BinOp(left=left, op=ast.BitAnd() | ast.BitOr(), right=right):
            return _bounds_nothing(left) and _bounds_nothing(right)
        case ast.Call(func=called, args=parts) if last_name(called) in ("and_", "or_"):
            return all(_bounds_nothing(part) for part in parts)
        case ast.Call(func=called, args=[]) if last_name(called) == "true":
            return True
    return False
