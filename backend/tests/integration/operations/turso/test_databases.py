import pytest

from src.operations.turso.databases import PRODUCTION, STAGING, Provision, StepKind
from src.operations.turso.errors import (
    GroupElsewhereError,
    NoSuchDatabaseError,
    OutcomeUnknownError,
    TursoInputError,
    TursoRefusedError,
)
from src.operations.turso.turso import Turso
from tests.fake_turso_platform import FakeTursoPlatform

pytestmark = pytest.mark.usefixtures("libsql_binary")

CREATE = ("POST", "/databases")


def plan(turso: Turso, *names: str, group: str | None = None, protect: bool = False) -> Provision:
    return turso.plan_databases(names, group=group, protect=protect)


def done(provision: Provision) -> list[tuple[str, str, str]]:
    return [(step.kind.value, step.name, step.where) for step in provision.carry_out()]


def test_both_databases_are_made_in_groups_of_their_own(fake: FakeTursoPlatform, turso: Turso) -> None:
    assert done(plan(turso)) == [
        ("create_group", STAGING, "aws-ap-northeast-1"),
        ("create_group", PRODUCTION, "aws-ap-northeast-1"),
        ("create_database", STAGING, STAGING),
        ("create_database", PRODUCTION, PRODUCTION),
        ("protect", PRODUCTION, PRODUCTION),
    ]
    assert fake.databases[STAGING].column("SELECT 1") == ["1"]
    protected = {name: one.configuration["delete_protection"] for name, one in fake.databases.items()}
    assert protected == {STAGING: False, PRODUCTION: True}


def test_repeating_it_changes_nothing(fake: FakeTursoPlatform, turso: Turso) -> None:
    done(plan(turso))
    changes = list(fake.changes)

    again = plan(turso)

    assert (again.steps, again.present) == ((), (STAGING, PRODUCTION))
    assert done(again) == []
    assert fake.changes == changes


@pytest.mark.parametrize("what_is_done", range(5))
def test_what_was_interrupted_goes_on_where_it_was(
    fake: FakeTursoPlatform, turso: Turso, what_is_done: int
) -> None:
    whole = plan(turso)
    steps = whole.carry_out()
    for _ in range(what_is_done):
        next(steps)

    assert [step.kind for step in plan(turso).steps] == [step.kind for step in whole.steps][what_is_done:]
    done(plan(turso))
    assert (fake.calls("POST", "/groups"), fake.calls(*CREATE)) == (2, 2)


def test_plan_with_one_group_shares_it_and_says_what_that_means(
    fake: FakeTursoPlatform, turso: Turso
) -> None:
    fake.plan = "starter"
    provision = plan(turso)

    assert [(step.name, step.where) for step in provision.steps][:2] == [
        ("default", "aws-ap-northeast-1"),
        (STAGING, "default"),
    ]
    (note,) = provision.notes
    assert "invalidating the tokens of one invalidates those of the other" in note
    assert "The plan 'starter' allows one group" in note
    done(provision)
    assert plan(turso).notes == provision.notes


def test_plan_that_is_not_shown_counts_as_one_with_one_group(fake: FakeTursoPlatform, turso: Turso) -> None:
    fake.answer(403, on=("GET", "/organizations/acme"))
    provision = plan(turso)
    assert {step.where for step in provision.steps if step.kind is StepKind.CREATE_DATABASE} == {"default"}
    assert "which this is could not be seen" in provision.notes[0]


def test_second_group_beyond_the_plan_is_refused_with_a_way_out(
    fake: FakeTursoPlatform, turso: Turso
) -> None:
    fake.plan = "starter"
    fake.groups["default"] = "aws-ap-northeast-1"
    with pytest.raises(TursoRefusedError, match=r"more than one group\)\. .*--group default"):
        done(plan(turso, "mine", group="second"))
    assert fake.databases == {}


def test_chosen_group_holds_all(fake: FakeTursoPlatform, turso: Turso) -> None:
    done(plan(turso, group="shared"))
    assert {one.group for one in fake.databases.values()} == {"shared"}


def test_old_code_of_tokyo_is_translated_with_a_note(fake: FakeTursoPlatform, turso: Turso) -> None:
    provision = turso.plan_databases(("mine",), group="g", location="nrt")
    assert "'nrt' is the old code of Tokyo; today it is 'aws-ap-northeast-1'" in provision.notes[0]
    done(provision)
    assert fake.groups == {"g": "aws-ap-northeast-1"}


def test_unknown_location_is_refused_with_those_that_there_are(fake: FakeTursoPlatform, turso: Turso) -> None:
    with pytest.raises(TursoInputError, match=r"'mars' is no location .* aws-us-west-2"):
        turso.plan_databases(("mine",), group="g", location="mars")
    assert fake.changes == []


def test_group_in_another_place_is_refused(fake: FakeTursoPlatform, turso: Turso) -> None:
    fake.groups["default"] = "aws-us-east-2"
    with pytest.raises(GroupElsewhereError, match=r"is in aws-us-east-2, not in aws-ap-northeast-1.*--group"):
        plan(turso, "mine", group="default")
    provision = turso.plan_databases(("mine",), group="default", location="aws-us-east-2")
    assert [step.kind for step in provision.steps] == [StepKind.CREATE_DATABASE]


def test_group_of_the_time_before_aws_is_in_tokyo_too(fake: FakeTursoPlatform, turso: Turso) -> None:
    fake.groups["default"] = "nrt"
    assert [step.kind for step in plan(turso, "mine", group="default").steps] == [StepKind.CREATE_DATABASE]


def test_database_that_is_elsewhere_stays_there_and_that_is_said(
    fake: FakeTursoPlatform, turso: Turso
) -> None:
    fake.add_database("mine", "old", "aws-us-east-1")
    provision = plan(turso, "mine", group="new")
    assert provision.steps == ()
    assert provision.notes == (
        "mine is there already, in the group 'old', and stays there.",
        "mine is there already, in aws-us-east-1, and stays there.",
    )


def test_any_database_can_be_protected_later(fake: FakeTursoPlatform, turso: Turso) -> None:
    fake.add_database("mine")
    assert done(plan(turso, "mine", protect=True)) == [("protect", "mine", "default")]
    assert done(plan(turso, "mine", protect=True)) == []


def test_protecting_leaves_the_other_settings_of_a_database_alone(
    fake: FakeTursoPlatform, turso: Turso
) -> None:
    mine = fake.add_database("mine")
    before = dict(mine.configuration)
    done(plan(turso, "mine", protect=True))
    assert mine.configuration == {**before, "delete_protection": True}


@pytest.mark.parametrize("name", ["Staging", "x" * 65, "a_b"])
def test_name_that_turso_does_not_take_is_refused_before_a_call(
    fake: FakeTursoPlatform, turso: Turso, name: str
) -> None:
    for act in (
        lambda: plan(turso, name),
        lambda: plan(turso, "mine", group=name),
        lambda: turso.database(name),
        lambda: turso.plan_branch("mine", name),
        lambda: turso.plan_branch(name, "mine"),
        lambda: turso.plan_token(name, use=None, expiration=None, read_only=False),
    ):
        with pytest.raises(TursoInputError, match="lowercase letters, digits and dashes, at most 64"):
            act()
    assert fake.seen == []


@pytest.mark.parametrize("status", [0, 200, 500, 504])
def test_database_whose_answer_was_lost_is_found_and_not_made_twice(
    fake: FakeTursoPlatform, turso: Turso, status: int
) -> None:
    fake.lose_answer(on=CREATE, status=status)
    assert done(plan(turso, "mine", group="g"))[-1] == ("create_database", "mine", "g")
    assert fake.calls(*CREATE) == 1


def test_group_whose_answer_was_lost_is_found_and_not_made_twice(
    fake: FakeTursoPlatform, turso: Turso
) -> None:
    fake.lose_answer(on=("POST", "/groups"))
    done(plan(turso, "mine", group="g"))
    assert (fake.calls("POST", "/groups"), fake.groups) == (1, {"g": "aws-ap-northeast-1"})


def test_call_that_did_nothing_is_repeated_once_that_was_seen(fake: FakeTursoPlatform, turso: Turso) -> None:
    fake.drop(on=CREATE, times=1)
    done(plan(turso, "mine", group="g"))
    assert (fake.calls(*CREATE), list(fake.databases)) == (2, ["mine"])


def test_lost_answer_is_found_by_repeating_the_command(fake: FakeTursoPlatform, turso: Turso) -> None:
    fake.groups["g"] = "aws-ap-northeast-1"
    provision = plan(turso, "mine", group="g")
    fake.lose_answer(on=CREATE)
    fake.answer(503, on=("GET", "/databases/mine"))

    with pytest.raises(OutcomeUnknownError, match="what is done already is found"):
        done(provision)
    fake.heal()

    assert plan(turso, "mine", group="g").steps == ()
    assert fake.calls(*CREATE) == 1


def test_somebody_else_made_it_meanwhile(fake: FakeTursoPlatform, turso: Turso) -> None:
    provision = plan(turso, "mine", group="g")
    fake.add_database("mine", "g")
    assert [kind for kind, _, _ in done(provision)] == ["create_group", "create_database"]


def test_made_database_that_is_not_shown_yet_is_no_success(fake: FakeTursoPlatform, turso: Turso) -> None:
    provision = plan(turso, "mine", group="g")
    fake.answer(404, on=("GET", "/databases/mine"))
    with pytest.raises(OutcomeUnknownError, match="does not show it yet"):
        done(provision)


def test_databases_are_listed_over_all_pages(fake: FakeTursoPlatform, turso: Turso) -> None:
    for number in range(7):
        fake.add_database(f"db-{number}", runs=False)
    fake.page_size = 3
    assert [one.name for one in turso.databases()] == [f"db-{number}" for number in range(7)]


def test_database_is_shown_with_the_host_that_turso_tells(fake: FakeTursoPlatform, turso: Turso) -> None:
    mine = fake.add_database("mine")
    found = turso.database("mine")
    assert (found.hostname, found.url) == (mine.hostname, mine.url)
    with pytest.raises(
        NoSuchDatabaseError, match=r"'other' in the organization 'acme'.*autoforge turso list"
    ):
        turso.database("other")


def test_account_tells_whose_token_it_is(fake: FakeTursoPlatform, turso: Turso) -> None:
    fake.expires_at = 1803168000
    account = turso.account()
    assert (account.username, account.organization.slug, account.organization.plan) == (
        "yui",
        "acme",
        "scaler",
    )
    assert account.expires_at is not None
    assert account.expires_at.year == 2027
    assert account.token == "pla…6789"
