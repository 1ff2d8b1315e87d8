"""Whatever the platform answers, on whichever call: a sentence with the way out, and the right error."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from src.core.config.settings.base import SettingsError, load_settings
from src.domain.shared.errors import DomainError, UnavailableError
from src.operations.turso.errors import TursoRefusedError, TursoUnavailableError
from src.operations.turso.platform import TursoPlatform
from src.operations.turso.turso import Turso
from tests.fake_turso_platform import FakeTursoPlatform
from tests.integration.operations.turso.conftest import OpenTurso

IMPATIENT = 0.3
SLOW = "answer without end"  # takes as long as no answer at all, so not every call is tried with both
O = "/v1/organizations/acme"  # noqa: E741 - as the documentation writes it

Act = Callable[[Turso], object]


@dataclass(frozen=True)
class Case:
    """A call, what makes it, and what it is called in the message."""

    on: tuple[str, str]
    act: Act
    what: str


CALLS = {
    "locations": Case(("GET", "/v1/locations"), lambda t: t.locations(), "list the locations"),
    "validate": Case(("GET", "/v1/auth/validate"), lambda t: t.account(), "validate TURSO_API_TOKEN"),
    "user": Case(("GET", "/v1/user"), lambda t: t.account(), "read the user"),
    "organizations": Case(("GET", "/v1/organizations"), lambda t: t.databases(), "list the organizations"),
    "organization": Case(("GET", O), lambda t: t.account(), "read the organization 'acme'"),
    "databases": Case(("GET", f"{O}/databases"), lambda t: t.databases(), "list the databases"),
    "database": Case(("GET", "/databases/here"), lambda t: t.database("here"), "read the database 'here'"),
    "groups": Case(
        ("GET", f"{O}/groups"), lambda t: t.plan_databases(("new",), group="g"), "list the groups"
    ),
    "create group": Case(
        ("POST", f"{O}/groups"),
        lambda t: list(t.plan_databases(("new",), group="g").carry_out()),
        "create the group 'g'",
    ),
    "create database": Case(
        ("POST", f"{O}/databases"),
        lambda t: list(t.plan_databases(("new",), group="default").carry_out()),
        "create the database 'new'",
    ),
    "protect": Case(
        ("PATCH", "/databases/here/configuration"),
        lambda t: list(t.plan_databases(("here",), group="default", protect=True).carry_out()),
        "protect the database 'here'",
    ),
    "mint": Case(
        ("POST", "/databases/here/auth/tokens"),
        lambda t: t.platform.mint("here", expiration="90d", read_only=False),
        "make a token for 'here'",
    ),
    "invalidate group": Case(
        ("POST", f"{O}/groups/default/auth/rotate"),
        lambda t: t.platform.invalidate("groups", "default"),
        "invalidate the tokens of 'default'",
    ),
    "invalidate database": Case(
        ("POST", f"{O}/databases/here/auth/rotate"),
        lambda t: t.platform.invalidate("databases", "here"),
        "invalidate the tokens of 'here'",
    ),
    "branch": Case(
        ("POST", f"{O}/databases"),
        lambda t: t.plan_branch("here", "copy").make(),
        "create the database 'copy'",
    ),
    "restore": Case(
        ("POST", f"{O}/databases"),
        lambda t: t.plan_restore("here", "2026-01-01T00:00:00Z", "past").make(),
        "create the database 'past'",
    ),
    "remove": Case(
        ("DELETE", "/databases/branch"),
        lambda t: t.branches_of("here").remove("branch"),
        "delete the database 'branch'",
    ),
}

REFUSALS = {
    400: ("cannot use the request", "autoforge turso locations"),
    401: ("does not accept TURSO_API_TOKEN", "set TURSO_API_TOKEN"),
    402: ("the plan of the organization does not include it", "subscription"),
    403: ("TURSO_API_TOKEN has no right to do it", "autoforge turso whoami"),
    404: ("knows no such thing in this organization", "autoforge turso list"),
    409: ("has one already", "choose another name"),
    418: ("refuses it", "repeat"),
    422: ("name is not available", "Choose another name"),
}
# Where a status is no refusal: what is not there can be made or is gone, and some tokens may not see some things.
ANSWERS = {
    ("database", 404), ("user", 403), ("user", 404), ("organization", 403), ("remove", 404),
}  # fmt: skip

FAULTS: dict[str, tuple[Callable[[FakeTursoPlatform, tuple[str, str]], None], str]] = {
    "500": (lambda f, on: f.answer(500, on=on), "fault of its own (HTTP 500: said so)"),
    "502 in HTML": (lambda f, on: f.answer(502, b"<html>Bad\ngateway", on=on), "(HTTP 502: <html>Bad gateway)"),
    "503 without words": (lambda f, on: f.answer(503, b"", on=on), "(HTTP 503: no reason given)"),
    "429": (lambda f, on: f.answer(429, on=on), "too many requests (HTTP 429: said so)"),
    "garbage": (lambda f, on: f.answer(200, b"<html>Welcome", on=on), "is not Turso's Platform API"),
    "half of an answer": (lambda f, on: f.answer(200, b'{"databases": [', on=on), "is not Turso's Platform API"),
    "redirect": (
        lambda f, on: f.answer(302, b"", on=on, headers={"Location": "http://127.0.0.1:1/"}),
        "is not Turso's Platform API",
    ),
    "404 of another server": (lambda f, on: f.answer(404, b"not found", on=on), "is not Turso's Platform API"),
    "no answer": (lambda f, on: f.hang(on=on), "did not answer within 0.3 s"),
    SLOW: (lambda f, on: f.drip(on=on), "did not answer within 0.3 s"),
    "connection closed": (lambda f, on: f.drop(on=on), "broke off"),
}  # fmt: skip


@pytest.fixture
def stocked(fake: FakeTursoPlatform) -> Iterator[FakeTursoPlatform]:
    """A platform with a database and a branch of it; no server is behind them, and none is asked."""
    here = fake.add_database("here", runs=False)
    fake.add_database("branch", runs=False).parent = here
    return fake


def is_change(case: Case) -> bool:
    return case.on[0] != "GET"


@pytest.mark.parametrize(
    ("name", "status"),
    [(name, status) for name in CALLS for status in REFUSALS if (name, status) not in ANSWERS],
)
def test_refusal_is_a_sentence_with_the_way_out(
    stocked: FakeTursoPlatform, turso: Turso, name: str, status: int
) -> None:
    case, (meaning, way_out) = CALLS[name], REFUSALS[status]
    stocked.answer(status, b'{"error": "the reason"}', on=case.on)

    with pytest.raises(TursoRefusedError) as refused:
        case.act(turso)

    said = str(refused.value)
    assert said.startswith(f"Cannot {case.what}: ")
    assert f"{meaning} (HTTP {status}: the reason)" in said
    assert way_out in said
    assert refused.value.status == status
    assert stocked.calls(*case.on) == 1


@pytest.mark.parametrize(("name", "status"), sorted(ANSWERS - {("database", 404)}))
def test_status_that_is_an_answer_is_taken_as_one(
    stocked: FakeTursoPlatform, turso: Turso, name: str, status: int
) -> None:
    stocked.answer(status, on=CALLS[name].on)
    CALLS[name].act(turso)


@pytest.mark.parametrize(
    ("name", "fault"),
    [(name, fault) for name in CALLS for fault in FAULTS if fault != SLOW or name in ("databases", "mint")],
)
def test_fault_is_a_sentence_with_the_way_out(
    stocked: FakeTursoPlatform, open_turso: OpenTurso, name: str, fault: str
) -> None:
    case, (set_fault, meaning) = CALLS[name], FAULTS[fault]
    set_fault(stocked, case.on)

    with pytest.raises(TursoUnavailableError) as failed:
        case.act(open_turso(turso_api_timeout_seconds=IMPATIENT))

    said = str(failed.value)
    assert isinstance(failed.value, UnavailableError)
    assert said.startswith(f"Cannot {case.what}: ")
    assert meaning in said
    assert "repeat" in said or "Repeat" in said
    assert ("Whether it was done is not known" in said) == (is_change(case) and fault != "429")


@pytest.mark.parametrize("name", CALLS)
def test_address_where_nobody_listens_is_named(open_turso: OpenTurso, name: str) -> None:
    turso = open_turso(turso_api_baseurl="http://127.0.0.1:1", turso_organization="acme")
    with pytest.raises(TursoUnavailableError, match=r"127\.0\.0\.1:1 cannot be reached .* TURSO_API_BASEURL"):
        CALLS[name].act(turso)


@pytest.mark.parametrize("fault", ["500", "no answer", "connection closed"])
def test_reading_is_repeated_and_making_a_token_is_not(
    stocked: FakeTursoPlatform, open_turso: OpenTurso, fault: str
) -> None:
    turso = open_turso(turso_api_timeout_seconds=IMPATIENT, turso_organization="acme")
    set_fault, _ = FAULTS[fault]
    for name in ("databases", "mint"):
        set_fault(stocked, CALLS[name].on)
        with pytest.raises(TursoUnavailableError):
            CALLS[name].act(turso)

    assert stocked.calls(*CALLS["databases"].on) > 1
    assert stocked.calls(*CALLS["mint"].on) == 1


def test_reading_survives_faults_that_pass(stocked: FakeTursoPlatform, turso: Turso) -> None:
    on = CALLS["databases"].on
    stocked.answer(503, on=on, times=1)
    stocked.drop(on=on, times=1)
    stocked.answer(429, on=on, times=1)

    assert [one.name for one in turso.databases()] == ["branch", "here"]
    assert stocked.calls(*on) == 4


def test_token_is_made_when_there_were_too_many_requests_before(
    stocked: FakeTursoPlatform, turso: Turso
) -> None:
    stocked.answer(429, on=CALLS["mint"].on, times=1)
    turso.platform.mint("here", expiration="1d", read_only=True)
    assert len(stocked.databases["here"].minted) == 1


def test_long_wait_that_the_platform_asks_for_is_not_waited_out(
    stocked: FakeTursoPlatform, turso: Turso
) -> None:
    stocked.answer(429, on=CALLS["databases"].on, headers={"Retry-After": "3600"})
    with pytest.raises(TursoUnavailableError, match="Wait a minute"):
        turso.databases()
    assert stocked.calls(*CALLS["databases"].on) == 1


def test_wait_that_the_platform_asks_for_is_kept(
    stocked: FakeTursoPlatform,
) -> None:
    pauses: list[float] = []
    stocked.answer(429, on=CALLS["databases"].on, headers={"Retry-After": "7"}, times=1)
    settings = load_settings(turso_api_token=stocked.token, turso_api_baseurl=stocked.base_url)
    platform = TursoPlatform(settings, sleep=pauses.append)
    platform.databases()
    platform.close()
    assert pauses == [7.0]


def test_words_of_the_platform_cannot_move_the_cursor_nor_fill_the_screen(
    stocked: FakeTursoPlatform, turso: Turso
) -> None:
    stocked.answer(400, b"\x1b[2J\x00" + b"x" * 9000, on=CALLS["databases"].on)
    with pytest.raises(TursoRefusedError) as refused:
        turso.databases()
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 500


def test_answer_without_measure_is_given_up(stocked: FakeTursoPlatform, turso: Turso) -> None:
    stocked.answer(200, b"x" * (11 * 2**20), on=CALLS["locations"].on)
    with pytest.raises(TursoUnavailableError, match="more than 10 MiB"):
        turso.locations()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"turso_api_token": None}, "TURSO_API_TOKEN is not set"),
        ({"turso_api_token": "${TURSO_API_TOKEN}"}, "still holds a placeholder"),
        ({"turso_api_token": "two\nlines"}, "a character that tokens do not have"),
        ({"turso_api_token": "ключ"}, "a character that tokens do not have"),
    ],
)
def test_settings_that_cannot_be_used_are_named(
    open_turso: OpenTurso, changed: dict[str, str | None], said: str
) -> None:
    with pytest.raises(SettingsError, match=said) as refused:
        open_turso(**changed).databases()
    assert "ключ" not in str(refused.value)


def test_token_of_several_organizations_needs_one_chosen(
    stocked: FakeTursoPlatform, open_turso: OpenTurso
) -> None:
    stocked.other_organizations = ["zebra"]
    with pytest.raises(SettingsError, match=r"\(acme, zebra\)\. Set TURSO_ORGANIZATION"):
        open_turso().databases()
    assert len(open_turso(turso_organization="acme").databases()) == 2


def test_organization_of_somebody_else_is_named(stocked: FakeTursoPlatform, open_turso: OpenTurso) -> None:
    with pytest.raises(DomainError, match=r"could not find organization nobody.*whoami"):
        open_turso(turso_organization="nobody").databases()
