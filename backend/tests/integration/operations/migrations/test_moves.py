"""Moving a database that holds rows, on both backends: what goes well, and what is undone."""

import pytest
from sqlalchemy import text

from src.core.config.settings.base import AppEnv
from src.infrastructure.shared.database.local_sqlite import EngineRole
from src.infrastructure.shared.database.turso_connection import TursoConnection
from src.operations.migrations.alembic_commands import MigrationFailedError
from src.operations.migrations.lock import MigrationLockHeldError
from src.operations.migrations.migrations import Migrations
from src.operations.migrations.safeguards import MigrationRefusedError
from tests.integration.operations.migrations.databases import counts, rows_and_schema
from tests.integration.operations.migrations.revisions import HEAD, REBUILD_PROMPTS, Scripts

# --- what goes well ---------------------------------------------------------------------------------------------------


def test_rebuilding_prompts_keeps_every_row_below_them(filled: TursoConnection, scripts: Scripts) -> None:
    _, schema, rows = rows_and_schema(filled)
    assert all(rows[table] for table in ("prompts", "prompt_versions", "evaluations", "test_results"))
    migrations = scripts.write(REBUILD_PROMPTS, downgrade=REBUILD_PROMPTS)
    said: list[str] = []

    moved = migrations.upgrade(notice=said.append)

    assert ([found.id for found in moved.applied], moved.current) == (["9001"], "9001")
    assert rows_and_schema(filled) == ("9001", schema, rows)
    assert "9001: Made by a test" in said
    assert [found.id for found in migrations.downgrade("-1").applied] == ["9001"]
    assert rows_and_schema(filled) == (HEAD, schema, rows)


def test_several_migrations_are_told_one_by_one(scripts: Scripts) -> None:
    scripts.write(REBUILD_PROMPTS)
    migrations = scripts.write(REBUILD_PROMPTS, revision="9002", after="9001")
    said: list[str] = []

    assert [found.id for found in migrations.upgrade("9001").applied] == ["9001"]
    assert [found.id for found in migrations.to_apply("head")] == ["9002"]
    assert migrations.to_apply("9001") == ()
    moved = migrations.upgrade(notice=said.append)

    assert [found.id for found in moved.applied] == ["9002"]
    assert all(found.seconds > 0 for found in moved.applied)
    assert any(line.startswith("9002: ") for line in said)


# --- what fails -------------------------------------------------------------------------------------------------------


def test_migration_that_fails_half_way_leaves_schema_and_rows_untouched(
    filled: TursoConnection, scripts: Scripts
) -> None:
    before = rows_and_schema(filled)
    migrations = scripts.write(
        f"{REBUILD_PROMPTS}\n"
        "    op.execute('UPDATE prompts SET title = 1')\n"
        "    op.execute('INSERT INTO prompts (id) VALUES (NULL)')"
    )

    with pytest.raises(MigrationFailedError) as failed:
        migrations.upgrade()

    assert str(failed.value).splitlines()[:3] == [
        "9001 (Made by a test) failed: NOT NULL constraint failed: prompts.name.",
        "  Statement: INSERT INTO prompts (id) VALUES (NULL)",
        f"The database is as it was, at {HEAD}.",
    ]
    assert rows_and_schema(filled) == before
    assert migrations.holder() is None


def test_fault_in_the_migration_itself_is_told_with_its_line(
    filled: TursoConnection, scripts: Scripts
) -> None:
    before = rows_and_schema(filled)
    migrations = scripts.write("op.drop_table('test_results')\n1 / 0")

    with pytest.raises(MigrationFailedError) as failed:
        migrations.upgrade()

    assert "9001 (Made by a test) failed: ZeroDivisionError: division by zero." in str(failed.value)
    line = 1 + (scripts.folder / "9001.py").read_text().splitlines().index("    1 / 0")
    assert f"Line: 9001.py:{line}\n" in str(failed.value)
    assert rows_and_schema(filled) == before


def test_migrations_before_the_one_that_failed_stay_and_are_told(
    filled: TursoConnection, scripts: Scripts
) -> None:
    scripts.write(REBUILD_PROMPTS)
    migrations = scripts.write("1 / 0", revision="9002", after="9001")

    with pytest.raises(MigrationFailedError, match=r"migrations before it were done and stay.*at 9001"):
        migrations.upgrade()

    assert rows_and_schema(filled)[0] == "9001"


def test_what_a_migration_committed_on_the_way_is_told(filled: TursoConnection, scripts: Scripts) -> None:
    migrations = scripts.write(
        "with op.get_context().autocommit_block():\n    op.execute('CREATE TABLE half (x INTEGER)')\n1 / 0"
    )

    with pytest.raises(MigrationFailedError) as failed:
        migrations.upgrade()

    assert f"at {HEAD}, but parts were committed on the way" in str(failed.value)
    assert "+ table half" in str(failed.value)


@pytest.mark.parametrize(
    ("after_it", "told"),
    [
        ("1 / 0", "failed: ZeroDivisionError"),
        ("", "failed: The migration loses rows: test_results has 0 rows of 2"),
    ],
)
def test_rows_that_a_migration_committed_on_the_way_are_not_called_untouched(
    filled: TursoConnection, scripts: Scripts, after_it: str, told: str
) -> None:
    migrations = scripts.write(
        f"with op.get_context().autocommit_block():\n    op.execute('DELETE FROM test_results')\n{after_it}"
    )

    with pytest.raises(MigrationFailedError) as failed:
        migrations.upgrade()

    assert counts(filled)["test_results"] == 0
    assert told in str(failed.value)
    assert str(failed.value).splitlines()[-1] == (
        f"The database is at {HEAD}, but the migration commits on the way: what it did by then stays."
    )


@pytest.mark.parametrize(
    ("upgrade", "lost"),
    [
        ("op.execute('DELETE FROM test_results')", "test_results has 0 rows of 2"),
        ("op.drop_table('test_results')", "test_results has 0 rows of 2"),
        ("op.rename_table('test_results', 'answers')", "test_results has 0 rows of 2"),
    ],
)
def test_migration_that_loses_rows_is_undone_and_told_how_to_mean_it(
    filled: TursoConnection, scripts: Scripts, upgrade: str, lost: str
) -> None:
    before = rows_and_schema(filled)
    migrations = scripts.write(upgrade)

    with pytest.raises(MigrationFailedError) as failed:
        migrations.upgrade()

    assert f"The migration loses rows: {lost}" in str(failed.value)
    assert "may_lose_rows = " in str(failed.value)
    assert rows_and_schema(filled) == before


def test_migration_may_lose_the_rows_that_it_says(filled: TursoConnection, scripts: Scripts) -> None:
    migrations = scripts.write(
        "op.execute('DELETE FROM test_results')", declared='may_lose_rows = ("test_results",)'
    )

    migrations.upgrade()

    assert counts(filled)["test_results"] == 0


def test_declaration_that_is_no_list_of_tables_is_refused(scripts: Scripts) -> None:
    migrations = scripts.write(
        "op.execute('DELETE FROM test_results')", declared='may_lose_rows = "test_results"'
    )

    with pytest.raises(MigrationFailedError, match="write a tuple"):
        migrations.upgrade()


def test_going_back_may_drop_tables_but_not_lose_rows_of_those_that_stay(
    filled: TursoConnection, scripts: Scripts
) -> None:
    migrations = scripts.write(REBUILD_PROMPTS, downgrade="op.execute('DELETE FROM test_results')")
    migrations.upgrade()
    before = rows_and_schema(filled)

    with pytest.raises(MigrationFailedError, match=r"Going back over 9001 .* loses rows: test_results"):
        migrations.downgrade(HEAD)

    assert rows_and_schema(filled) == before


def test_references_that_were_broken_before_do_not_stand_in_the_way(
    filled: TursoConnection, scripts: Scripts
) -> None:
    """Else nobody could migrate to mend them. Another program broke them, with foreign keys off."""
    scripts.write(
        "op.execute(\"DELETE FROM prompts WHERE name = 'parent'\")", declared='may_lose_rows = ("prompts",)'
    )
    with filled.engine(EngineRole.WRITE).connect() as connection:
        raw = connection.connection.dbapi_connection
        if hasattr(raw, "sticky"):
            raw.sticky = True
        raw.execute("PRAGMA foreign_keys=OFF")
        connection.execute(text("UPDATE evaluations SET prompt_id = 'nobody'"))
        connection.commit()
        connection.invalidate()
    before = rows_and_schema(filled)

    with pytest.raises(MigrationFailedError, match="breaks foreign keys: 1 of prompt_versions to prompts, "):
        scripts.migrations().upgrade()
    assert rows_and_schema(filled) == before
    scripts.write(REBUILD_PROMPTS).upgrade()

    assert counts(filled)["evaluations"] == 1


def test_migration_that_the_models_do_not_know_is_told_after_it(scripts: Scripts) -> None:
    migrations = scripts.write("op.create_table('notes', sa.Column('x', sa.Text()))")

    with pytest.raises(
        MigrationRefusedError, match=r"expects another schema(.|\n)*- table notes(.|\n)*db check"
    ):
        migrations.upgrade()


def test_lock_that_was_lost_on_the_way_undoes_the_migration(
    filled: TursoConnection, scripts: Scripts
) -> None:
    before = rows_and_schema(filled)
    migrations = scripts.write("op.execute(\"UPDATE _migration_lock SET owner = 'elsewhere/1/abc'\")")

    with pytest.raises(MigrationFailedError, match="another runner may have it now"):
        migrations.upgrade()

    assert rows_and_schema(filled) == before


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("app_env", [AppEnv.STAGING, AppEnv.PRODUCTION])
@pytest.mark.parametrize("target", ["base", "-1"])
def test_going_back_to_the_beginning_is_refused_outside_local(
    filled: TursoConnection, scripts: Scripts, app_env: AppEnv, target: str
) -> None:
    assert len(scripts.migrations().chain) == 1  # else "-1" is not the beginning
    before = rows_and_schema(filled)

    with pytest.raises(MigrationRefusedError, match="would drop every table"):
        scripts.migrations(app_env).downgrade(target)

    assert rows_and_schema(filled) == before


def test_runner_that_does_not_wait_leaves_when_another_is_at_work(
    filled: TursoConnection, scripts: Scripts
) -> None:
    migrations = scripts.write(REBUILD_PROMPTS)
    other = Migrations(filled, versions=migrations.versions)

    at_work = other.locked("upgrade from here to there", notice=print, wait=True)
    with at_work, pytest.raises(MigrationLockHeldError, match="upgrade from here to there"):
        migrations.upgrade(wait=False)


# --- stamp and drift --------------------------------------------------------------------------------------------------


def forget_revision(database: TursoConnection) -> None:
    with database.engine(EngineRole.WRITE).begin() as connection:
        connection.execute(text("DROP TABLE alembic_version"))


@pytest.mark.parametrize("app_env", list(AppEnv))
def test_stamp_is_written_when_the_schema_proves_it(
    filled: TursoConnection, scripts: Scripts, app_env: AppEnv
) -> None:
    before = rows_and_schema(filled)
    forget_revision(filled)

    scripts.migrations(app_env).stamp("head")

    assert rows_and_schema(filled) == before


def test_stamp_corrects_a_revision_that_nobody_knows(filled: TursoConnection, scripts: Scripts) -> None:
    with filled.engine(EngineRole.WRITE).begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'lost'"))

    scripts.migrations().stamp(HEAD)

    assert scripts.migrations().status().current == HEAD


def test_stamp_is_refused_with_the_differences(filled: TursoConnection, scripts: Scripts) -> None:
    forget_revision(filled)
    with filled.engine(EngineRole.WRITE).begin() as connection:
        connection.execute(text("ALTER TABLE prompts ADD COLUMN surprise TEXT"))
        connection.execute(text("DROP INDEX idx_prompts_user_id"))

    with pytest.raises(MigrationRefusedError) as refused:
        scripts.migrations().stamp("head")

    said = str(refused.value)
    assert f"is not that of {HEAD}; nothing was changed" in said
    assert "+ column prompts.surprise TEXT" in said
    assert "- index" in said
    assert scripts.migrations().status().current is None


def test_no_drift_where_all_agree(scripts: Scripts) -> None:
    drift = scripts.migrations().drift()

    assert not drift
    assert (drift.current, drift.models, drift.live, drift.pending) == (HEAD, (), (), ())


def test_drift_is_told_apart_by_who_differs(filled: TursoConnection, scripts: Scripts) -> None:
    with filled.engine(EngineRole.WRITE).begin() as connection:
        connection.execute(text("ALTER TABLE prompts ADD COLUMN by_hand TEXT"))
    migrations = scripts.write("op.add_column('prompts', sa.Column('by_script', sa.Text()))")

    drift = migrations.drift()

    assert drift
    assert drift.live == ("+ column prompts.by_hand TEXT",)
    assert drift.models == ("- column prompts.by_script TEXT",)
    assert [found.id for found in drift.pending] == ["9001"]


def test_everything_is_pending_in_a_database_that_is_not_there(fresh: TursoConnection) -> None:
    drift = Migrations(fresh).drift()

    assert (drift.current, drift.models, drift.live) == (None, (), ())
    assert drift.pending == Migrations(fresh).chain
    if fresh.is_local:
        assert not fresh.path.exists()
