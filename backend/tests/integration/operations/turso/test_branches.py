from datetime import UTC, datetime, timedelta

import pytest

from src.operations.turso.branches import read_moment, restored_name
from src.operations.turso.errors import (
    NameTakenError,
    NoSuchDatabaseError,
    TursoInputError,
    TursoRefusedError,
)
from src.operations.turso.turso import Turso
from tests.fake_turso_database import FakeDatabase
from tests.fake_turso_platform import FakeTursoPlatform

pytestmark = pytest.mark.usefixtures("libsql_binary")

CREATE = ("POST", "/databases")


@pytest.fixture
def source(fake: FakeTursoPlatform) -> FakeDatabase:
    database = fake.add_database("source", "own")
    database.run("CREATE TABLE notes (text, data BLOB); INSERT INTO notes VALUES ('一つ目', x'00ff')")
    return database


def test_branch_is_a_copy_in_the_group_of_its_source(
    fake: FakeTursoPlatform, source: FakeDatabase, turso: Turso
) -> None:
    made = turso.plan_branch("source", "copy").make()
    fake.databases["copy"].run("INSERT INTO notes (text) VALUES ('二つ目')")

    assert (made.group, made.parent and made.parent.name) == ("own", "source")
    assert fake.databases["copy"].column("SELECT text FROM notes") == ["一つ目", "二つ目"]
    assert source.column("SELECT text FROM notes") == ["一つ目"]
    assert [call.body for call in fake.seen if call.method == "POST"] == [
        {"name": "copy", "group": "own", "seed": {"type": "database", "name": "source"}}
    ]


def test_branching_again_finds_the_branch(
    fake: FakeTursoPlatform, source: FakeDatabase, turso: Turso
) -> None:
    first = turso.plan_branch("source", "copy").make()
    again = turso.plan_branch("source", "copy")
    assert again.existing == again.make() == first
    assert fake.calls(*CREATE) == 1


def test_branch_whose_answer_was_lost_is_found(
    fake: FakeTursoPlatform, source: FakeDatabase, turso: Turso
) -> None:
    fake.lose_answer(on=CREATE)
    assert turso.plan_branch("source", "copy").make().name == "copy"
    assert fake.calls(*CREATE) == 1


def test_name_of_another_database_is_refused(
    fake: FakeTursoPlatform, source: FakeDatabase, turso: Turso
) -> None:
    fake.add_database("other")
    with pytest.raises(NameTakenError, match="which is no branch of source"):
        turso.plan_branch("source", "other")
    with pytest.raises(TursoInputError, match="needs a name of its own"):
        turso.plan_branch("source", "source")
    with pytest.raises(NoSuchDatabaseError):
        turso.plan_branch("nobody", "copy")
    assert fake.changes == []


def test_database_that_somebody_made_under_that_name_meanwhile_is_not_taken_for_the_branch(
    fake: FakeTursoPlatform, source: FakeDatabase, turso: Turso
) -> None:
    plan = turso.plan_branch("source", "copy")
    fake.add_database("copy")
    with pytest.raises(NameTakenError, match="not the copy of source"):
        plan.make()


# --- restoring --------------------------------------------------------------------------------------------------------


def test_restore_brings_back_what_was_there_at_that_time(
    fake: FakeTursoPlatform, source: FakeDatabase, turso: Turso
) -> None:
    at = source.remember()
    source.run("DELETE FROM notes")

    plan = turso.plan_restore("source", at.isoformat(), None)
    made = plan.make()

    assert made.name == plan.name == restored_name("source", at)
    assert fake.databases[made.name].column("SELECT text FROM notes") == ["一つ目"]
    assert source.column("SELECT text FROM notes") == []
    assert "The plan 'scaler' keeps the past for 30 days" in plan.notes[0]


def test_restoring_again_finds_the_copy(fake: FakeTursoPlatform, source: FakeDatabase, turso: Turso) -> None:
    at = source.remember().isoformat()
    for name in (None, "chosen"):
        turso.plan_restore("source", at, name).make()
        assert turso.plan_restore("source", at, name).existing is not None
    assert fake.calls(*CREATE) == 2


def test_copy_of_another_time_is_not_taken_for_this_one(
    fake: FakeTursoPlatform, source: FakeDatabase, turso: Turso
) -> None:
    at = source.remember()
    turso.plan_restore("source", at.isoformat(), "chosen").make()
    later = (at + timedelta(microseconds=1)).isoformat()
    with pytest.raises(NameTakenError, match="not known to be source of"):
        turso.plan_restore("source", later, "chosen")


def test_zone_is_kept_in_mind(fake: FakeTursoPlatform, source: FakeDatabase, turso: Turso) -> None:
    plan = turso.plan_restore("source", "2026-01-02T09:00:00+09:00", None)
    assert plan.name == "source-at-20260102t000000z"
    assert plan.at == datetime(2026, 1, 2, tzinfo=UTC)


def test_time_before_everything_is_refused_with_what_may_be_the_reason(
    fake: FakeTursoPlatform, source: FakeDatabase, turso: Turso
) -> None:
    plan = turso.plan_restore("source", "2020-01-01T00:00:00Z", None)
    assert "Turso will probably refuse" in plan.notes[0]
    with pytest.raises(TursoRefusedError, match=r"further back than the plan keeps, cannot be restored"):
        plan.make()


def test_plan_that_is_not_known_is_told_so(
    fake: FakeTursoPlatform, source: FakeDatabase, turso: Turso
) -> None:
    fake.plan = "bespoke"
    assert "depends on the plan" in turso.plan_restore("source", "2026-01-01T00:00:00Z", None).notes[0]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("yesterday", "is no time"),
        ("2026-11-23", "is no time"),
        ("2026-13-01T00:00:00Z", "is no time"),
        ("", "is no time"),
        ("2026-11-23T05:50:12", "names no zone"),
        ("9999-01-01T00:00:00Z", "is in the future"),
    ],
)
def test_time_that_is_none_is_refused_before_a_call(
    fake: FakeTursoPlatform, turso: Turso, text: str, why: str
) -> None:
    with pytest.raises(TursoInputError, match=why):
        turso.plan_restore("source", text, None)
    assert fake.seen == []


def test_times_are_read_in_utc() -> None:
    assert read_moment("2026-11-23T05:50:12Z") == read_moment("2026-11-23T14:50:12+09:00")


def test_name_that_would_be_too_long_has_to_be_chosen() -> None:
    with pytest.raises(TursoInputError, match="choose one with --name"):
        restored_name("x" * 50, datetime(2026, 1, 1, tzinfo=UTC))


# --- branches as a way back -------------------------------------------------------------------------------------------


def test_branch_tells_where_it_is_and_of_when(
    fake: FakeTursoPlatform, source: FakeDatabase, turso: Turso
) -> None:
    branches = turso.branches_of("source")
    began = datetime.now(UTC)

    made = branches.branch("source-pre-1")

    assert (made.name, made.hostname, made.url) == (
        "source-pre-1",
        fake.databases["source-pre-1"].hostname,
        fake.databases["source-pre-1"].url,
    )
    assert began <= made.created_at <= datetime.now(UTC)
    assert began <= datetime.fromisoformat(made.timestamp) <= made.created_at
    again = branches.branch("source-pre-1")
    assert (again.created_at, fake.calls(*CREATE)) == (made.created_at, 1)


def test_branch_takes_short_lived_tokens_of_its_own(
    fake: FakeTursoPlatform, source: FakeDatabase, turso: Turso
) -> None:
    branches = turso.branches_of("source")
    branches.branch("copy")
    branches.token("copy")
    assert fake.databases["copy"].minted == [{"expiration": "1h", "read_only": False, "permissions": None}]


def test_only_branches_of_the_database_can_be_removed(
    fake: FakeTursoPlatform, source: FakeDatabase, turso: Turso
) -> None:
    fake.add_database("other")
    branches = turso.branches_of("source")
    branches.branch("copy")

    for name in ("source", "other"):
        with pytest.raises(NameTakenError):
            branches.remove(name)
        with pytest.raises(NameTakenError):
            branches.token(name)
    branches.remove("copy")
    branches.remove("copy")

    assert sorted(fake.databases) == ["other", "source"]
    assert fake.calls("DELETE") == 1
