"""One migration as its text tells it: what it is called, and every call in it that a rule may look at.

It is parsed, never imported: a migration that somebody is still writing must not be run by looking at it.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from src.operations.migrations.lint.core_statement import core_rows
from src.operations.migrations.lint.names import DEPTH, Scope, dotted, imported_names, last_name
from src.operations.migrations.lint.statement import Rows, Statement, statements

# What runs the SQL that it is given first.
_EXECUTES = ("execute", "executemany", "executescript", "exec_driver_sql", "scalar", "scalars", "stream")
_SQL_ARGUMENTS = ("sqltext", "statement", "sql")
# Methods of a text() that give it back with something added.
_TEXT_METHODS = ("bindparams", "columns", "execution_options")
_TEXTS = ("sqlalchemy.text", "sqlalchemy.sql.text", "sqlalchemy.sql.expression.text")

Ways = frozenset[str]
UPGRADE, DOWNGRADE = "upgrade", "downgrade"


@dataclass(frozen=True, slots=True)
class Act:
    """A call. `ways` says whether an upgrade gets there, a downgrade, both or neither.

    `on` is "op" for a function of Alembic's, "batch" inside `with op.batch_alter_table(table)`.
    """

    call: ast.Call
    name: str
    on: str | None
    table: ast.expr | None
    path: str | None
    """Where what is called was imported from: "alembic.op.execute"."""
    scope: Scope
    ways: Ways

    @property
    def receiver(self) -> ast.expr | None:
        return self.call.func.value if isinstance(self.call.func, ast.Attribute) else None

    def argument(self, position: int, *names: str) -> ast.expr | None:
        for keyword in self.call.keywords:
            if keyword.arg in names:
                return keyword.value
        return self.call.args[position] if position < len(self.call.args) else None


@dataclass(frozen=True, slots=True)
class Executed:
    """SQL that is given to a database: as text that could be read, as text that could not, or as an expression."""

    act: Act
    node: ast.expr
    statements: tuple[Statement, ...]
    rows: tuple[Rows, ...]


class Migration:
    def __init__(self, path: str, source: str) -> None:
        """Raises SyntaxError, ValueError (a NUL byte) or RecursionError for a text that Python cannot read."""
        self.path = path
        self.tree = ast.parse(source)
        self.imported = imported_names(self.tree)
        self.module = Scope(self.tree)

    @cached_property
    def functions(self) -> Mapping[str, ast.FunctionDef]:
        return {node.name: node for node in self.tree.body if isinstance(node, ast.FunctionDef)}

    def defines(self, name: str) -> bool:
        """Whether the module has something of that name, also one that it imports."""
        return name in self.functions or name in self.imported or self.assigned(name) is not None

    def assigned(self, name: str) -> ast.Assign | ast.AnnAssign | None:
        """The statement that gives `name` its value at the top of the module."""
        for node in self.tree.body:
            match node:
                case ast.Assign(targets=[ast.Name(id=found)]) | ast.AnnAssign(target=ast.Name(id=found)):
                    if found == name:
                        return node
        return None

    def value_of(self, name: str) -> object:
        """What is written after `name =`; raises ValueError when that is no literal, KeyError when there is none."""
        node = self.assigned(name)
        if node is None or node.value is None:
            raise KeyError(name)
        return ast.literal_eval(node.value)

    @property
    def revision(self) -> str | None:
        return found if isinstance(found := self._literal("revision"), str) else None

    @property
    def down_revision(self) -> object:
        """None of the first, a text, or a tuple when branches meet; what cannot be read is False."""
        return self._literal("down_revision")

    @property
    def parent(self) -> str | None:
        return found if isinstance(found := self.down_revision, str) else None

    @cached_property
    def acts(self) -> tuple[Act, ...]:
        """All calls, each function's with the names that hold there."""
        upgrade, downgrade = self._reached(UPGRADE), self._reached(DOWNGRADE)
        found: list[Act] = []
        for node in self.tree.body:
            scope, ways = self.module, set()
            if isinstance(node, ast.FunctionDef):
                scope = Scope(node, self.module)
                ways = {UPGRADE} if node.name in upgrade else set()
                ways |= {DOWNGRADE} if node.name in downgrade else set()
            _Calls(self, scope, frozenset(ways), found).visit(node)
        return tuple(found)

    @cached_property
    def executed(self) -> tuple[Executed, ...]:
        return tuple(found for act in self.acts if act.name in _EXECUTES for found in self.run_by(act))

    def run_by(self, act: Act) -> Iterator[Executed]:
        """What `act` executes: several texts when it stands in a loop over them."""
        argument = act.argument(0, *_SQL_ARGUMENTS)
        if argument is None:
            return
        for choice in act.scope.choices(argument):
            for node in act.scope.choices(self._unwrapped(choice, act.scope)):
                if (text := act.scope.text(node)) is not None:
                    read = statements(text)
                    rows = tuple(touched for found in read if (touched := found.rows()) is not None)
                    yield Executed(act, act.scope.resolve(node), read, rows)
                else:
                    core = core_rows(node, act.scope, self.imported)
                    yield Executed(act, act.scope.resolve(node), (), () if core is None else (core,))

    def is_text_call(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Call) and dotted(node.func, self.imported) in _TEXTS

    def is_migration_connection(self, node: ast.expr | None, scope: Scope) -> bool:
        """Whether `node` is the connection that this migration runs on, or Alembic's context around it."""
        if node is None:
            return False
        node = scope.resolve(node)
        if isinstance(node, ast.Attribute) and node.attr in ("connection", "bind"):
            node = scope.resolve(node.value)
        return isinstance(node, ast.Call) and dotted(node.func, self.imported) in (
            "alembic.op.get_bind",
            "alembic.op.get_context",
        )

    def _unwrapped(self, node: ast.expr, scope: Scope) -> ast.expr:
        """The text inside `sa.text(…).bindparams(…)`."""
        found = scope.resolve(node)
        for _ in range(DEPTH):
            if self.is_text_call(found) and isinstance(found, ast.Call) and found.args:
                return found.args[0]
            match found:
                case ast.Call(func=ast.Attribute(value=value, attr=name)) if name in _TEXT_METHODS:
                    found = scope.resolve(value)
                case _:
                    break
        return node

    def _literal(self, name: str) -> object:
        try:
            return self.value_of(name)
        except (KeyError, ValueError):
            return False

    def _reached(self, start: str) -> set[str]:
        """The functions of this module that `start` calls, itself included."""
        reached: set[str] = set()
        waiting = [start]
        while waiting:
            name = waiting.pop()
            if name in reached or name not in self.functions:
                continue
            reached.add(name)
            waiting += [node.id for node in ast.walk(self.functions[name]) if isinstance(node, ast.Name)]
        return reached


class _Calls(ast.NodeVisitor):
    """Collects the calls below a node, and knows which names are of `with op.batch_alter_table(…)` there."""

    def __init__(self, migration: Migration, scope: Scope, ways: Ways, found: list[Act]) -> None:
        self._migration, self._scope, self._ways, self._found = migration, scope, ways, found
        self._batches: dict[str, ast.expr | None] = {}

    def visit_With(self, node: ast.With) -> None:
        outside = dict(self._batches)
        for item in node.items:
            self.visit(item.context_expr)
            if isinstance(item.optional_vars, ast.Name):
                self._batches.pop(item.optional_vars.id, None)
                if self._is_batch(item.context_expr):
                    self._batches[item.optional_vars.id] = _first(item.context_expr)
        for statement in node.body:
            self.visit(statement)
        self._batches = outside

    def visit_Call(self, node: ast.Call) -> None:
        if (name := last_name(node.func)) is not None:
            path = dotted(node.func, self._migration.imported)
            on = "op" if path is not None and path.startswith("alembic.op.") else None
            table = None
            if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
                alias = node.func.value.id
                if alias in self._batches:
                    on, table = "batch", self._batches[alias]
            self._found.append(Act(node, name, on, table, path, self._scope, self._ways))
        self.generic_visit(node)

    def _is_batch(self, node: ast.expr) -> bool:
        return (
            isinstance(node, ast.Call)
            and dotted(node.func, self._migration.imported) == "alembic.op.batch_alter_table"
        )


def _first(node: ast.expr) -> ast.expr | None:
    """The table of `op.batch_alter_table(table)`."""
    if not isinstance(node, ast.Call):
        return None
    named = (keyword.value for keyword in node.keywords if keyword.arg == "table_name")
    return node.args[0] if node.args else next(named, None)
