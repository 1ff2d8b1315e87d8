"""No database with rows is migrated before its backup, nor before the migrations worked on a copy. Both backends."""

import re
from pathlib import Path

import pytest

from src.core.config.settings.base import AppEnv, Settings
from src.infrastructure.shared.database.turso_connection import TursoConnection
from src.operations.backup.backups import Backups
from src.operations.backup.remote import Remote
from src.operations.migrations.alembic_commands import MigrationFailedError
from src.operations.migrations.migrations import Migrations
from src.operations.migrations.safeguards import MigrationRefusedError
from tests.integration.operations.migrations.databases import counts, rows_and_schema
from tests.integration.operations.migrations.revisions import HEAD, REBUILD_PROMPTS, Scripts


@pytest.fixture
def migrations(scripts: Scripts, backups: Backups) -> Migrations:
    """With precautions, and the migrations that the test writes before it first uses this."""
    return scripts.migrations(backups=backups)


def fails_the_second_time(marker: Path) -> str:
    """Works on the copy, and fails on the database itself."""
    return f"""
        from pathlib import Path
        if Path({str(marker)!r}).exists():
            raise ZeroDivisionError("only in earnest")
        Path({str(marker)!r}).touch()
    """


def test_upgrade_tries_on_a_copy_and_backs_up_first(
    filled: TursoConnection, scripts: Scripts, migrations: Migrations, backups: Backups
) -> None:
    scripts.write("op.execute('DELETE FROM test_results')", declared='may_lose_rows = ("test_results",)')
    before = counts(filled)
    said: list[str] = []

    moved = migrations.upgrade(notice=said.append)

    assert counts(filled)["test_results"] == 0
    [backup] = backups.backups()
    assert moved.backup == backup
    assert (dict(backup.rows), backup.revision) == (before, HEAD)
    assert backup.reason == f"before upgrade from {HEAD} to 9001"
    assert [line.split(":")[0].split(" on ")[0] for line in said] == [
        "Tried",
        "  destructive",
        "Backup",
        "9001",
    ]
    assert "test_results loses 2 rows" in said[1]


def test_downgrade_backs_up_first(scripts: Scripts, migrations: Migrations, backups: Backups) -> None:
    scripts.write(REBUILD_PROMPTS, downgrade=REBUILD_PROMPTS)
    migrations.upgrade()

    moved = migrations.downgrade("-1")

    assert moved.backup is not None
    assert (moved.backup.revision, moved.backup.reason) == ("9001", "before downgrade to -1")
    assert len(backups.backups()) == 2


def test_migration_that_fails_on_the_copy_never_touches_the_database(
    filled: TursoConnection, scripts: Scripts, migrations: Migrations, backups: Backups
) -> None:
    scripts.write("op.execute('DELETE FROM test_results')")
    before = rows_and_schema(filled)

    with pytest.raises(MigrationRefusedError) as refused:
        migrations.upgrade()

    said = str(refused.value)
    assert said.startswith(
        "Tried on a copy in a SQLite file: 9001 (Made by a test) failed: The migration loses rows"
    )
    assert said.endswith("itself was not touched.")
    assert (rows_and_schema(filled), backups.backups(), migrations.holder()) == (before, [], None)


def test_failure_in_earnest_after_other_migrations_tells_the_way_back(
    filled: TursoConnection, scripts: Scripts, migrations: Migrations, backups: Backups, tmp_path: Path
) -> None:
    scripts.write(REBUILD_PROMPTS)
    scripts.write(fails_the_second_time(tmp_path / "marker"), revision="9002", after="9001")

    with pytest.raises(MigrationFailedError) as failed:
        migrations.upgrade()

    [backup] = backups.backups()
    assert str(failed.value).splitlines()[-2:] == [
        "The migrations before it were done and stay; the database is at 9001.",
        f"The way back is the backup {backup.name}: autoforge db restore {backup.name}",
    ]


def test_failure_in_earnest_that_changed_nothing_needs_no_way_back(
    filled: TursoConnection, scripts: Scripts, migrations: Migrations, tmp_path: Path
) -> None:
    scripts.write(fails_the_second_time(tmp_path / "marker"))
    before = rows_and_schema(filled)

    with pytest.raises(MigrationFailedError) as failed:
        migrations.upgrade()

    assert str(failed.value).splitlines()[-1] == f"The database is as it was, at {HEAD}."
    assert rows_and_schema(filled) == before


def test_slow_migration_is_refused_for_a_remote_database_only(
    filled: TursoConnection, scripts: Scripts, migrations: Migrations
) -> None:
    scripts.write("import time\ntime.sleep(2.1)")

    if filled.is_local:
        assert migrations.upgrade().current == "9001"
        return
    with pytest.raises(MigrationRefusedError) as refused:
        migrations.upgrade()

    assert re.search(r": 9001 took \d+\.\d s\. ", str(refused.value))
    assert "docs/migrations.md" in str(refused.value)
    assert migrations.status().current == HEAD


def test_slow_migration_that_keeps_nobody_waiting_is_not_refused(
    scripts: Scripts, migrations: Migrations
) -> None:
    scripts.write("""
        import time
        with op.get_context().autocommit_block():
            for _ in range(3):
                op.execute("UPDATE prompts SET description = 'x' WHERE id = 'p'")
                time.sleep(0.7)
    """)

    assert migrations.upgrade().current == "9001"


@pytest.mark.parametrize("app_env", [AppEnv.STAGING, AppEnv.PRODUCTION])
def test_way_back_names_the_environment(scripts: Scripts, app_env: AppEnv) -> None:
    migrations = scripts.migrations(app_env)

    assert migrations.restore_command("b.db") == f"autoforge db restore b.db --env {app_env.value}"
    assert migrations.upgrade_command == f"autoforge db upgrade --env {app_env.value}"


def test_database_without_rows_has_nothing_to_back_up(
    fresh: TursoConnection, settings: Settings, tmp_path: Path
) -> None:
    remote = None if fresh.is_local else Remote(fresh.get_connection_url(), settings.turso_auth_token)
    backups = Backups(fresh, remote=remote, known_revisions=lambda: {HEAD})

    moved = Migrations(fresh, backups=lambda: backups).upgrade()

    assert (moved.backup, moved.current) == (None, HEAD)
    assert not list(tmp_path.rglob("backups"))
