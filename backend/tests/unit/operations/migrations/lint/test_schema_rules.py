from textwrap import dedent, indent

import pytest

from tests.unit.operations.migrations.lint.snippets import codes, findings_in, migration

CONTRACT = "# autoforge: contract nothing reads it since release 1.4"


@pytest.mark.parametrize(
    ("upgrade", "said"),
    [
        ("op.drop_column('prompts', 'tags')", "drops prompts.tags,"),
        ("op.drop_column(table_name='prompts', column_name='tags')", "drops prompts.tags,"),
        ("with op.batch_alter_table('prompts') as b:\n    b.drop_column('tags')", "drops prompts.tags,"),
        ("op.drop_constraint('ck_prompts_status', 'prompts')", "drops ck_prompts_status of prompts"),
        (
            "with op.batch_alter_table('prompts') as b:\n    b.drop_constraint(op.f('ck_a'), type_='check')",
            "drops ck_a of prompts",
        ),
        ("op.execute('ALTER TABLE prompts DROP COLUMN tags')", "drops prompts.tags,"),
        ("op.execute('alter table main.\"prompts\" drop tags')", "drops prompts.tags,"),
        ("for name in ('tags', 'x'):\n    op.drop_column('prompts', name)", "drops prompts.tags,"),
    ],
)
def test_drop_in_one_step_is_found(upgrade: str, said: str) -> None:
    found = findings_in(migration(upgrade))

    assert {finding.code for finding in found} == {"AFM101"}
    assert said in found[0].message
    assert codes(upgrade, above=CONTRACT) == ""


@pytest.mark.parametrize(
    "upgrade",
    [
        "op.drop_table('prompts')",
        "op.execute('DROP TABLE IF EXISTS prompts')",
        "op.execute('drop table [prompts]')",
    ],
)
def test_dropped_table_is_found_and_needs_a_declaration_too(upgrade: str) -> None:
    declared = "may_lose_rows = ('prompts',)\n"

    assert codes(upgrade) == "AFM101 AFM204"
    assert codes(upgrade, above=CONTRACT) == "AFM204"
    assert codes(upgrade, above=declared) == "AFM101"
    assert codes(upgrade, above=declared + CONTRACT) == ""


@pytest.mark.parametrize(
    "upgrade",
    [
        "op.create_table('mine', sa.Column('id'))\nop.drop_table('mine')",
        "op.create_table('mine', sa.Column('id'))\nop.drop_column('mine', 'id')",
        "op.execute('CREATE TABLE mine (id)')\nop.execute('DROP TABLE mine')",
        "op.add_column('prompts', sa.Column('step', sa.Text()))\nop.drop_column('prompts', 'step')",
        "op.execute('DROP TABLE IF EXISTS _alembic_tmp_prompts')",
        "op.drop_index('idx_prompts_tags')",
        "op.execute('DROP INDEX idx_prompts_tags')",
        "op.execute('CREATE TRIGGER t AFTER INSERT ON prompts BEGIN DELETE FROM evaluations; END')",
        """
        with op.batch_alter_table('prompts') as b:
            b.drop_constraint('ck_prompts_status', type_='check')
            b.create_check_constraint('ck_prompts_status', "status IN ('draft', 'active', 'paused')")
        """,
    ],
)
def test_what_nobody_misses_may_be_dropped(upgrade: str) -> None:
    assert codes(upgrade) == ""


def test_downgrade_drops_what_the_upgrade_made() -> None:
    add = "op.add_column('prompts', sa.Column('note', sa.Text()))"

    assert codes(add, "op.drop_column('prompts', 'note')\nop.drop_table('prompts')") == ""


def test_functions_are_judged_by_who_calls_them() -> None:
    helper = "def _drop():\n    op.drop_column('prompts', 'tags')\n"

    assert codes("_drop()", above=helper) == "AFM101"
    assert codes("op.create_index('i', 'prompts', ['tags'])", "_drop()", above=helper) == ""
    assert codes("op.create_index('i', 'prompts', ['tags'])", above=helper) == ""


@pytest.mark.parametrize(
    "upgrade",
    [
        "op.alter_column('prompts', 'tags', new_column_name='labels')",
        "with op.batch_alter_table('prompts') as b:\n    b.alter_column('tags', new_column_name='labels')",
        "op.execute('ALTER TABLE prompts RENAME COLUMN tags TO labels')",
        "op.execute('ALTER TABLE prompts RENAME tags TO labels')",
    ],
)
def test_rename_in_one_step_is_found(upgrade: str) -> None:
    assert codes(upgrade) == "AFM102"
    assert codes(upgrade, above=CONTRACT) == ""


@pytest.mark.parametrize(
    "upgrade",
    ["op.rename_table('evaluations', 'runs')", "op.execute('ALTER TABLE evaluations RENAME TO runs')"],
)
def test_renamed_table_is_found_and_needs_a_declaration_too(upgrade: str) -> None:
    """A run counts the rows under the old name, where there are none afterwards."""
    declared = "may_lose_rows = ('evaluations',)\n"

    assert codes(upgrade) == "AFM102 AFM204"
    assert codes(upgrade, above=declared + CONTRACT) == ""


def test_what_the_migration_made_may_be_renamed() -> None:
    assert codes("op.create_table('a', sa.Column('x'))\nop.rename_table('a', 'b')") == ""
    assert codes("op.alter_column('prompts', 'tags', type_=sa.JSON())") == ""


@pytest.mark.parametrize(
    "upgrade",
    [
        "op.add_column('prompts', sa.Column('note', sa.Text(), nullable=False))",
        "column = sa.Column('note', sa.Text(), nullable=False)\nop.add_column('prompts', column)",
        "op.add_column('prompts', sa.Column('note', sa.Text(), nullable=False, server_default=None))",
        "with op.batch_alter_table('prompts') as b:\n    b.add_column(sa.Column('note', sa.Text(), nullable=False))",
        "op.alter_column('prompts', 'tags', nullable=False)",
        "with op.batch_alter_table('prompts') as b:\n    b.alter_column('tags', nullable=False, type_=sa.JSON())",
        "op.execute('ALTER TABLE prompts ADD COLUMN note TEXT NOT NULL')",
    ],
)
def test_required_column_without_default_is_found(upgrade: str) -> None:
    assert codes(upgrade) == "AFM103"
    assert codes(upgrade, above=CONTRACT) == ""


@pytest.mark.parametrize(
    "upgrade",
    [
        "op.add_column('prompts', sa.Column('note', sa.Text()))",
        "op.add_column('prompts', sa.Column('note', sa.Text(), nullable=False, server_default=''))",
        "op.add_column('prompts', sa.Column('n', sa.Integer(), sa.Computed('length(tags)'), nullable=False))",
        "op.alter_column('prompts', 'tags', nullable=False, server_default='[]')",
        "op.alter_column('prompts', 'tags', nullable=False, existing_server_default='[]')",
        "op.alter_column('prompts', 'tags', existing_nullable=False, nullable=False, type_=sa.JSON())",
        "op.alter_column('prompts', 'tags', nullable=True)",
        "op.create_table('mine', sa.Column('id', sa.Text(), nullable=False))",
        "op.create_table('mine', sa.Column('id'))\nop.add_column('mine', sa.Column('x', sa.Text(), nullable=False))",
        "op.execute(\"ALTER TABLE prompts ADD COLUMN note TEXT NOT NULL DEFAULT ''\")",
        "op.execute('ALTER TABLE prompts ADD n INTEGER NOT NULL GENERATED ALWAYS AS (1)')",
        "op.execute('ALTER TABLE prompts ADD note TEXT CHECK (note IS NOT NULL)')",
    ],
)
def test_column_that_the_running_release_can_live_with_is_fine(upgrade: str) -> None:
    assert codes(upgrade) == ""


def test_downgrade_that_must_fail_on_rows_is_found() -> None:
    drop = "op.drop_column('prompts', 'tags')"
    add = "op.add_column('prompts', sa.Column('tags', sa.Text(), nullable=False))"

    assert codes(drop, add, above=CONTRACT) == "AFM104"
    assert codes(drop, add.replace("False", "False, server_default='[]'"), above=CONTRACT) == ""
    assert codes(drop, "op.alter_column('prompts', 'tags', nullable=False)", above=CONTRACT) == ""


@pytest.mark.parametrize(
    "upgrade",
    [
        """
        op.create_table('new', sa.Column('id', sa.Text(), primary_key=True))
        op.execute('DROP TABLE prompts')
        op.execute('ALTER TABLE new RENAME TO prompts')
        """,
        """
        op.execute('ALTER TABLE prompts RENAME TO old')
        op.execute('CREATE TABLE prompts (id TEXT PRIMARY KEY)')
        """,
        """
        op.create_table('new', sa.Column('id', sa.Text(), primary_key=True))
        op.rename_table('prompts', 'old')
        op.rename_table('new', 'prompts')
        """,
    ],
)
def test_parent_rebuilt_by_hand_is_found_up_and_down(upgrade: str) -> None:
    assert codes(upgrade, above=CONTRACT) == "AFM304"
    assert codes("op.create_index('i', 'prompts', ['tags'])", upgrade) == "AFM304"
    assert codes(upgrade.replace("prompts", "evaluations"), above=CONTRACT) == ""


@pytest.mark.parametrize(
    "upgrade",
    [
        "with op.batch_alter_table('prompts') as b:\n    b.add_column(sa.Column('note', sa.Text()))",
        "op.rename_table('prompts', 'texts')",
        "op.drop_table('prompts')",
    ],
)
def test_parent_that_is_changed_otherwise_is_not_rebuilt_by_hand(upgrade: str) -> None:
    assert "AFM304" not in codes(upgrade)


def test_parents_are_read_from_the_migrations_themselves() -> None:
    rebuild = """
        op.execute('CREATE TABLE new (id TEXT)')
        op.execute('DROP TABLE evaluations')
        op.execute('ALTER TABLE new RENAME TO evaluations')
    """
    refer = (
        "op.execute('CREATE TABLE notes (id TEXT, evaluation_id TEXT REFERENCES evaluations(id))')",
        "op.execute('ALTER TABLE prompts ADD best TEXT REFERENCES evaluations')",
        "op.add_column('prompts', sa.Column('best', sa.Text(), sa.ForeignKey('evaluations.id')))",
        "op.create_foreign_key('fk_best', 'prompts', 'evaluations', ['best'], ['id'])",
        "with op.batch_alter_table('prompts') as b:\n    b.create_foreign_key('fk', 'evaluations', ['best'], ['id'])",
    )

    assert codes(rebuild, above=CONTRACT) == ""
    for one in refer:
        helper = "def _refer():\n" + indent(one, "    ")
        assert codes("_refer()\n" + dedent(rebuild), above=f"{CONTRACT}\n{helper}\n") == "AFM304", one
