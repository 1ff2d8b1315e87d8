"""Parts of a SQL statement: names, what stands in no parenthesis, what a WHERE leaves out."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import pairwise

from src.infrastructure.shared.database.sql_text import Token, closing

# Tables of SQLite itself are small, and so is Alembic's.
_SMALL = ("sqlite_", "pragma_", "alembic_version")
_AGGREGATES = ("COUNT", "SUM", "TOTAL", "AVG", "MIN", "MAX")
_COMPOUND = ("UNION", "EXCEPT", "INTERSECT")
_AFTER_WHERE = ("GROUP", "HAVING", "WINDOW", "ORDER", "LIMIT", "RETURNING", *_COMPOUND)


def is_small(table: str | None) -> bool:
    return table is not None and table.lower().startswith(_SMALL)


def start_of_verb(found: Sequence[Token]) -> int:
    if not found or not found[0].is_word("WITH"):
        return 0
    verbs = ("SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "VALUES")
    depth = 0
    for index, token in enumerate(found):
        depth += _deeper(token)
        if depth == 0 and token.is_word(*verbs):
            return index
    return 0


def name_at(found: Sequence[Token]) -> str | None:
    """The name at the beginning, without the schema before it."""
    if len(found) > 2 and found[1].text == "." and found[1].kind == "mark":
        found = found[2:]
    if not found or found[0].kind not in ("word", "name", "string"):
        return None
    return found[0].identifier


def after_name(found: Sequence[Token]) -> Sequence[Token]:
    has_schema = len(found) > 2 and found[1].text == "." and found[1].kind == "mark"
    return found[3:] if has_schema else found[1:]


def without_if_exists(found: Sequence[Token]) -> Sequence[Token]:
    if found and found[0].is_word("IF"):
        return next(
            (found[index + 1 :] for index, token in enumerate(found) if token.is_word("EXISTS")), found
        )
    return found


def _deeper(token: Token) -> int:
    return {"(": 1, ")": -1}.get(token.text, 0) if token.kind == "mark" else 0


def outside_parentheses(found: Iterable[Token]) -> Iterator[Token]:
    """The tokens that stand in no parenthesis, and the parentheses themselves."""
    depth = 0
    for token in found:
        if _deeper(token) < 0:
            depth -= 1
        if depth == 0:
            yield token
        if _deeper(token) > 0:
            depth += 1


def references(found: Sequence[Token]) -> Iterator[str]:
    for index, token in enumerate(found):
        if token.is_word("REFERENCES") and (table := name_at(found[index + 1 :])) is not None:
            yield table


def source(found: Sequence[Token]) -> str | None:
    """The first table after FROM, when it is a table."""
    at_top = list(outside_parentheses(found))
    for index, token in enumerate(at_top):
        if token.is_word("FROM"):
            return name_at(at_top[index + 1 :])
    return None


def gives_all_rows(found: Sequence[Token]) -> bool:
    """Whether one of its SELECTs gives all rows of a table that may be large."""
    top = [index for index, depth in _depths(found) if depth == 0]
    if any(found[index].is_word("LIMIT") for index in top):
        return False
    begins = [index for index in top if found[index].is_word("SELECT")]
    ahead = found[: begins[0]] if begins else ()
    begin = next((index for index, token in enumerate(ahead) if token.is_word("WITH")), len(ahead))
    unknown = {token.identifier.lower() for token in outside_parentheses(ahead[begin:])}
    selects = (found[begin:end] for begin, end in pairwise([*begins, len(found)]))
    return any(_select_is_open(select, unknown) for select in selects)


def _select_is_open(select: Sequence[Token], unknown: Collection[str]) -> bool:
    """`unknown` are the names of a WITH before it: what they stand for is not looked at."""
    table = source(select)
    if table is None or is_small(table) or table.lower() in unknown:
        return False
    at_top = list(outside_parentheses(select))
    is_grouped = any(token.is_word("DISTINCT", "GROUP") for token in at_top)
    is_one_row = len(at_top) > 1 and at_top[1].is_word(*_AGGREGATES)
    return not is_grouped and not is_one_row and is_open(select)


def _depths(found: Sequence[Token]) -> Iterator[tuple[int, int]]:
    depth = 0
    for index, token in enumerate(found):
        if _deeper(token) < 0:
            depth -= 1
        yield index, depth
        if _deeper(token) > 0:
            depth += 1


def is_open(found: Sequence[Token]) -> bool:
    """Whether there is no LIMIT, and no WHERE but tests for NULL or the empty text, which every old row may pass."""
    top = [index for index, depth in _depths(found) if depth == 0]
    if any(found[index].is_word("LIMIT") for index in top):
        return False
    begin = next((index for index in top if found[index].is_word("WHERE")), None)
    if begin is None:
        return True
    after = (index for index in top if index > begin and found[index].is_word(*_AFTER_WHERE))
    condition = found[begin + 1 : next(after, len(found))]
    return all(_bounds_nothing(part) for part in _conditions(condition))


def _conditions(found: Sequence[Token]) -> Iterator[Sequence[Token]]:
    """The parts between AND and OR, through parentheses that hold nothing else."""
    part: list[Token] = []
    index = 0
    while index < len(found):
        token = found[index]
        if token.is_word("AND", "OR"):
            yield part
            part = []
        elif token.text == "(" and token.kind == "mark" and (not part or part[-1].is_word("NOT")):
            end = closing(found, index)
            yield from _conditions(found[index + 1 : end])
            index = end
        else:
            part.append(token)
        index += 1
    yield part


def _bounds_nothing(part: Sequence[Token]) -> bool:
    """Of `x IS NULL`, `x IS NOT NULL`, `x = ''`, `x <> ''`, `1`, `1 = 1`, TRUE, and what is left of `NOT ( … )`."""
    found = [token for token in part if not token.is_word("NOT")]
    if not found:
        return True
    if len(found) == 1:
        return found[0].kind == "number" or found[0].is_word("TRUE")
    if found[0].kind == "number":
        return all(token.kind in ("number", "mark") for token in found)
    rest = after_name(found)
    if len(rest) == 1:
        return rest[0].is_word("ISNULL", "NOTNULL", "NULL")
    if len(rest) != 2:
        return False
    if rest[0].is_word("IS"):
        return rest[1].is_word("NULL")
    return rest[0].text in ("=", "==", "<>", "!=") and rest[1].text == "''"
