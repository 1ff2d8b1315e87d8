"""What the Platform API does for backups: branches, and new databases. Behind the fake one are real servers."""

import json
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from src.core.config.settings.base import load_settings
from src.infrastructure.shared.database.local_sqlite import EngineRole
from src.operations.backup.at_turso import find_branching
from src.operations.backup.back_up_file import back_up_file
from src.operations.backup.backups import Backups
from src.operations.backup.errors import RestoreError
from src.operations.backup.folder import BackupFolder
from src.operations.backup.new_database import restore_made
from src.operations.backup.record import Kind
from src.operations.migrations.migrations import Migrations
from src.operations.migrations.plan import plan_upgrade
from src.operations.turso.errors import SecretNotKeptError, TursoUnavailableError
from src.operations.turso.turso import Turso
from tests.fake_turso_database import FakeDatabase
from tests.fake_turso_platform import FakeTursoPlatform
from tests.integration.operations.migrations.revisions import write_revision
from tests.integration.operations.remote_database import RemoteDatabase

pytestmark = pytest.mark.integration

ROW = "INSERT INTO prompt_versions (id, prompt_id, version, content, content_hash, user_id) VALUES"


@pytest.fixture
def platform(libsql_binary: None) -> Iterator[FakeTursoPlatform]:
    with FakeTursoPlatform() as platform:
        yield platform


@pytest.fixture
def ours(platform: FakeTursoPlatform) -> FakeDatabase:
    """The database of the application, at Turso."""
    return platform.add_database("autoforgenexus-staging", group="staging")


@pytest.fixture
def remote(ours: FakeDatabase, open_remote: Callable[[str, str], RemoteDatabase]) -> RemoteDatabase:
    database = open_remote(ours.url, ours.token())
    database.migrate()
    database.execute(
        "INSERT INTO prompt_templates (id, name, template, category) VALUES ('1', 'n', '語', 'c')"
    )
    return database


@pytest.fixture
def turso(platform: FakeTursoPlatform) -> Iterator[Turso]:
    settings = load_settings(turso_api_token=platform.token, turso_api_baseurl=platform.base_url)
    turso = Turso(settings, now=lambda: datetime.now(UTC), sleep=lambda _: None)
    yield turso
    turso.close()


@pytest.fixture
def backups(remote: RemoteDatabase, turso: Turso, known_revisions: set[str]) -> Backups:
    return Backups(
        remote,
        remote=remote.remote,
        known_revisions=lambda: known_revisions,
        branching=lambda: find_branching(turso, remote.remote.url),
    )


# --- branches ---------------------------------------------------------------------------------------------------------


def test_backup_is_a_branch_with_the_rows_and_the_moment(
    backups: Backups, platform: FakeTursoPlatform, remote: RemoteDatabase, folder: BackupFolder
) -> None:
    backup = backups.back_up(folder=folder.path, reason="before 0002")
    remote.execute("DELETE FROM prompt_templates")

    branch = platform.databases[backup.name]
    assert branch.column("SELECT template FROM prompt_templates") == ["語"]
    assert (backup.kind, backup.branch_url, backup.url) == (Kind.BRANCH, branch.url, remote.remote.url)
    assert (backup.rows["prompt_templates"], backup.reason) == (1, "before 0002")
    assert backup.point_in_time is not None
    assert datetime.fromisoformat(backup.point_in_time) <= branch.branched_at
    assert folder.backups() == [backup]
    assert {path.name for path in folder.path.iterdir()} == {".lock", f"{backup.name}.json"}


def test_dump_is_made_when_it_is_asked_for(
    backups: Backups, platform: FakeTursoPlatform, folder: BackupFolder
) -> None:
    backup = backups.back_up(folder=folder.path, dump=True)

    assert backup.kind is Kind.DUMP
    assert len(platform.databases) == 1


def test_database_that_is_not_of_the_organization_is_dumped(
    backups: Backups, platform: FakeTursoPlatform, folder: BackupFolder
) -> None:
    platform.databases["other"] = platform.databases.pop("autoforgenexus-staging")
    platform.databases["other"].name = "other"
    backup = backups.back_up(folder=folder.path)
    assert backup.kind is Kind.BRANCH  # it goes by the host, whatever the name

    lone = platform.databases.pop("other")
    try:
        assert backups.back_up(folder=folder.path).kind is Kind.DUMP
    finally:
        platform.databases["other"] = lone


def test_branch_that_cannot_be_opened_is_no_backup(
    backups: Backups, platform: FakeTursoPlatform, folder: BackupFolder
) -> None:
    platform.answer(500, on=("POST", "/auth/tokens"))

    with pytest.raises(TursoUnavailableError):
        backups.back_up(folder=folder.path)

    assert list(platform.databases) == ["autoforgenexus-staging"]
    assert folder.backups() == []


def test_platform_that_is_down_makes_no_backup_of_another_kind(
    backups: Backups, platform: FakeTursoPlatform, folder: BackupFolder
) -> None:
    """A dump in the place of a branch would be a surprise when it is needed."""
    platform.answer(503)

    with pytest.raises(TursoUnavailableError):
        backups.back_up(folder=folder.path)

    assert folder.backups() == []


def test_branch_is_not_restored_but_pointed_at(backups: Backups, folder: BackupFolder) -> None:
    backup = backups.back_up(folder=folder.path)

    with pytest.raises(RestoreError, match=r"is a branch at Turso \(libsql://.*point the application at it"):
        backups.restore_into(backup.name, None, folder=folder.path)


# --- plans ------------------------------------------------------------------------------------------------------------


def test_plan_is_tried_on_a_branch_that_is_gone_afterwards(
    backups: Backups,
    platform: FakeTursoPlatform,
    remote: RemoteDatabase,
    tmp_path: Path,
    known_revisions: set[str],
) -> None:
    head = max(known_revisions)
    upgrade = 'op.add_column("prompt_templates", sa.Column("note", sa.Text()))'
    more = write_revision(tmp_path / "more", "9001", after=head, upgrade=upgrade)
    migrations = Migrations(remote, versions=(*Migrations(remote).versions, more))

    plan = plan_upgrade(migrations, backups)

    assert plan.failure is None
    assert plan.tried_on == "a branch at Turso"
    assert [str(change) for change in plan.steps[0].changes] == ["+ column prompt_templates.note TEXT"]
    assert plan.steps[0].rows_after["prompt_templates"] == 1
    assert list(platform.databases) == ["autoforgenexus-staging"]
    assert platform.calls("POST", "/databases") == 1
    with remote.engine(EngineRole.READ).connect() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == head


def test_plan_that_fails_removes_its_branch_too(
    backups: Backups,
    platform: FakeTursoPlatform,
    remote: RemoteDatabase,
    tmp_path: Path,
    known_revisions: set[str],
) -> None:
    more = write_revision(
        tmp_path / "more", "9001", after=max(known_revisions), upgrade="raise ZeroDivisionError('on purpose')"
    )

    plan = plan_upgrade(Migrations(remote, versions=(*Migrations(remote).versions, more)), backups)

    assert "on purpose" in (plan.failure or "")
    assert list(platform.databases) == ["autoforgenexus-staging"]


# --- new databases ----------------------------------------------------------------------------------------------------


def test_backup_is_restored_into_a_new_database_whose_token_is_kept(
    backups: Backups,
    platform: FakeTursoPlatform,
    turso: Turso,
    remote: RemoteDatabase,
    folder: BackupFolder,
    tmp_path: Path,
    open_remote: Callable[[str, str], RemoteDatabase],
) -> None:
    backup = backups.back_up(folder=folder.path, dump=True)
    remote.execute("DELETE FROM prompt_templates")
    kept = tmp_path / "new.env"

    done = restore_made(
        backups,
        backup.name,
        turso,
        "autoforgenexus-again",
        kept,
        beside=remote.remote.url,
        folder=folder.path,
    )

    made = platform.databases["autoforgenexus-again"]
    assert done.into is not None
    assert (done.into.url, made.group) == (made.url, "staging")
    lines = dict(line.split("=", 1) for line in kept.read_text().splitlines())
    assert lines.keys() == {"TURSO_DATABASE_URL", "TURSO_AUTH_TOKEN"}
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    opened = open_remote(lines["TURSO_DATABASE_URL"], lines["TURSO_AUTH_TOKEN"])
    assert opened.execute("SELECT template FROM prompt_templates") == [("語",)]


def test_nothing_is_made_when_the_backup_is_damaged_or_the_token_has_no_place(
    backups: Backups,
    platform: FakeTursoPlatform,
    turso: Turso,
    file: Path,
    folder: BackupFolder,
    tmp_path: Path,
) -> None:
    backup = back_up_file(file, folder)
    url = platform.databases["autoforgenexus-staging"].url

    def restore(save_to: Path) -> None:
        restore_made(backups, backup.name, turso, "again", save_to, beside=url, folder=folder.path)

    with pytest.raises(SecretNotKeptError, match="no folder"):
        restore(tmp_path / "no" / "folder" / "x")
    backup.path.write_bytes(backup.path.read_bytes()[:-1] + b"x")
    with pytest.raises(RestoreError, match="SHA-256"):
        restore(tmp_path / "new.env")

    assert list(platform.databases) == ["autoforgenexus-staging"]
    assert not (tmp_path / "new.env").exists()


def test_dry_run_makes_nothing(
    backups: Backups,
    platform: FakeTursoPlatform,
    turso: Turso,
    file: Path,
    folder: BackupFolder,
    tmp_path: Path,
) -> None:
    backup = back_up_file(file, folder)
    done = restore_made(
        backups,
        backup.name,
        turso,
        "again",
        tmp_path / "new.env",
        beside="libsql://elsewhere",
        folder=folder.path,
        dry_run=True,
    )

    assert (done.into, done.contents.rows) == (None, backup.rows)
    assert list(platform.databases) == ["autoforgenexus-staging"]


def test_name_that_is_taken_is_refused(
    backups: Backups,
    platform: FakeTursoPlatform,
    turso: Turso,
    file: Path,
    folder: BackupFolder,
    tmp_path: Path,
) -> None:
    backup = back_up_file(file, folder)
    name = "autoforgenexus-staging"

    with pytest.raises(RestoreError, match="There is a database 'autoforgenexus-staging' at Turso already"):
        restore_made(
            backups, backup.name, turso, name, tmp_path / "x", beside="libsql://elsewhere", folder=folder.path
        )

    assert not (tmp_path / "x").exists()


def test_group_must_be_clear(
    backups: Backups,
    platform: FakeTursoPlatform,
    turso: Turso,
    file: Path,
    folder: BackupFolder,
    tmp_path: Path,
) -> None:
    """From a laptop there is no database beside which the new one should be."""
    backup = back_up_file(file, folder)
    platform.groups["second"] = "aws-ap-northeast-1"

    with pytest.raises(RestoreError, match=r"has 2 groups \(.*second.*restore with --into"):
        restore_made(
            backups, backup.name, turso, "again", tmp_path / "x", beside="sqlite:///x", folder=folder.path
        )

    del platform.groups["second"]
    restore_made(
        backups, backup.name, turso, "again", tmp_path / "x", beside="sqlite:///x", folder=folder.path
    )
    assert platform.databases["again"].group == "staging"


def test_no_token_is_in_a_record_or_an_error(
    backups: Backups, platform: FakeTursoPlatform, folder: BackupFolder
) -> None:
    backup = backups.back_up(folder=folder.path)
    record = (folder.path / f"{backup.name}.json").read_text()

    assert json.loads(record)["branch_url"] == backup.branch_url
    assert [secret for secret in platform.secrets if secret in record] == []
