"""The changes of the schema in a migration, whether Alembic's functions make them or SQL does."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace

from src.operations.migrations.lint.migration import Act, Migration
from src.operations.migrations.lint.names import last_name
from src.operations.migrations.lint.statement import Step, StepKind

_CONSTRAINTS = (
    "create_check_constraint",
    "create_unique_constraint",
    "create_foreign_key",
    "create_primary_key",
)


@dataclass(frozen=True, slots=True)
class Taken:
    """A step, and where it is taken."""

    step: Step
    act: Act
    node: ast.expr


def steps_of(migration: Migration) -> tuple[Taken, ...]:
    called = (Taken(step, act, act.call) for act in migration.acts if act.on for step in _called(act))
    executed = (
        Taken(step, found.act, found.node)
        for found in migration.executed
        for statement in found.statements
        for step in statement.steps()
    )
    return (*called, *executed)


def _called(act: Act) -> Iterator[Step]:
    """What a function of `op`, or of a batch, which has named its table already, does."""
    after_table = 0 if act.on == "batch" else 1
    match act.name:
        case "create_table" | "drop_table":
            kind: StepKind = "create table" if act.name == "create_table" else "drop table"
            for table in _texts(act, act.argument(0, "table_name")):
                yield Step(kind, table, refers_to=frozenset(_referred(act)))
        case "rename_table":
            yield Step("rename table", _text(act, 0, "old_table_name"), to=_text(act, 1, "new_table_name"))
        case "add_column":
            yield _added(act, act.argument(after_table, "column"))
        case "drop_column":
            yield Step("drop column", _table(act), _text(act, after_table, "column_name"))
        case "alter_column":
            yield from _altered(act, _text(act, after_table, "column_name"))
        case "drop_constraint":
            yield Step("drop constraint", _table(act, 1), _text(act, 0, "constraint_name"))
        case name if name in _CONSTRAINTS:
            step = Step("create constraint", _table(act, 1), _text(act, 0, "constraint_name"))
            referent = _text(act, 1 + after_table, "referent_table")
            is_key = name == "create_foreign_key" and referent is not None
            yield replace(step, refers_to=frozenset({referent})) if is_key and referent else step


def _added(act: Act, column: ast.expr | None) -> Step:
    column = None if column is None else act.scope.resolve(column)
    name, lacks = None, False
    if isinstance(column, ast.Call) and last_name(column.func) == "Column":
        named = _keyword(column, "name")
        first = column.args[0] if column.args else None
        name = next(iter(_texts(act, named or first)), None)
        makes_its_value = any(
            isinstance(part, ast.Call) and last_name(part.func) in ("Computed", "Identity")
            for part in map(act.scope.resolve, column.args)
        )
        is_required = _is_constant(_keyword(column, "nullable"), False)
        lacks = is_required and not makes_its_value and not _gives_default(_keyword(column, "server_default"))
    return Step("add column", _table(act), name, lacks_default=lacks, refers_to=frozenset(_referred(act)))


def _altered(act: Act, name: str | None) -> Iterator[Step]:
    becomes_required = _is_constant(act.argument(99, "nullable"), False)
    was_required = _is_constant(act.argument(99, "existing_nullable"), False)
    has_default = any(
        _gives_default(act.argument(99, keyword)) for keyword in ("server_default", "existing_server_default")
    )
    if becomes_required and not was_required:
        yield Step("require column", _table(act), name, lacks_default=not has_default)
    if act.argument(99, "new_column_name") is not None:
        yield Step("rename column", _table(act), name, to=_text(act, 99, "new_column_name"))


def _table(act: Act, position: int = 0) -> str | None:
    """The table of a batch, or the argument that names it."""
    if act.on == "batch":
        return next(iter(_texts(act, act.table)), None)
    return _text(act, position, "table_name", "source_table")


def _text(act: Act, position: int, *names: str) -> str | None:
    return next(iter(_texts(act, act.argument(position, *names))), None)


def _texts(act: Act, node: ast.expr | None) -> list[str | None]:
    """What is written out in `node`, also inside `op.f(…)`; several when it is a loop variable."""
    if node is None:
        return [None]
    found = []
    for choice in act.scope.choices(node):
        is_marked = isinstance(choice, ast.Call) and last_name(choice.func) == "f" and choice.args
        found.append(act.scope.text(choice.args[0] if is_marked and isinstance(choice, ast.Call) else choice))
    return found


def _referred(act: Act) -> Iterator[str]:
    """The tables that foreign keys inside the call refer to."""
    for node in ast.walk(act.call):
        if not isinstance(node, ast.Call):
            continue
        if last_name(node.func) == "ForeignKey" and node.args:
            columns = [node.args[0]]
        elif last_name(node.func) == "ForeignKeyConstraint" and len(node.args) > 1:
            listed = act.scope.resolve(node.args[1])
            columns = listed.elts if isinstance(listed, ast.List | ast.Tuple) else []
        else:
            continue
        for column in columns:
            if path := act.scope.text(column):
                yield path.split(".")[-2] if "." in path else path


def _keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


def _gives_default(node: ast.expr | None) -> bool:
    """`server_default=None` takes it away, and `False` leaves it as it was."""
    return node is not None and not _is_constant(node, None) and not _is_constant(node, False)


def _is_constant(node: ast.expr | None, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value
