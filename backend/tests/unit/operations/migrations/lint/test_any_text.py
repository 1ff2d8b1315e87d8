"""Whatever it is given, the linter answers with findings on lines that exist, and never with a traceback."""

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.core.config.settings.base import BACKEND_DIR
from src.operations.migrations.lint.lint import check
from src.operations.migrations.lint.statement import statements
from tests.unit.operations.migrations.lint.snippets import NAME, migration

INITIAL = next((BACKEND_DIR / "alembic" / "versions").glob("*.py"))
WORDS = (
    *(
        "SELECT",
        "FROM",
        "WHERE",
        "UPDATE",
        "SET",
        "INSERT",
        "INTO",
        "DELETE",
        "LIMIT",
        "NOT",
        "NULL",
        "IS",
        "AND",
    ),
    *(
        "OR",
        "WITH",
        "AS",
        "CREATE",
        "TABLE",
        "TEMP",
        "ALTER",
        "RENAME",
        "TO",
        "ADD",
        "DROP",
        "IF",
        "EXISTS",
        "UNION",
    ),
    *(
        "PRAGMA",
        "REFERENCES",
        "TRIGGER",
        "BEGIN",
        "END",
        "(",
        ")",
        ";",
        ",",
        ".",
        "=",
        "'x'",
        '"y"',
        "z",
        ":p",
        "1",
    ),
)
PIECES = (
    *(
        "op",
        "sa",
        "text",
        "prompts",
        "execute",
        "get_bind",
        "'UPDATE prompts SET x = 1'",
        "f'{x}'",
        "'%s' % x",
        "None",
    ),
    *(
        "=",
        ".",
        "(",
        ")",
        ",",
        "[",
        "]",
        "+",
        ":",
        "\n",
        "\n    ",
        "for ",
        " in ",
        "with ",
        " as ",
        "def ",
        "lambda ",
    ),
    *(
        "# autoforge: allow AFM101 x",
        "# autoforge: contract",
        "raise ",
        "import ",
        "from ",
        "revision",
        "'0002'",
    ),
)


@pytest.mark.parametrize(
    "upgrade",
    [
        "rows = list(rows)\nfor row in rows:\n    op.execute(sa.text('SELECT id FROM prompts'))",
        "a = list(b)\nb = list(a)\nfor row in a:\n    op.execute(sa.text('SELECT id FROM prompts'))",
        "sql = sql.bindparams(x=1)\nop.execute(sql)",
        "a = b.bindparams(x=1)\nb = a.bindparams(y=1)\nop.execute(a)",
        "sql = sql + 'x'\nop.execute(sql)",
        "a = b + 'x'\nb = a + 'y'\nop.execute(a)",
        "t = t.c\nop.execute(sa.update(t).where(t.id == 1))",
        "t = u.c\nu = t.c\nop.execute(sa.update(t).where(t.id == 1))",
        "a = b\nb = a\nop.execute(a)",
    ],
)
def test_names_that_lead_in_a_circle(upgrade: str) -> None:
    assert check({NAME: migration(upgrade).encode()}) is not None


@given(st.binary(max_size=200))
def test_any_bytes(source: bytes) -> None:
    assert all(found.path == NAME for found in check({NAME: source}))


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_any_words_of_a_migration(body: str) -> None:
    source = migration("pass", above=body)
    lines = source.count("\n") + 1

    for found in check({NAME: source.encode()}):
        assert 1 <= found.line <= lines
        assert found.first_line <= found.line <= found.last_line <= lines


@given(st.lists(st.sampled_from(WORDS), max_size=25).map(" ".join))
def test_any_words_of_sql(sql: str) -> None:
    for statement in statements(sql):
        list(statement.steps())
        assert statement.rows() is None or statement.verb in (
            "SELECT",
            "INSERT",
            "REPLACE",
            "UPDATE",
            "DELETE",
            "CREATE",
        )
    assert check({NAME: migration(f"op.execute({sql!r})").encode()}) is not None


@settings(max_examples=20)
@given(st.data())
def test_initial_migration_with_any_of_its_calls_left_out(data: st.DataObject) -> None:
    tree = ast.parse(INITIAL.read_text(encoding="utf-8"))
    for function in tree.body:
        if isinstance(function, ast.FunctionDef):
            kept = data.draw(st.sets(st.sampled_from(range(len(function.body)))))
            function.body = [node for index, node in enumerate(function.body) if index in kept] or [
                ast.Pass()
            ]

    codes = {found.code for found in check({INITIAL.name: ast.unparse(tree).encode()})}

    assert codes <= {"AFM008"}  # an empty downgrade; nothing in what we write by hand is a false alarm
