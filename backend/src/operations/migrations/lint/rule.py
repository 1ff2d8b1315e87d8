"""The rules by code and name, and what is said when one is broken. docs/migrations.md explains each of them."""

import ast
from dataclasses import dataclass

PAGE = "docs/migrations.md"


@dataclass(frozen=True, slots=True)
class Rule:
    """Codes and names stay what they are: people write them into their migrations."""

    code: str
    name: str
    can_be_allowed: bool = True

    @property
    def recipe(self) -> str:
        """Where the documentation says what to write instead."""
        return f"{PAGE}#{self.code.lower()}-{self.name}"


NOT_A_MIGRATION = Rule("AFM001", "not-a-migration", can_be_allowed=False)
OUR_CODE = Rule("AFM002", "imports-our-code")
FILE_NAME = Rule("AFM003", "file-name")
NO_MESSAGE = Rule("AFM004", "no-message")
DUPLICATE = Rule("AFM005", "duplicate-revision", can_be_allowed=False)
BROKEN_CHAIN = Rule("AFM006", "broken-chain", can_be_allowed=False)
TWO_HEADS = Rule("AFM007", "two-heads", can_be_allowed=False)
NO_DOWNGRADE = Rule("AFM008", "no-downgrade")
DROP = Rule("AFM101", "drop-in-one-step")
RENAME = Rule("AFM102", "rename-in-one-step")
REQUIRED = Rule("AFM103", "required-without-default")
UNDO_FAILS = Rule("AFM104", "undo-fails-on-rows")
UNBATCHED = Rule("AFM201", "unbatched-write")
READS_ALL = Rule("AFM202", "reads-whole-table")
BUILT_SQL = Rule("AFM203", "built-sql")
UNDECLARED_LOSS = Rule("AFM204", "undeclared-loss")
OWN_TRANSACTION = Rule("AFM301", "own-transaction")
FOREIGN_KEYS = Rule("AFM302", "foreign-keys-pragma")
OWN_CONNECTION = Rule("AFM303", "own-connection")
REBUILT_PARENT = Rule("AFM304", "parent-rebuilt-by-hand")
REFUSED = Rule("AFM305", "refused-by-turso")
WAITS = Rule("AFM306", "waits-in-transaction")
MARKER = Rule("AFM901", "unclear-marker", can_be_allowed=False)
UNUSED_MARKER = Rule("AFM902", "unused-marker", can_be_allowed=False)

# What a migration may do that is marked as the contract step.
CONTRACT = (DROP.code, RENAME.code, REQUIRED.code)
RULES = {found.code: found for found in list(globals().values()) if isinstance(found, Rule)}


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """`line` is where to look; `first_line` to `last_line` are those on which a comment can allow it."""

    path: str
    line: int
    code: str
    message: str
    first_line: int
    last_line: int

    @property
    def name(self) -> str:
        return RULES[self.code].name

    @property
    def recipe(self) -> str:
        return RULES[self.code].recipe

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.code} {self.name}: {self.message}"


def finding(
    rule: Rule, path: str, message: str, *, at: ast.AST | int = 1, inside: ast.AST | None = None
) -> Finding:
    """`at` is a line or what stands there; `inside` the whole expression that it belongs to."""
    if isinstance(at, int):
        return Finding(path, at, rule.code, message, at, at)
    first, last = _lines(at)
    if inside is not None:
        whole = _lines(inside)
        first_line, last_line = min(first, whole[0]), max(last, whole[1])
    else:
        first_line, last_line = first, last
    return Finding(path, first, rule.code, message, first_line, last_line)


def _lines(node: ast.AST) -> tuple[int, int]:
    first: int = getattr(node, "lineno", 1)
    return first, getattr(node, "end_lineno", None) or first
