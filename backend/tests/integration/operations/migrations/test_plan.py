"""A plan tells what an upgrade would do, and the database is none the wiser. On both backends."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from src.infrastructure.shared.database.turso_connection import TursoConnection
from src.operations.backup.backups import Backups
from src.operations.backup.folder import digest_of
from src.operations.migrations.migrations import Migrations
from src.operations.migrations.plan import Plan, plan_upgrade
from src.operations.migrations.revisions import NoSuchRevisionError
from tests.backends import on_sqlite
from tests.integration.operations.migrations.databases import rows_and_schema
from tests.integration.operations.migrations.revisions import HEAD, REBUILD_PROMPTS, Scripts


def plan_of(scripts: Scripts, backups: Backups, upgrade: str, **more: str) -> Plan:
    return plan_upgrade(scripts.write(upgrade, **more), backups)


def test_plan_tells_schema_rows_and_time(scripts: Scripts, backups: Backups, filled: TursoConnection) -> None:
    plan = plan_of(
        scripts,
        backups,
        """
        op.add_column("prompts", sa.Column("note", sa.Text(), server_default="neu"))
        op.create_table("notes", sa.Column("id", sa.Integer(), primary_key=True))
        op.execute("INSERT INTO notes SELECT row_number() OVER () FROM prompts")
        """,
    )

    (step,) = plan.steps
    assert (plan.url, plan.current, plan.revision) == (filled.get_connection_url(), HEAD, "9001")
    assert (step.id, step.title) == ("9001", "Made by a test")
    assert [str(change) for change in step.changes] == [
        "+ table notes (id)",
        "+ column prompts.note TEXT DEFAULT 'neu'",
    ]
    assert "notes" not in step.rows_before
    assert (step.rows_after["notes"], step.rows_after["prompts"]) == (2, 2)
    assert step.seconds > 0
    assert (plan.dangers, plan.failure) == ((), None)


@pytest.mark.parametrize(
    ("upgrade", "danger"),
    [
        ('op.drop_table("test_results")', "9001: - table test_results: its rows are deleted"),
        (
            'with op.batch_alter_table("prompts") as batch:\n    batch.drop_column("description")',
            "9001: - column prompts.description TEXT: its values are deleted",
        ),
        ("op.execute('DELETE FROM test_results')", "9001: test_results loses 2 rows"),
        (
            'with op.batch_alter_table("evaluations") as batch:\n'
            '    batch.alter_column("model", type_=sa.String(100))',
            "9001: ~ column evaluations.model VARCHAR(255) → VARCHAR(100): type narrowed: values may not fit",
        ),
        (
            'with op.batch_alter_table("prompts") as batch:\n    batch.drop_index("idx_prompts_user_id")',
            "9001: - index idx_prompts_user_id (user_id) on prompts: queries that use it become slow",
        ),
    ],
)
def test_what_is_destructive_is_named(scripts: Scripts, backups: Backups, upgrade: str, danger: str) -> None:
    plan = plan_of(scripts, backups, upgrade, declared='may_lose_rows = ("test_results",)')

    assert plan.failure is None
    assert danger in plan.dangers


def test_not_null_that_rows_do_not_meet_fails_on_the_copy(
    scripts: Scripts, backups: Backups, filled: TursoConnection
) -> None:
    plan = plan_of(
        scripts,
        backups,
        'with op.batch_alter_table("prompts") as batch:\n    batch.alter_column("description", nullable=False)',
    )

    assert plan.steps == ()
    assert "NOT NULL constraint failed" in (plan.failure or "")
    assert [revision.id for revision in plan.pending] == ["9001"]


def test_steps_before_the_one_that_fails_are_told(scripts: Scripts, backups: Backups) -> None:
    scripts.write('op.add_column("prompts", sa.Column("note", sa.Text()))')
    plan = plan_upgrade(
        scripts.write("raise ZeroDivisionError('on purpose')", revision="9002", after="9001"), backups
    )

    assert [step.id for step in plan.steps] == ["9001"]
    assert "9002" in (plan.failure or "")
    assert "on purpose" in (plan.failure or "")


def test_plan_can_stop_before_the_newest(scripts: Scripts, backups: Backups) -> None:
    scripts.write("pass")
    migrations = scripts.write("raise ZeroDivisionError", revision="9002", after="9001")

    assert [step.id for step in plan_upgrade(migrations, backups, "9001").steps] == ["9001"]
    with pytest.raises(NoSuchRevisionError):
        plan_upgrade(migrations, backups, "nope")


def test_rebuilding_a_table_changes_nothing_that_counts(scripts: Scripts, backups: Backups) -> None:
    plan = plan_of(scripts, backups, REBUILD_PROMPTS)

    assert plan.failure is None
    assert plan.steps[0].changes == ()
    assert plan.steps[0].rows_before == plan.steps[0].rows_after


def test_nothing_pending_needs_no_copy(filled: TursoConnection, backups: Backups, tmp_path: Path) -> None:
    plan = plan_upgrade(Migrations(filled), backups)

    assert (plan.pending, plan.steps, plan.failure) == ((), (), None)
    assert not backups.folder().path.exists()


# --- the database itself ----------------------------------------------------------------------------------------------

HARMFUL = """
    op.execute("DELETE FROM test_results")
    op.drop_table("prompt_templates")
    op.execute("UPDATE prompts SET content = 'gone'")
"""
DECLARED = 'may_lose_rows = ("test_results", "prompt_templates")'


@pytest.mark.parametrize("upgrade", [HARMFUL, HARMFUL + "    raise ZeroDivisionError"])
def test_database_is_only_read(
    scripts: Scripts, backups: Backups, filled: TursoConnection, upgrade: str
) -> None:
    before = rows_and_schema(filled)

    plan_of(scripts, backups, upgrade, declared=DECLARED)

    assert rows_and_schema(filled) == before
    assert [path.name for path in backups.folder().path.iterdir()] == [".lock"]


@on_sqlite
def test_file_stays_the_same_to_the_byte(scripts: Scripts, backups: Backups, filled: TursoConnection) -> None:
    filled.dispose()
    with closing(sqlite3.connect(filled.path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = digest_of(filled.path)

    plan_of(scripts, backups, HARMFUL, declared=DECLARED)

    assert digest_of(filled.path) == before
    log = filled.path.with_name(filled.path.name + "-wal")
    assert not log.exists() or log.stat().st_size == 0


def test_rows_of_others_meanwhile_do_not_disturb(
    scripts: Scripts, backups: Backups, filled: TursoConnection
) -> None:
    """Somebody has a write transaction open; the copy is of before it."""
    with filled.write_transaction() as connection:
        connection.exec_driver_sql("DELETE FROM test_results")

        plan = plan_of(scripts, backups, 'op.add_column("prompts", sa.Column("note", sa.Text()))')

    assert plan.steps[0].rows_before["test_results"] == 2


@on_sqlite
def test_absent_database_is_planned_on_an_empty_file(fresh: TursoConnection) -> None:
    backups = Backups(fresh, remote=None, known_revisions=lambda: {HEAD})

    plan = plan_upgrade(Migrations(fresh), backups)

    assert [step.id for step in plan.steps] == [revision.id for revision in plan.pending]
    assert plan.tried_on == "an empty file: there is no database yet"
    assert not fresh.path.exists()
