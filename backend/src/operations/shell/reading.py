"""Which SQL only reads. The database itself is asked to refuse writes as well; this tells why, in words."""

from src.domain.shared.errors import RuleViolationError
from src.infrastructure.shared.database.sql_text import Token, tokens

_READS = ("SELECT", "VALUES", "EXPLAIN")
_VERBS = (*_READS, "INSERT", "UPDATE", "DELETE", "REPLACE")
# What takes an argument and still only looks.
_LOOKING_PRAGMAS = (
    *("FOREIGN_KEY_CHECK", "FOREIGN_KEY_LIST", "INDEX_INFO", "INDEX_LIST", "INDEX_XINFO", "INTEGRITY_CHECK"),
    *("QUICK_CHECK", "TABLE_INFO", "TABLE_LIST", "TABLE_XINFO"),
)
_ACTING_PRAGMAS = ("INCREMENTAL_VACUUM", "OPTIMIZE", "SHRINK_MEMORY", "WAL_CHECKPOINT")


class ReadOnlyError(RuleViolationError):
    code = "read_only"
    title = "Only reading is allowed"


def require_reading(sql: str) -> None:
    """Raises ReadOnlyError for a statement that could change something."""
    found = list(tokens(sql))
    verb = _verb(found)
    if verb in _READS or (verb == "PRAGMA" and _only_looks(found)):
        return
    what = " ".join(token.text for token in found[: 2 if verb == "PRAGMA" else 1])
    raise ReadOnlyError(
        f"{what!r:.60} is not known to only read, as SELECT, WITH, VALUES, EXPLAIN and some PRAGMAs do. "
        "To change something, start the shell with --write."
    )


def _verb(found: list[Token]) -> str:
    if not found or found[0].kind != "word":
        return ""
    first = found[0].text.upper()
    if first != "WITH":
        return first
    depth = 0
    for token in found:
        if token.kind == "mark":
            depth += {"(": 1, ")": -1}.get(token.text, 0)
        if depth == 0 and token.is_word(*_VERBS):
            return token.text.upper()
    return first


def _only_looks(found: list[Token]) -> bool:
    words = [token.text.upper() for token in found if token.text != ";"]
    name = words[3] if len(words) > 3 and words[2] == "." else words[1] if len(words) > 1 else ""
    has_argument = "=" in words or "(" in words
    return name in _LOOKING_PRAGMAS or not (name == "" or has_argument or name in _ACTING_PRAGMAS)
