"""What commands do on the side about a database that is behind: a local one only, and safely."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from src.bootstrap import Container
from src.core.config.settings.base import Settings
from src.infrastructure.shared.database.unit_of_work import SqlUnitOfWork
from src.operations.migrations.migrations import Migrations
from src.operations.migrations.revisions import VERSIONS
from src.presentation.cli.context import SchemaBehindError, ensure_database
from tests.backends import on_libsql, on_sqlite
from tests.builders import LOCAL, a_prompt
from tests.integration.operations.migrations.revisions import HEAD, REBUILD_PROMPTS, write_revision


@pytest.fixture
def behind(migrated_settings: Settings, tmp_path: Path) -> Iterator[Container]:
    """The application on a database with a row, and with a migration more than that has."""
    folder = write_revision(tmp_path / "scripts", "9001", after=HEAD, upgrade=REBUILD_PROMPTS)
    container = Container(migrated_settings)
    container.migrations = Migrations(
        container.database, versions=(VERSIONS, folder), backups=lambda: container.backups
    )
    with SqlUnitOfWork(container.database, LOCAL.workspace_id) as uow:
        uow.prompts.add(a_prompt())
        uow.commit()
    yield container
    container.close()


def test_database_that_is_behind_is_an_error_for_other_commands(behind: Container) -> None:
    with pytest.raises(SchemaBehindError, match=r"is 1 migration behind\. Run: autoforge db upgrade"):
        ensure_database(behind)

    assert behind.migrations.status().current == HEAD


@on_sqlite
def test_up_migrates_a_local_database_safely_and_says_so(
    behind: Container, capsys: pytest.CaptureFixture[str]
) -> None:
    ensure_database(behind, upgrade=True)

    said = capsys.readouterr().err
    [backup] = behind.backups.backups()
    assert f"Backup: {backup.name}" in said
    assert said.endswith(f"Migrated database {behind.database.path}: 1 migration\n")
    assert behind.migrations.status().current == "9001"


@on_libsql
def test_up_never_migrates_a_remote_database(behind: Container) -> None:
    with pytest.raises(SchemaBehindError, match="autoforge db upgrade"):
        ensure_database(behind, upgrade=True)

    assert behind.migrations.status().current == HEAD
