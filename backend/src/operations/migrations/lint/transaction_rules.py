"""Rules about what a migration must leave to alembic/env.py: its transaction, its connection, foreign keys."""

import ast
from collections.abc import Iterator, Sequence

from src.operations.migrations.lint.migration import Act, Migration
from src.operations.migrations.lint.rule import (
    FOREIGN_KEYS,
    OWN_CONNECTION,
    OWN_TRANSACTION,
    REFUSED,
    WAITS,
    Finding,
    Rule,
    finding,
)
from src.operations.migrations.lint.statement import Statement
from src.operations.migrations.lint.steps import Taken

_ENDS = ("BEGIN", "COMMIT", "END", "ROLLBACK")
_CONNECTS = ("sqlite3.connect", "sqlalchemy.create_engine", "sqlalchemy.engine_from_config")
_CONTEXTS = (
    "alembic.migration.MigrationContext.configure",
    "alembic.runtime.migration.MigrationContext.configure",
)
_SLEEPS = ("time.sleep", "asyncio.sleep")
_NETWORK = (
    *(
        "aiohttp",
        "anthropic",
        "boto3",
        "ftplib",
        "http.client",
        "httpx",
        "httpx2",
        "openai",
        "pycurl",
        "redis",
        "requests",
    ),
    *("smtplib", "socket", "urllib.request", "urllib3", "websockets"),
)
# Seen refused by libsql-server 0.24: tests/integration/operations/migrations asks one.
REFUSED_VERBS = ("ANALYZE", "ATTACH", "DETACH", "VACUUM")
REFUSED_PRAGMAS = ("incremental_vacuum", "optimize", "wal_checkpoint")
REFUSED_SETTINGS = (
    *("application_id", "auto_vacuum", "busy_timeout", "cache_size", "case_sensitive_like"),
    *(
        "ignore_check_constraints",
        "journal_mode",
        "legacy_alter_table",
        "locking_mode",
        "mmap_size",
        "page_size",
    ),
    *("query_only", "recursive_triggers", "secure_delete", "synchronous", "temp_store", "trusted_schema"),
    "writable_schema",
)


def check_transactions(migration: Migration, steps: Sequence[Taken]) -> Iterator[Finding]:
    for found in migration.executed:
        for statement in found.statements:
            for rule, message in _of_statement(statement):
                yield finding(rule, migration.path, message, at=found.node, inside=found.act.call)
    for act in migration.acts:
        for rule, message in _of_call(migration, act, steps):
            yield finding(rule, migration.path, message, at=act.call)
    yield from _imports(migration)


def _of_statement(statement: Statement) -> Iterator[tuple[Rule, str]]:
    verb, pragma = statement.verb, statement.pragma
    if verb in _ENDS and not (verb == "ROLLBACK" and statement.has_word("TO")):
        yield OWN_TRANSACTION, f"runs {verb}: the migration is one transaction, which env.py begins and ends"
    if pragma is not None and pragma[0] == "foreign_keys" and pragma[1] is not None:
        yield FOREIGN_KEYS, "sets PRAGMA foreign_keys: env.py has turned them off, outside of the transaction"
    if what := _refused(statement, pragma):
        yield REFUSED, f"runs {what}, which a libSQL server refuses"


def _refused(statement: Statement, pragma: tuple[str, str | None] | None) -> str | None:
    if statement.verb in REFUSED_VERBS:
        return statement.verb
    if statement.verb == "CREATE" and statement.has_word("TEMP", "TEMPORARY", within=2):
        return "CREATE TEMP"
    if pragma is None:
        return None
    name, value = pragma
    is_refused = name in REFUSED_PRAGMAS or (value is not None and name in REFUSED_SETTINGS)
    return f"PRAGMA {name}{' = …' if value is not None else ''}" if is_refused else None


def _of_call(migration: Migration, act: Act, steps: Sequence[Taken]) -> Iterator[tuple[Rule, str]]:
    is_ours = migration.is_migration_connection(act.receiver, act.scope)
    if is_ours and act.name in ("begin", "commit", "rollback"):
        yield (
            OWN_TRANSACTION,
            f"calls {act.name}(): the migration is one transaction, which env.py begins and ends",
        )
    if is_ours and act.name == "execution_options" and act.argument(0, "isolation_level") is not None:
        yield OWN_TRANSACTION, "changes the isolation level of the connection on which the migration runs"
    if act.name == "executescript":
        yield OWN_TRANSACTION, "calls executescript(), which commits what was done before it"
    if act.name == "autocommit_block" and (beside := _unfit_for_autocommit(migration, act, steps)):
        yield OWN_TRANSACTION, f"commits as it goes (autocommit_block), and {beside} could not be undone"
    if what := _opens_connection(act):
        yield OWN_CONNECTION, f"opens a connection of its own ({what}), on which foreign keys are on"
    if act.path in _SLEEPS:
        yield WAITS, "sleeps while it has the write lock; Turso ends a transaction after 5 s"
    if act.name == "create_table" and act.on == "op" and _is_temporary(act):
        yield REFUSED, "makes a temporary table, which a libSQL server refuses"


def _unfit_for_autocommit(migration: Migration, act: Act, steps: Sequence[Taken]) -> str | None:
    """What else the migration does, where only batches that can be repeated are safe."""
    if any(taken.act.ways & act.ways for taken in steps):
        return "the change of the schema beside it"
    for found in migration.executed:
        if found.act.ways & act.ways and any(
            rows.is_whole_table and rows.verb != "SELECT" for rows in found.rows
        ):
            return "the unbatched statement in it"
    return None


def _opens_connection(act: Act) -> str | None:
    if act.path in _CONNECTS or act.path in _CONTEXTS:
        return act.path.rpartition(".")[2] if act.path in _CONTEXTS else act.path
    if act.name not in ("connect", "begin", "raw_connection") or act.receiver is None:
        return None
    receiver = act.scope.resolve(act.receiver)
    is_engine = isinstance(receiver, ast.Attribute) and receiver.attr == "engine"
    return f"engine.{act.name}" if is_engine else None


def _is_temporary(act: Act) -> bool:
    prefixes = act.argument(99, "prefixes")
    listed = None if prefixes is None else act.scope.resolve(prefixes)
    words = listed.elts if isinstance(listed, ast.List | ast.Tuple) else []
    return any((act.scope.text(word) or "").upper() in ("TEMP", "TEMPORARY") for word in words)


def _imports(migration: Migration) -> Iterator[Finding]:
    for node in ast.walk(migration.tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            if any(name == known or name.startswith(f"{known}.") for known in _NETWORK):
                message = f"imports {name}: no network while the migration has the write lock"
                yield finding(WAITS, migration.path, message, at=node)
                break
