from collections.abc import Callable

import pytest

from tests.fake_turso_platform import FakeTursoPlatform
from tests.integration.cli.turso_world import PRODUCTION, STAGING, TursoCli

pytestmark = pytest.mark.usefixtures("libsql_binary")

CREATE = ("POST", "/databases")


def test_locations_are_listed(turso: TursoCli) -> None:
    assert "aws-ap-northeast-1  AWS AP NorthEast (Tokyo)" in turso.done("locations").out
    assert turso.done("locations", "--json").json["items"][0] == {
        "code": "aws-ap-northeast-1",
        "name": "AWS AP NorthEast (Tokyo)",
    }


def test_whoami_tells_user_organization_plan_and_term(turso: TursoCli, fake_turso: FakeTursoPlatform) -> None:
    fake_turso.expires_at = 1803168000
    shown = turso.done("whoami").out
    assert "yui" in shown
    assert "scaler: several groups, the past of 30 days" in shown
    assert "2027-02-21" in shown

    found = turso.done("whoami", "--json").json
    assert (found["organization"]["slug"], found["expires_at"]) == ("acme", "2027-02-21T00:00:00.000Z")


def test_whoami_of_a_token_that_belongs_to_an_organization(
    turso: TursoCli, fake_turso: FakeTursoPlatform
) -> None:
    fake_turso.username, fake_turso.other_organizations, fake_turso.plan = None, ["zebra"], "starter"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TURSO_ORGANIZATION", "acme")
        shown = turso.done("whoami").out
    assert "none: the token is of an organization" in shown
    assert "zebra" in shown
    assert "starter: one group, the past of 1 day\n" in shown
    assert "for ever" in shown


def test_create_makes_both_databases_once(turso: TursoCli, fake_turso: FakeTursoPlatform) -> None:
    planned = turso.done("create", "--dry-run")
    assert f"would create   database {PRODUCTION} in group {PRODUCTION}" in planned.out
    assert fake_turso.changes == []

    made = turso.done("create")
    changes = list(fake_turso.changes)
    again = turso.done("create")

    assert f"created    group {STAGING} in aws-ap-northeast-1" in made.out
    assert f"protected  database {PRODUCTION} from deletion" in made.out
    assert fake_turso.databases[STAGING].url in made.out
    assert again.out.startswith(f"unchanged  database {STAGING}\nunchanged  database {PRODUCTION}\n")
    assert fake_turso.changes == changes
    assert "Nothing to do." in turso.done("create", "--dry-run").out


def test_create_for_machines_tells_what_was_done(turso: TursoCli, fake_turso: FakeTursoPlatform) -> None:
    dry = turso.done("create", "mine", "--group", "g", "--protect", "--dry-run", "--json").json
    made = turso.done("create", "mine", "--group", "g", "--protect", "--json").json
    again = turso.done("create", "mine", "--group", "g", "--protect", "--json").json

    assert [step["kind"] for step in dry["steps"]] == ["create_group", "create_database", "protect"]
    assert (dry["done"], dry["databases"], dry["dry_run"]) == ([], [], True)
    assert made["done"] == dry["steps"]
    assert made["databases"][0]["url"] == fake_turso.databases["mine"].url
    assert (again["done"], again["present"], again["databases"]) == ([], ["mine"], made["databases"])


def test_create_notes_what_one_should_know(turso: TursoCli, fake_turso: FakeTursoPlatform) -> None:
    fake_turso.plan = "starter"
    made = turso.done("create", "--location", "nrt")
    assert "Note: 'nrt' is the old code of Tokyo" in made.err
    assert "share the group 'default'" in made.err
    assert fake_turso.groups == {"default": "aws-ap-northeast-1"}


def test_create_shows_what_was_done_before_it_failed(turso: TursoCli, fake_turso: FakeTursoPlatform) -> None:
    fake_turso.answer(422, on=CREATE)
    failed = turso("create", "mine", "--group", "g")
    assert (failed.code, failed.out) == (1, "created    group g in aws-ap-northeast-1\n")
    assert "Choose another name" in failed.err


def test_databases_are_listed_and_shown(turso: TursoCli, fake_turso: FakeTursoPlatform) -> None:
    assert "autoforge turso create" in turso.done("list").err
    mine = fake_turso.add_database("mine")
    mine.configuration |= {"block_reads": True, "block_writes": True, "delete_protection": True}

    assert f"mine      default  aws-ap-northeast-1  yes        {mine.url}\n" in turso.done("list").out
    shown = turso.done("show", "mine").out
    assert mine.url in shown
    assert "refused by Turso" in shown
    assert "reads and writes" in shown
    assert turso.done("show", "mine", "--json").json == turso.done("list", "--json").json["items"][0]


def test_branch_and_restore_make_copies_once(turso: TursoCli, fake_turso: FakeTursoPlatform) -> None:
    mine = fake_turso.add_database("mine")
    mine.run("CREATE TABLE notes (text); INSERT INTO notes VALUES ('一つ目')")
    at = mine.remember().isoformat(timespec="microseconds")
    mine.run("DELETE FROM notes")

    for words, name, kept in (
        (("branch", "mine", "copy"), "copy", []),
        (("restore", "mine", "--at", at, "--name", "past"), "past", ["一つ目"]),
    ):
        assert (
            f"Would copy mine, as it {'is' if name == 'copy' else 'was'}"
            in turso.done(*words, "--dry-run").out
        )
        assert turso.done(*words, "--dry-run", "--json").json["database"] is None
        assert name not in fake_turso.databases
        made = turso.done(*words)
        again = turso.done(*words, "--json").json

        assert f"autoforge turso token create {name}" in made.err
        assert fake_turso.databases[name].column("SELECT text FROM notes") == kept
        assert (again["present"], again["database"]["parent"]["name"]) == (True, "mine")
        assert f"Nothing to do: {name} is there already." in turso.done(*words).out
    assert fake_turso.calls(*CREATE) == 2


def test_restore_tells_how_far_back_it_reaches(turso: TursoCli, fake_turso: FakeTursoPlatform) -> None:
    fake_turso.add_database("mine")
    failed = turso("restore", "mine", "--at", "2020-01-01T00:00:00Z")
    assert failed.code == 1
    assert "keeps the past for 30 days" in failed.err
    assert "cannot be restored" in failed.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("show", "Mine"), "lowercase letters, digits and dashes, at most 64"),
        (("create", "x" * 65), "lowercase letters, digits and dashes, at most 64"),
        (("create", "--group", "A"), "lowercase letters, digits and dashes, at most 64"),
        (("branch", "mine", "no_dash"), "lowercase letters, digits and dashes, at most 64"),
        (("restore", "mine", "--at", "noon"), "is no time"),
        (("token", "create", "mine", "--expires", "soon"), "is no length of time"),
        (("token", "create", "mine", "--for", "runtime", "--read-only"), "not both"),
        (("token", "create", "mine", "--json"), "JSON never holds a token"),
        (("token", "rotate", "mine", "--confirm", "mine"), "goes with --invalidate only"),
    ],
)
def test_wrong_input_is_refused_before_a_call(
    turso: TursoCli, fake_turso: FakeTursoPlatform, words: tuple[str, ...], said: str
) -> None:
    assert said in turso.refused(*words, code=2)
    assert fake_turso.seen == []


COMMANDS = {
    "locations": ("locations",),
    "whoami": ("whoami",),
    "create": ("create",),
    "list": ("list",),
    "show": ("show", "mine"),
    "branch": ("branch", "mine", "copy"),
    "restore": ("restore", "mine", "--at", "2026-01-01T00:00:00Z"),
    "token create": ("token", "create", "mine"),
    "token rotate": ("token", "rotate", "mine"),
    "token rotate --invalidate": ("token", "rotate", "mine", "--invalidate", "--confirm", "mine"),
}
Fault = Callable[[FakeTursoPlatform], None]
FAULTS: dict[str, tuple[Fault, int, str]] = {
    "400": (lambda f: f.answer(400), 1, "(HTTP 400: said so)"),
    "401": (lambda f: f.answer(401), 1, "does not accept TURSO_API_TOKEN"),
    "402": (lambda f: f.answer(402), 1, "the plan of the organization"),
    "403": (lambda f: f.answer(403), 1, "autoforge turso whoami"),
    "422": (lambda f: f.answer(422), 1, "(HTTP 422: said so)"),
    "500": (lambda f: f.answer(500), 4, "a fault of its own (HTTP 500: said so)"),
    "garbage": (lambda f: f.answer(200, b"<html>"), 4, "Check TURSO_API_BASEURL"),
    "hang": (lambda f: f.hang(), 4, "did not answer within 0.2 s"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("command", COMMANDS)
def test_fault_is_one_line_with_the_way_out_and_its_exit_code(
    turso: TursoCli, fake_turso: FakeTursoPlatform, monkeypatch: pytest.MonkeyPatch, command: str, fault: str
) -> None:
    fake_turso.add_database("mine", runs=False)
    set_fault, code, said = FAULTS[fault]
    set_fault(fake_turso)
    monkeypatch.setenv("TURSO_API_TIMEOUT_SECONDS", "0.2" if "0.2 s" in said else "10")

    line = turso.refused(*COMMANDS[command], code=code)

    assert line.startswith("Error: Cannot ")
    assert said in line


def test_platform_token_is_asked_for_when_it_is_missing(
    turso: TursoCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TURSO_API_TOKEN")
    assert "TURSO_API_TOKEN is not set" in turso.refused("list", code=1)


@pytest.mark.parametrize(
    "address",
    [
        "http://api.turso.tech",
        "https://user:pw@api.turso.tech",
        "https://x/?a=1",
        "ftp://x",
        "api.turso.tech",
    ],
)
def test_address_that_is_not_fit_for_a_token_is_refused(
    turso: TursoCli, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("TURSO_API_BASEURL", address)
    failed = turso("list")
    assert failed.code == 1
    assert "TURSO_API_BASEURL" in failed.err
    assert "pw" not in failed.err
