import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.infrastructure.shared.database.sql_text import (
    literal,
    plain,
    plain_expression,
    quoted,
    statements,
    tokens,
)


def spelt(sql: str) -> str:
    return plain(tokens(sql))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('SELECT "id" FROM [prompts]', "select id\n from `prompts` -- all"),
        ("a IN ('x','y')", "A in (\n  'x', /* two */ \"Y\"\n)".replace('"Y"', "'y'")),
        ("a==1 AND b!=2", "a = 1 and b <> 2"),
        ("x'AB' || 1E3", "X'ab'||1e3"),
    ],
)
def test_texts_that_mean_the_same_are_spelt_alike(one: str, other: str) -> None:
    assert spelt(one) == spelt(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a = 'x'", "a = 'X'"),
        ("a = 'x  y'", "a = 'x y'"),
        ("a = '--x'", "a = ''"),
        ("a > 1", "a >= 1"),
        ('"a b"', '"ab"'),
        ("'it''s'", "'its'"),
    ],
)
def test_texts_that_mean_something_else_are_spelt_apart(one: str, other: str) -> None:
    assert spelt(one) != spelt(other)


def test_spelling_reads_well() -> None:
    assert spelt('CHECK ( "Status"  IN (\'a\' ,"B C")  and LENGTH( x.y )>=2 )') == (
        "CHECK (status IN ('a', \"b c\") AND length(x.y) >= 2)"
    )


@pytest.mark.parametrize(
    ("sql", "expected"),
    [("((a > 1))", "a > 1"), ("(a) OR (b)", "(a) OR (b)"), ("()", ""), ("(a", "(a"), ("", "")],
)
def test_parentheses_around_the_whole_are_dropped(sql: str, expected: str) -> None:
    assert plain_expression(sql) == expected


def test_name_and_text_survive_quoting() -> None:
    assert [token.text for token in tokens(quoted('a"b'))] == ['a"b']
    assert [token.identifier for token in tokens(literal("it's"))] == ["it's"]


SCRIPT = """
-- a comment; with a semicolon
CREATE TABLE "odd;name" (x TEXT DEFAULT 'a;''b'); /* ; */ INSERT INTO t VALUES ('--', "/*", `;`, [;]);
CREATE TRIGGER watch AFTER INSERT ON t BEGIN
    UPDATE t SET x = ';'; DELETE FROM u;
END;
SELECT 1"""
EXPECTED = [
    """-- a comment; with a semicolon\nCREATE TABLE "odd;name" (x TEXT DEFAULT 'a;''b');""",
    """/* ; */ INSERT INTO t VALUES ('--', "/*", `;`, [;]);""",
    "CREATE TRIGGER watch AFTER INSERT ON t BEGIN\n    UPDATE t SET x = ';'; DELETE FROM u;\nEND;",
    "SELECT 1",
]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 1000])
def test_script_is_split_alike_in_pieces_of_any_size(size: int) -> None:
    pieces = [SCRIPT[begin : begin + size] for begin in range(0, len(SCRIPT), size)]

    assert list(statements(pieces)) == EXPECTED


@pytest.mark.parametrize(("script", "expected"), [("", []), (" \n ", []), (";;", [";", ";"]), ("'a", ["'a"])])
def test_ends_of_scripts(script: str, expected: list[str]) -> None:
    assert list(statements([script])) == expected


@given(st.lists(st.text("ab;'\"-/* \n[]`", max_size=20), max_size=4))
def test_nothing_of_a_script_is_lost(pieces: list[str]) -> None:
    joined = "".join("".join(pieces).split())

    assert "".join("".join(statements(pieces)).split()) == joined
