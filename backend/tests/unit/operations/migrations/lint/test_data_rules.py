from textwrap import indent

import pytest

from tests.unit.operations.migrations.lint.snippets import codes, findings_in, migration

TABLE = "prompts = sa.table('prompts', sa.column('id'), sa.column('tags'), sa.column('name'))\n"


def executing(sql: str) -> str:
    return f"op.execute({sql!r})"


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE prompts SET tags = '[]'",
        "UPDATE prompts SET tags = '[]' WHERE tags IS NULL",
        "update or ignore main.prompts set tags = lower(tags) where (tags is not null and tags <> '') or 1 = 1",
        "UPDATE prompts SET tags = '[]' WHERE NOT (tags IS NOT NULL)",
        "UPDATE prompts SET tags = (SELECT id FROM evaluations WHERE prompt_id = prompts.id LIMIT 1)",
        "WITH newest AS (SELECT id FROM evaluations LIMIT 5) UPDATE prompts SET tags = '[]'",
        "INSERT INTO notes (id, tags) SELECT id, tags FROM prompts",
        "INSERT OR IGNORE INTO notes SELECT id, (SELECT 1 LIMIT 1) FROM prompts WHERE tags IS NOT NULL ORDER BY id",
        "REPLACE INTO notes SELECT p.id FROM prompts p JOIN evaluations e ON e.prompt_id = p.id",
        "INSERT INTO notes SELECT id FROM prompts WHERE id = 'x' UNION ALL SELECT id FROM evaluations",
        "CREATE TABLE copy AS SELECT * FROM prompts",
        "/* all */ UPDATE prompts SET tags = ''; -- in one go",
    ],
)
def test_write_to_a_whole_table_is_found(sql: str) -> None:
    assert codes(executing(sql)) == "AFM201"
    assert codes("op.create_index('i', 'prompts', ['tags'])", executing(sql)) == "AFM201"


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE prompts SET tags = '[]' WHERE id = 'one'",
        "UPDATE prompts SET tags = '[]' WHERE tags IS NULL AND id > :after AND id <= :upto",
        "UPDATE prompts SET tags = '[]' WHERE id IN (SELECT id FROM prompts WHERE tags IS NULL LIMIT 500)",
        "WITH some AS (SELECT id FROM prompts LIMIT 5) UPDATE prompts SET tags = '' WHERE id IN (SELECT id FROM some)",
        "UPDATE prompts SET tags = '[]' WHERE status = 'paused'",
        "UPDATE alembic_version SET version_num = '1' WHERE version_num = '2'",
        "INSERT INTO notes (id) VALUES ('a'), ('b')",
        "INSERT INTO notes DEFAULT VALUES",
        "INSERT INTO notes SELECT 'a', 'b'",
        "INSERT INTO notes SELECT id FROM prompts WHERE id > :after ORDER BY id LIMIT 500",
        "INSERT INTO notes WITH RECURSIVE n(x) AS (SELECT 1 UNION SELECT x + 1 FROM n LIMIT 9) SELECT x FROM n",
        "WITH n(x) AS (VALUES (1)) INSERT INTO notes SELECT x FROM n",
        "INSERT INTO notes SELECT DISTINCT workspace_id FROM prompts",
        "INSERT INTO notes SELECT workspace_id, count(*) FROM prompts GROUP BY workspace_id",
        "INSERT INTO notes SELECT count(*) FROM prompts",
        "INSERT INTO notes SELECT name FROM sqlite_master",
        "CREATE TABLE copy (id TEXT, upper TEXT GENERATED ALWAYS AS (upper(id)))",
        "CREATE TRIGGER t AFTER INSERT ON prompts BEGIN UPDATE prompts SET tags = ''; END",
        "CREATE INDEX i ON prompts (tags) WHERE tags IS NOT NULL",
        "SELECT 'UPDATE prompts SET tags = 1'",
    ],
)
def test_bounded_write_is_fine(sql: str) -> None:
    assert codes(executing(sql)) == ""


def test_rows_of_a_table_that_the_migration_made_are_few() -> None:
    make = "op.create_table('notes', sa.Column('id'))\n"

    assert codes(make + executing("UPDATE notes SET id = 1")) == ""
    assert codes(make + executing("DELETE FROM notes")) == ""
    assert codes(make + executing("INSERT INTO notes SELECT id FROM prompts")) == "AFM201"


@pytest.mark.parametrize(
    "call",
    [
        "op.execute(sa.text('UPDATE prompts SET tags = 1'))",
        "op.execute(sa.text('UPDATE prompts SET tags = :t').bindparams(t='[]'))",
        "op.get_bind().execute(sa.text('UPDATE prompts SET tags = :t'), {'t': 1})",
        "op.get_bind().exec_driver_sql('UPDATE prompts ' + 'SET tags = 1')",
        "connection = op.get_bind()\nconnection.execute(statement=sa.text('UPDATE prompts SET tags = 1'))",
        "sql = 'UPDATE prompts SET tags = 1'\nop.execute(sql)",
        "sql = sa.text('UPDATE prompts SET tags = 1')\nop.execute(sql)",
        "op.execute(dedent('''\n    UPDATE prompts\n    SET tags = 1\n    '''))",
        "for sql in ('SELECT 1', 'UPDATE prompts SET tags = 1'):\n    op.execute(sql)",
        "with op.batch_alter_table('prompts') as b:\n    b.execute('UPDATE prompts SET tags = 1')",
        TABLE + "op.execute(prompts.update().values(tags='[]'))",
        TABLE + "op.execute(sa.update(prompts).where(prompts.c.tags.is_(None)).values(tags='[]'))",
        TABLE + "op.execute(sa.update(prompts).where(prompts.c.tags == None).values(tags='[]'))",
        TABLE
        + "some = sa.or_(prompts.c.tags == '', prompts.c.tags.is_not(None))\n"
        + "op.execute(sa.update(prompts).where(some).values(tags=1))",
        TABLE + "change = sa.update(prompts).values(tags='[]')\nop.get_bind().execute(change)",
        TABLE + "op.execute(sa.insert(sa.table('notes')).from_select(['id'], sa.select(prompts.c.id)))",
        "op.execute(sa.table('prompts', sa.column('tags')).update().values(tags='[]'))",
    ],
)
def test_whole_table_is_found_however_it_is_written(call: str) -> None:
    (found,) = findings_in(migration(call, above="from textwrap import dedent"))

    assert found.code == "AFM201"
    assert "all rows of" in found.message


@pytest.mark.parametrize(
    "call",
    [
        TABLE + "op.execute(prompts.update().where(prompts.c.id == 'one').values(tags='[]'))",
        TABLE
        + "op.execute(sa.update(prompts).where(prompts.c.tags.is_(None), prompts.c.id > last).values(tags=1))",
        TABLE + "op.execute(sa.update(prompts).where(prompts.c.id.in_(some)).values(tags='[]'))",
        TABLE + "op.execute(sa.insert(prompts).values(id='one'))",
        TABLE + "op.bulk_insert(prompts, [{'id': 'one'}])",
        TABLE + "op.execute(sa.insert(prompts).from_select(['id'], sa.select(prompts.c.id).limit(500)))",
        "settings = {}\nsettings.update(a=1)\nop.execute(settings)",
        "op.execute(statement_of_somebody())",
        "op.execute(*statements)",
    ],
)
def test_what_is_bounded_or_cannot_be_read_is_fine(call: str) -> None:
    assert codes(call) == ""


READ = "op.get_bind().execute(sa.text('SELECT id, name FROM prompts'))"


@pytest.mark.parametrize(
    "loop",
    [
        f"for row in {READ}:\n    print(row)",
        f"for row in {READ}.fetchall():\n    print(row)",
        f"for index, row in enumerate({READ}.mappings().all()):\n    print(row)",
        f"rows = {READ}.all()\nfor row in rows:\n    print(row)",
        f"result = {READ}\nnames = [row.name for row in result.scalars()]",
        f"op.bulk_insert(sa.table('notes'), [dict(row) for row in list({READ}.mappings())])",
        TABLE + "for row in op.get_bind().execute(sa.select(prompts.c.id)):\n    print(row)",
        TABLE
        + "for row in op.get_bind().execute(sa.select(prompts).where(prompts.c.tags.is_(None))):\n    print(row)",
        "for name in op.get_bind().scalars('SELECT name FROM prompts WHERE name IS NOT NULL'):\n    print(name)",
    ],
)
def test_loop_over_all_rows_is_found(loop: str) -> None:
    assert codes(loop) == "AFM202"


@pytest.mark.parametrize(
    "loop",
    [
        READ,
        f"first = {READ}.first()",
        "for row in op.get_bind().execute(sa.text('SELECT id FROM prompts LIMIT 500')):\n    print(row)",
        "for row in op.get_bind().execute(sa.text('SELECT id FROM prompts WHERE id > :a'), {'a': 1}):\n    print(row)",
        "for row in op.get_bind().execute(sa.text('SELECT DISTINCT user_id FROM prompts')):\n    print(row)",
        "for row in op.get_bind().execute(sa.text('SELECT name FROM sqlite_master')):\n    print(row)",
        "for row in op.get_bind().execute(sa.text('PRAGMA table_info(prompts)')):\n    print(row)",
        TABLE + "for row in op.get_bind().execute(sa.select(prompts.c.id).limit(500)):\n    print(row)",
        TABLE + "for row in op.get_bind().execute(sa.select(sa.func.max(prompts.c.id))):\n    print(row)",
        TABLE
        + "part = sa.select(prompts.c.id).limit(9).subquery()\n"
        + "for row in op.get_bind().execute(sa.select(part.c.id)):\n    print(row)",
        "for name in ('a', 'b'):\n    print(name)",
        f"{READ}\nfor name in ('a', 'b'):\n    print(name)",
        """
        connection = op.get_bind()
        while rows := connection.execute(sa.text('SELECT id FROM prompts WHERE tags IS NULL LIMIT 500')).all():
            for row in rows:
                connection.execute(sa.text('UPDATE prompts SET tags = 1 WHERE id = :id'), {'id': row.id})
        """,
    ],
)
def test_read_that_is_bounded_or_no_loop_is_fine(loop: str) -> None:
    assert codes(loop) == ""


@pytest.mark.parametrize(
    "call",
    [
        "op.execute(f'DROP INDEX {name}')",
        "op.execute('DROP INDEX %s' % name)",
        "op.execute('DROP INDEX {}'.format(name))",
        "op.execute('DROP INDEX ' + name)",
        "op.execute(name + ' DROP INDEX')",
        "op.execute(sa.text(f'DROP INDEX {name}'))",
        "op.execute(text(f'DROP INDEX {name}'))",
        "op.get_bind().exec_driver_sql(f'DROP INDEX {name}')",
        "sql = f'DROP INDEX {name}'\nop.execute(sql)",
        "sql = 'DROP INDEX %s'\nop.execute(sql % name)",
        "for sql in (f'DROP INDEX {name}', 'SELECT 1'):\n    op.execute(sql)",
        "op.add_column('prompts', sa.Column('n', sa.Text(), server_default=sa.text(f'({name})')))",
        "op.create_index('i', 'prompts', ['tags'], sqlite_where=sa.text('tags = ' + name))",
    ],
)
def test_built_sql_is_found_once(call: str) -> None:
    assert codes(call, above="from sqlalchemy import text\nname = str(1)") == "AFM203"


@pytest.mark.parametrize(
    "call",
    [
        "op.execute('DROP INDEX ' + 'a')",
        "op.execute('DROP INDEX ' 'a')",
        "op.execute(f'DROP INDEX a')",
        "op.execute(\"UPDATE prompts SET tags = '10 %' WHERE id = 'a'\")",
        "op.execute(sa.text('UPDATE prompts SET tags = :tags WHERE id = :id').bindparams(tags='{}', id=name))",
        "op.execute(name)",
        "print(f'{name}')",
        "op.create_table('notes', sa.Column('id'), comment=f'{name}')",
        "op.execute(sa.text(name))",
    ],
)
def test_sql_that_is_written_out_is_fine(call: str) -> None:
    assert codes(call, above="name = str(1)") == ""


def test_deleted_rows_must_be_declared() -> None:
    delete = executing("DELETE FROM evaluations WHERE prompt_id = 'x'")

    assert codes(delete) == "AFM204"
    assert codes(delete, above="may_lose_rows = ('evaluations',)") == ""
    assert codes(delete, above="may_lose_rows: tuple[str, ...] = ['evaluations', 'prompts']") == ""
    assert codes(delete, above="may_lose_rows = ('prompts',)") == "AFM204"
    assert codes("op.create_index('i', 'prompts', ['tags'])", delete) == "AFM204"
    assert codes(executing("UPDATE evaluations SET prompt_id = 'y' WHERE prompt_id = 'x'")) == ""
    table = "evaluations = sa.table('evaluations', sa.column('id'))\n"
    assert codes(table + "op.execute(sa.delete(evaluations).where(evaluations.c.id == 'x'))") == "AFM204"


@pytest.mark.parametrize("written", ["'evaluations'", "('evaluations', 1)", "tables()", "None"])
def test_declaration_that_a_run_could_not_read_is_found(written: str) -> None:
    delete = executing("DELETE FROM evaluations WHERE prompt_id = 'x'")

    (found,) = findings_in(migration(delete, above=f"may_lose_rows = {written}"))

    assert (found.code, found.line) == ("AFM204", 5)


def test_batches_in_a_loop_are_the_recipe() -> None:
    loop = """
    connection = op.get_bind()
    after = ""
    while True:
        upto = connection.scalar(
            sa.text("SELECT max(id) FROM (SELECT id FROM prompts WHERE id > :after ORDER BY id LIMIT 500)"),
            {"after": after},
        )
        if upto is None:
            break
        connection.execute(
            sa.text("UPDATE prompts SET tags = '[]' WHERE id > :after AND id <= :upto AND tags IS NULL"),
            {"after": after, "upto": upto},
        )
        after = upto
    """
    assert codes(loop) == ""
    assert codes(f"if True:\n{indent(loop, '    ')}") == ""
