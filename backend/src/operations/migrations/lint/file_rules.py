"""Rules about the file as such: its name, its message, what it imports, whether it can be undone."""

import ast
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import PurePath

from src.operations.migrations.lint.migration import DOWNGRADE, UPGRADE, Migration
from src.operations.migrations.lint.names import dotted
from src.operations.migrations.lint.rule import (
    FILE_NAME,
    NO_DOWNGRADE,
    NO_MESSAGE,
    NOT_A_MIGRATION,
    OUR_CODE,
    Finding,
    finding,
)

# As alembic.ini names new files: date, revision, slug of the message.
_FILE_NAME = re.compile(r"(?P<date>\d{8})_(?P<revision>[^_]+)_(?P<slug>\w+)\.py")
# What Alembic writes when it was given no message.
_NO_MESSAGE = ("", "empty message")


def check_file(migration: Migration) -> Iterator[Finding]:
    yield from _parts(migration)
    yield from _file_name(migration)
    yield from _message(migration)
    yield from _imports(migration)
    yield from _downgrade(migration)


def _parts(migration: Migration) -> Iterator[Finding]:
    missing = []
    for name in ("revision", "down_revision"):
        if (node := migration.assigned(name)) is None:
            missing.append(f"{name} = …")
            continue
        try:
            migration.value_of(name)
        except (KeyError, ValueError):
            message = f"{name} is not written out: its value can be read only by running the file"
            yield finding(NOT_A_MIGRATION, migration.path, message, at=node)
    if not migration.defines(UPGRADE):
        missing.append("def upgrade()")
    if missing:
        yield finding(NOT_A_MIGRATION, migration.path, f"there is no {', no '.join(missing)} in it")


def _file_name(migration: Migration) -> Iterator[Finding]:
    name = PurePath(migration.path).name
    found = _FILE_NAME.fullmatch(name)
    problem = None
    if found is None or found["slug"] != found["slug"].lower() or not _is_date(found["date"]):
        problem = "is not <date>_<revision>_<slug>.py"
    elif migration.revision not in (None, found["revision"]):
        problem = f"does not hold its revision {migration.revision!r}"
    if problem is not None:
        message = (
            f"{name} {problem}, as in 20261123_0001_initial_schema.py: by name, files stand in their order"
        )
        yield finding(FILE_NAME, migration.path, message)


def _is_date(digits: str) -> bool:
    try:
        datetime.strptime(digits, "%Y%m%d")  # noqa: DTZ007 - a day
    except ValueError:
        return False
    return True


def _message(migration: Migration) -> Iterator[Finding]:
    first_line = (ast.get_docstring(migration.tree) or "").partition("\n")[0].strip()
    if first_line in _NO_MESSAGE:
        message = (
            "the docstring does not say what the migration does; db status and db history show its first line"
        )
        yield finding(NO_MESSAGE, migration.path, message)


def _imports(migration: Migration) -> Iterator[Finding]:
    for node in ast.walk(migration.tree):
        names: list[str | None] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module]
        elif isinstance(node, ast.Call) and node.args:
            called = dotted(node.func, migration.imported)
            is_builtin = isinstance(node.func, ast.Name) and node.func.id == "__import__"
            if called == "importlib.import_module" or is_builtin:
                names = [migration.module.text(node.args[0])]
        for name in names:
            if name is not None and name.split(".")[0] == "src":
                message = f"imports {name}, which will change after this migration has been written for good"
                yield finding(OUR_CODE, migration.path, message, at=node)


def _downgrade(migration: Migration) -> Iterator[Finding]:
    path, node = migration.path, migration.functions.get(DOWNGRADE)
    if node is None:
        if not migration.defines(DOWNGRADE):
            yield finding(NO_DOWNGRADE, path, "there is no function downgrade() in it")
        return
    upgrade = migration.functions.get(UPGRADE)
    if _does_nothing(node) and (upgrade is None or not _does_nothing(upgrade)):
        yield finding(NO_DOWNGRADE, path, "downgrade() does nothing, and upgrade() does something", at=node)
    for inner in ast.walk(node):
        if isinstance(inner, ast.Raise) and _is_unexplained(inner.exc):
            message = "downgrade() raises NotImplementedError without saying why it cannot be undone"
            yield finding(NO_DOWNGRADE, path, message, at=inner, inside=node)


def _does_nothing(function: ast.FunctionDef) -> bool:
    return all(
        isinstance(node, ast.Pass)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        or (isinstance(node, ast.Return) and (node.value is None or isinstance(node.value, ast.Constant)))
        for node in function.body
    )


def _is_unexplained(raised: ast.expr | None) -> bool:
    match raised:
        case ast.Name(id="NotImplementedError"):
            return True
        case ast.Call(func=ast.Name(id="NotImplementedError"), args=arguments):
            said = arguments[0] if arguments else ast.Constant(value="")
            return isinstance(said, ast.Constant) and not str(said.value or "").strip()
    return False
