"""SQL as tokens: enough of SQLite's grammar to compare two texts, and to see what a statement does."""

import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, cast

Kind = Literal["word", "name", "string", "blob", "number", "parameter", "mark"]

_TOKEN = re.compile(
    r"""
      (?P<space> \s+ | --[^\n]* | /\*.*?(?:\*/|\Z) )
    | (?P<string> '(?:[^']|'')*' )
    | (?P<blob> [xX]'[^']*' )
    | (?P<name> "(?:[^"]|"")*" | `(?:[^`]|``)*` | \[[^\]]*\] )
    | (?P<number> 0[xX][0-9a-fA-F]+ | (?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)? )
    | (?P<word> [^\W\d][\w$]* )
    | (?P<parameter> \?\d* | [:@$]\w+ )
    | (?P<mark> \|\| | <> | <= | >= | == | != | << | >> | ->> | -> | . )
    """,
    re.VERBOSE | re.DOTALL,
)

# Words that `plain` writes in capitals. All others are taken for names, which SQLite compares without regard to case.
_WORDS = """
    ABORT ADD AFTER ALL ALTER ALWAYS AND AS ASC AUTOINCREMENT BEFORE BEGIN BETWEEN BY CASCADE CASE CAST CHECK COLLATE
    CONFLICT CONSTRAINT CREATE CROSS DEFAULT DEFERRABLE DEFERRED DELETE DESC DISTINCT DO DROP EACH ELSE END ESCAPE
    EXCEPT EXISTS FAIL FOR FOREIGN FROM FULL GENERATED GLOB GROUP HAVING IGNORE IMMEDIATE IN INDEX INITIALLY INNER
    INSERT INSTEAD INTERSECT INTO IS ISNULL JOIN KEY LEFT LIKE LIMIT MATCH NATURAL NOT NOTHING NOTNULL NULL OF OFFSET
    ON OR ORDER OUTER OVER PARTITION PRIMARY RAISE RECURSIVE REFERENCES REGEXP REPLACE RESTRICT RETURNING RIGHT
    ROLLBACK ROW ROWID SELECT SET STORED STRICT TABLE THEN TRIGGER UNION UNIQUE UPDATE USING VALUES VIEW VIRTUAL WHEN
    WHERE WINDOW WITH WITHOUT
"""
_KEYWORDS = frozenset(_WORDS.split())
_SAME_MARK = {"==": "=", "!=": "<>"}


@dataclass(frozen=True, slots=True)
class Token:
    """`text` without the quotes for a name, with them for a string; `start` is where it stood."""

    kind: Kind
    text: str
    start: int = 0

    def is_word(self, *words: str) -> bool:
        """Whether it is one of the unquoted `words`, given in capitals."""
        return self.kind == "word" and self.text.upper() in words

    @property
    def identifier(self) -> str:
        """The name it stands for, where SQLite's grammar has one: there even a string is taken for a name."""
        return self.text[1:-1].replace("''", "'") if self.kind == "string" else self.text


def tokens(sql: str) -> Iterator[Token]:
    """The tokens of `sql`, without white space and comments."""
    for found in _TOKEN.finditer(sql):
        kind, text = found.lastgroup, found.group()
        if kind == "name":
            quote = text[-1]
            text = text[1:-1] if quote == "]" else text[1:-1].replace(quote * 2, quote)
        if kind != "space":
            yield Token(cast(Kind, kind), text, found.start())


def plain(found: Iterable[Token]) -> str:
    """One spelling for all texts that SQLite reads alike: spaces, quotes, comments and case make no difference."""
    written = ""
    before = ahead = None
    for token in found:
        if before is not None and _apart(before, token) and not _is_sign(ahead, before):
            written += " "
        written += _spelt(token)
        ahead, before = before, token
    return written


def plain_expression(sql: str | Sequence[Token]) -> str:
    """As `plain`, without the parentheses around the whole."""
    found = list(tokens(sql)) if isinstance(sql, str) else list(sql)
    while len(found) > 1 and found[0].text == "(" and closing(found, 0) == len(found) - 1:
        found = found[1:-1]
    return plain(found)


def closing(found: Sequence[Token], opening: int) -> int:
    """Where the parenthesis opened at `opening` is closed; the end when it never is."""
    depth = 0
    for index in range(opening, len(found)):
        if found[index].kind == "mark":
            depth += {"(": 1, ")": -1}.get(found[index].text, 0)
        if depth == 0:
            return index
    return len(found)


def split_at_commas(found: Sequence[Token]) -> Iterator[Sequence[Token]]:
    """The parts between commas that stand in no parenthesis."""
    depth = begin = 0
    for index, token in enumerate(found):
        if token.kind != "mark":
            continue
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        if token.text == "," and depth == 0:
            yield found[begin:index]
            begin = index + 1
    if begin < len(found):
        yield found[begin:]


# What can begin or end a part of SQL in which a semicolon means nothing.
_SPECIAL = re.compile(r"""['"`\[;]|--|/\*""")
_ENDS = {"'": "'", '"': '"', "`": "`", "[": "]", "--": "\n", "/*": "*/"}
_TRIGGER = re.compile(r"\s*CREATE\s+(TEMP\s+|TEMPORARY\s+)?TRIGGER\b", re.IGNORECASE)


def statements(chunks: Iterable[str]) -> Iterator[str]:
    """The statements of a script that comes in pieces; the last one may lack its semicolon, or be unfinished.

    Never looks at a character twice, however long a statement is.
    """
    text, at, inside = "", 0, ""
    for chunk in chunks:
        text += chunk
        begin = 0
        while True:
            if inside:
                end = text.find(_ENDS[inside], at)
                if end < 0:
                    break
                at, inside = end + len(_ENDS[inside]), ""
            found = _SPECIAL.search(text, at)
            if found is None:
                break
            at = found.end()
            if found.group() != ";":
                inside = found.group()
            elif not _TRIGGER.match(text, begin) or sqlite3.complete_statement(text[begin:at]):
                yield text[begin:at].strip()
                begin = at
        # what begins or ends with two characters may be cut between them
        at = max(at, len(text) - 1) - begin
        text = text[begin:]
    if text.strip():
        yield text.strip()


def quoted(name: str) -> str:
    """`name` as it can stand in SQL whatever it is."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _spelt(token: Token) -> str:
    if token.kind == "word":
        upper = token.text.upper()
        return upper if upper in _KEYWORDS else token.text.lower()
    if token.kind == "name":
        is_simple = re.fullmatch(r"[^\W\d][\w$]*", token.text) and token.text.upper() not in _KEYWORDS
        return token.text.lower() if is_simple else quoted(token.text.lower())
    if token.kind in ("number", "blob"):
        return token.text.lower()
    return _SAME_MARK.get(token.text, token.text) if token.kind == "mark" else token.text


def _apart(before: Token, token: Token) -> bool:
    if token.kind == "mark" and token.text in (",", ")", ".", ";"):
        return False
    if before.kind == "mark" and before.text in ("(", "."):
        return False
    calls = token.kind == "mark" and token.text == "(" and before.kind in ("word", "name")
    return not (calls and before.text.upper() not in _KEYWORDS)


def _is_sign(ahead: Token | None, token: Token) -> bool:
    """Whether a plus or minus belongs to what follows it."""
    if token.kind != "mark" or token.text not in ("+", "-"):
        return False
    if ahead is None or ahead.kind == "word":
        return ahead is None or ahead.text.upper() in _KEYWORDS
    return ahead.kind == "mark" and ahead.text != ")"
