"""What names stand for in a migration, as far as its text alone tells."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from textwrap import dedent

# Names may lead to each other in a circle.
DEPTH = 20


@dataclass(frozen=True, slots=True)
class _Each:
    """A loop variable: it stands for one after another of what `iterable` holds."""

    iterable: ast.expr


class Scope:
    """The names of a function, or of the module. One that is bound twice, or from outside, stands for itself."""

    def __init__(self, node: ast.AST, outer: "Scope | None" = None) -> None:
        self._outer = outer
        self._bound: dict[str, list[ast.expr | _Each | None]] = {}
        for found in _own_nodes(node):
            for name, value in _bindings(found):
                self._bound.setdefault(name, []).append(None if _mentions(value, name) else value)

    def resolve(self, node: ast.expr) -> ast.expr:
        """What `node` stands for, followed through names that are bound once."""
        for _ in range(DEPTH):
            value = self._value(node)
            if not isinstance(value, ast.expr):
                break
            node = value
        return node

    def choices(self, node: ast.expr) -> Iterator[ast.expr]:
        """All that `node` may stand for: several when it is the variable of a loop over literals."""
        node = self.resolve(node)
        value = self._value(node)
        if isinstance(value, _Each):
            listed = self.resolve(value.iterable)
            if isinstance(listed, ast.Tuple | ast.List | ast.Set) and listed.elts:
                yield from listed.elts
                return
        yield node

    def text(self, node: ast.expr) -> str | None:
        """The text that is written out in `node`, or None."""
        node = self.resolve(node)
        if isinstance(node, ast.Constant):
            return node.value if isinstance(node.value, str) else None
        if isinstance(node, ast.JoinedStr):
            return None if _has_placeholder(node) else "".join(_constants(node))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            left, right = self.text(node.left), self.text(node.right)
            return None if left is None or right is None else left + right
        if isinstance(node, ast.Call) and last_name(node.func) == "dedent" and node.args:
            inner = self.text(node.args[0])
            return None if inner is None else dedent(inner)
        return None

    def is_built(self, node: ast.expr) -> bool:
        """Whether `node` puts a text together at run time."""
        node = self.resolve(node)
        if isinstance(node, ast.JoinedStr):
            return _has_placeholder(node)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
            return self._is_texty(node.left)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            is_texty = self._is_texty(node.left) or self._is_texty(node.right)
            return is_texty and self.text(node) is None
        if isinstance(node, ast.Call):
            called = node.func
            return (
                isinstance(called, ast.Attribute) and called.attr == "format" and self._is_texty(called.value)
            )
        return False

    def _is_texty(self, node: ast.expr) -> bool:
        return self.text(node) is not None or self.is_built(node)

    def _value(self, node: ast.expr) -> ast.expr | _Each | None:
        if not isinstance(node, ast.Name):
            return None
        scope: Scope | None = self
        while scope is not None:
            if (values := scope._bound.get(node.id)) is not None:
                return values[0] if len(values) == 1 else None
            scope = scope._outer
        return None


def imported_names(tree: ast.Module) -> Mapping[str, str]:
    """Names to the dotted paths that they were imported from: {"sa": "sqlalchemy", "op": "alembic.op"}."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.name if alias.asname else alias.name.partition(".")[0]
                found[alias.asname or name] = name
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                found[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return found


def dotted(node: ast.expr, imported: Mapping[str, str]) -> str | None:
    """The path of an imported thing: "sqlalchemy.text" for `sa.text`; None for anything else."""
    if isinstance(node, ast.Name):
        return imported.get(node.id)
    if isinstance(node, ast.Attribute):
        path = dotted(node.value, imported)
        return None if path is None else f"{path}.{node.attr}"
    return None


def _own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Everything in `node`; of a module without the insides of its functions."""
    for child in ast.iter_child_nodes(node):
        yield child
        is_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        if not (is_function and isinstance(node, ast.Module)):
            yield from _own_nodes(child)


def _bindings(node: ast.AST) -> Iterator[tuple[str, ast.expr | _Each | None]]:
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                yield from _targets(target, value)
        case ast.AnnAssign(target=ast.Name(id=name), value=value) if value is not None:
            yield name, value
        case ast.NamedExpr(target=ast.Name(id=name), value=value):
            yield name, value
        case ast.AugAssign(target=ast.Name(id=name)):
            yield name, None
        case ast.For(target=target, iter=iterable) | ast.comprehension(target=target, iter=iterable):
            yield from _targets(target, _Each(iterable))
        case ast.withitem(optional_vars=ast.expr() as target):
            yield from _targets(target, None)
        case ast.arg(arg=name):
            yield name, None
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            yield name, None


def _mentions(value: ast.expr | _Each | None, name: str) -> bool:
    """Whether a name is bound to something made of what it was before."""
    node = value.iterable if isinstance(value, _Each) else value
    return node is not None and any(isinstance(part, ast.Name) and part.id == name for part in ast.walk(node))


def _targets(
    target: ast.expr, value: ast.expr | _Each | None
) -> Iterable[tuple[str, ast.expr | _Each | None]]:
    if isinstance(target, ast.Name):
        return [(target.id, value)]
    return [(found.id, None) for found in ast.walk(target) if isinstance(found, ast.Name)]


def _has_placeholder(node: ast.JoinedStr) -> bool:
    return any(isinstance(part, ast.FormattedValue) for part in node.values)


def _constants(node: ast.JoinedStr) -> Iterator[str]:
    return (str(part.value) for part in node.values if isinstance(part, ast.Constant))


def last_name(node: ast.expr) -> str | None:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else None
