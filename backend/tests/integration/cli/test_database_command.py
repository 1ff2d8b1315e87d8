import sqlite3
from pathlib import Path

from src.core.config.settings.base import load_settings
from src.infrastructure.shared.database.local_sqlite import EngineRole
from src.infrastructure.shared.database.turso_connection import TursoConnection
from src.operations.migrations.migrations import Migrations
from tests.integration.cli.harness import Cli

HEAD = Migrations(TursoConnection(load_settings())).chain[-1].id


def run_sql(statement: str) -> None:
    """By somebody else, on the database of the commands."""
    database = TursoConnection(load_settings())
    with database.engine(EngineRole.WRITE).begin() as connection:
        connection.exec_driver_sql(statement)
    database.dispose()


def test_first_command_makes_the_database_and_says_so(fresh_cli: Cli, database_file: Path) -> None:
    created = fresh_cli.done("prompt", "create", "--title", "T", "--content", "Hi", "--json")

    assert created.err == f"Created database {database_file}\n"
    assert created.json["version"] == 1
    assert fresh_cli.done("prompt", "list").err == ""


def test_file_that_a_dead_process_left_empty_counts_as_absent(fresh_cli: Cli, database_file: Path) -> None:
    database_file.parent.mkdir()
    sqlite3.connect(database_file).execute("PRAGMA journal_mode=WAL").connection.close()
    assert "Created database" in fresh_cli.done("prompt", "list").err


def test_database_of_somebody_else_is_left_alone(fresh_cli: Cli, database_file: Path) -> None:
    database_file.parent.mkdir()
    connection = sqlite3.connect(database_file)
    connection.execute("CREATE TABLE theirs (x)")
    connection.execute("CREATE TABLE theirs_too (x)")
    connection.close()

    said = fresh_cli.refused("prompt", "list", code=1)

    assert "has no tables of ours" in said
    assert "autoforge db upgrade" in said


def test_status_tells_where_the_database_stands(fresh_cli: Cli, database_file: Path) -> None:
    before = fresh_cli.done("db", "status", "--json").json
    assert (before["current"], before["head"]) == (None, HEAD)
    assert "no tables of ours yet" in fresh_cli.done("db", "status").out
    assert not database_file.exists()

    fresh_cli.done("db", "upgrade")

    assert fresh_cli.done("db", "status", "--json").json == {
        "url": f"sqlite:///{database_file}",
        "database": database_file.name,
        "database_id": None,
        "app_env": "local",
        "current": HEAD,
        "head": HEAD,
        "pending": [],
        "migrating": None,
    }
    assert "nothing, it is current" in fresh_cli.done("db", "status").out


def test_upgrade_is_idempotent_and_has_a_dry_run(fresh_cli: Cli) -> None:
    dry = fresh_cli.done("db", "upgrade", "--dry-run")
    planned = fresh_cli.done("db", "upgrade", "--dry-run", "--json").json
    done = fresh_cli.done("db", "upgrade", "--json").json

    assert dry.out.startswith("Would apply:\n")
    assert planned["applied"] == []
    assert [found["id"] for found in planned["pending"]] == [found["id"] for found in done["applied"]]
    assert done["current"] == HEAD
    assert fresh_cli.done("db", "upgrade").out == f"Nothing to do: the database is at {HEAD}.\n"
    assert "no revision 'nope'" in fresh_cli.refused("db", "upgrade", "nope", code=2)


def test_downgrade_needs_yes_and_other_commands_then_say_what_to_do(cli: Cli) -> None:
    refused = cli("db", "downgrade", "base")
    assert (refused.code, refused.out) == (3, "")
    assert "repeat with --yes" in refused.err
    assert cli.done("db", "downgrade", "base", "--dry-run").out.startswith("Would undo:\n")
    assert cli.done("db", "downgrade", HEAD).out == f"Nothing to do: the database is at {HEAD}.\n"
    assert "no revision that the database has" in cli.refused("db", "downgrade", "nope", "--yes", code=2)

    undone = cli.done("db", "downgrade", "base", "--yes", "--json").json

    assert (undone["current"], undone["undone"][0]) == (None, HEAD)
    assert "Nothing to do" in cli.done("db", "downgrade", "-1", "--yes").out
    assert "autoforge db upgrade" in cli.refused("prompt", "list", code=1)
    assert cli.done("db", "upgrade").out.startswith("Applied:\n")
    cli.done("prompt", "list")


def test_database_of_a_newer_version_is_refused(cli: Cli) -> None:
    run_sql("UPDATE alembic_version SET version_num = 'future'")
    assert "which this version does not know" in cli.refused("prompt", "list", code=1)


def test_history_lists_every_migration_newest_first(fresh_cli: Cli) -> None:
    before = fresh_cli.done("db", "history", "--json").json
    fresh_cli.done("db", "upgrade")
    after = fresh_cli.done("db", "history", "--json").json

    assert (before[0]["id"], {found["state"] for found in before}) == (HEAD, {"pending"})
    assert after[0]["state"] == "current"
    assert "Initial schema" in fresh_cli.done("db", "history").out


def test_check_compares_models_migrations_and_database(cli: Cli) -> None:
    assert cli.done("db", "check").out == f"No drift: models, migrations and the database agree on {HEAD}.\n"
    assert cli.done("db", "check", "--json").json == {
        "current": HEAD,
        "models": [],
        "live": [],
        "pending": [],
    }
    run_sql("DROP INDEX idx_prompts_user_id")

    outcome = cli("db", "check")

    assert outcome.code == 1
    assert f"The database differs from what its migrations ({HEAD}) make" in outcome.out
    assert "- index" in outcome.out


def test_check_of_an_absent_database_finds_everything_pending(fresh_cli: Cli, database_file: Path) -> None:
    outcome = fresh_cli("db", "check")

    assert (outcome.code, "Run: autoforge db upgrade" in outcome.out) == (1, True)
    assert "- table prompts" in fresh_cli("db", "stamp", "head", "--dry-run").err
    assert not database_file.exists()


def test_stamp_is_proved_by_the_schema(cli: Cli) -> None:
    run_sql("DROP TABLE alembic_version")
    assert "has no tables of ours" in cli.refused("prompt", "list", code=1)

    assert cli.done("db", "stamp", "head", "--dry-run", "--json").json == {"proved": "head"}
    assert "a stamp would be right" in cli.done("db", "stamp", HEAD, "--dry-run").out
    assert "has no tables of ours" in cli.refused("prompt", "list", code=1)
    assert cli.done("db", "stamp", "head", "--json").json == {"current": HEAD}

    cli.done("prompt", "list")
    run_sql("ALTER TABLE prompts ADD COLUMN surprise TEXT")
    for words in (("db", "stamp", "head"), ("db", "stamp", "head", "--dry-run")):
        refused = cli(*words)
        assert (refused.code, refused.out) == (1, "")
        assert "+ column prompts.surprise TEXT" in refused.err


def test_name_of_another_database_is_refused_even_where_none_is_needed(
    fresh_cli: Cli, database_file: Path
) -> None:
    said = fresh_cli("db", "upgrade", "--database", "production")

    assert (said.code, database_file.exists()) == (2, False)
    assert f"--database 'production': this one is {database_file.name}" in said.err


def test_upgrade_leaves_when_another_runner_is_at_work(fresh_cli: Cli, database_file: Path) -> None:
    database = TursoConnection(load_settings(database_url=f"sqlite:///{database_file}"))
    with Migrations(database).locked("upgrade from here to there", notice=print, wait=True):
        left = fresh_cli("db", "upgrade", "--no-wait")
    database.dispose()

    assert (left.code, left.out) == (1, "")
    assert "is being migrated by process" in left.err
    assert "(upgrade from here to there)" in left.err
