"""`autoforge verify`: every check, or those of some phases, for the environment that is named."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from src.operations.checks import inspection
from src.operations.checks.all_checks import TROUBLES
from src.operations.checks.check import Check
from src.operations.verdict import Verdict, fail, ok, outage
from tests.backends import on_sqlite
from tests.integration.cli.harness import Cli
from tests.integration.cli.test_doctor import levels


def test_absent_local_database_is_made_and_then_checked(fresh_cli: Cli, database_file: Path) -> None:
    found = fresh_cli.done("verify", "--env", "local", "--phase", "4-5", "--json")
    assert found.err.splitlines() == [
        f"local: sqlite:///{database_file}",
        f"Created database {database_file}",
    ]
    assert levels(found)["migrations.current"] == "ok"
    assert levels(found)["migrations.drift"] == "ok"


@on_sqlite
def test_phase_brings_what_it_needs_and_nothing_else(cli: Cli) -> None:
    found = cli.done("verify", "--phase", "4-4", "--json").json["findings"]
    assert {one["phase"] for one in found} == {"4-4", "4-3", "4-1"}
    assert [one["number"] for one in found if one["phase"] == "4-4"] == [f"4-4.{n}" for n in range(1, 8)]
    both = cli.done("verify", "--phase", "4-1", "--phase", "machine", "--json").json["findings"]
    assert {"4-1", "machine"} <= {one["phase"] for one in both}


@on_sqlite
def test_troubles_of_the_guide_are_looked_for_together(cli: Cli) -> None:
    found = levels(cli.done("verify", "--phase", "help", "--json"))
    assert set(TROUBLES.values()) <= set(found)
    assert "deploy.workflows" not in found


def test_phase_that_there_is_not_is_a_usage_error(fresh_cli: Cli) -> None:
    said = fresh_cli.refused("verify", "--phase", "4-9", code=2)
    assert "There is no phase '4-9'. There are: machine, 4-1" in said


def test_environment_is_told_before_anything_else(fresh_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL")
    found = fresh_cli("verify", "--env", "staging", "--phase", "4-3")
    assert found.err.splitlines()[0] == "staging: no database that can be used"
    monkeypatch.setenv("TURSO_DATABASE_URL", "libsql://x.turso.io")
    monkeypatch.setenv("APP_ENV", "production")
    assert "which would be taken for staging" in fresh_cli("verify", "--env", "staging").err


def a_check(name: str, verdict: Verdict, **more: Any) -> Check:
    return Check(id=name, phase="4-6", title=name, why="Because.", look=lambda _: verdict, **more)


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ({"a": ok("fine")}, 0),
        ({"a": ok("fine"), "b": fail("wrong", "Mend it.")}, 1),
        ({"a": outage("silent", "Wait.")}, 4),
        ({"a": outage("silent", "Wait."), "b": fail("wrong", "Mend it.")}, 1),
    ],
)
def test_exit_code_tells_an_outage_from_a_fault(
    fresh_cli: Cli, monkeypatch: pytest.MonkeyPatch, verdicts: Mapping[str, Verdict], code: int
) -> None:
    checks = [a_check(name, verdict) for name, verdict in verdicts.items()]
    monkeypatch.setattr(inspection, "ALL_CHECKS", [*checks, a_check("last", ok("fine"), needs=("a",))])
    assert fresh_cli("verify", "--json").code == code


def test_what_was_blocked_is_mended_in_the_next_round(
    fresh_cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def state_of(name: str) -> Check:
        def look(_: object) -> Verdict:
            return ok("mended") if name in done else fail("broken", "Mend it.", can_mend=True)

        def mend(_: object) -> str:
            done.append(name)
            return f"mended {name}"

        needs = ("first",) if name == "second" else ()
        return Check(id=name, phase="4-6", title=name, why="", look=look, mend=mend, needs=needs)

    def refuse(_: object) -> str:
        raise RuntimeError("it is not ours\nand more")

    stubborn = Check(
        id="third",
        phase="4-6",
        title="",
        why="",
        look=lambda _: fail("broken", "Mend it.", can_mend=True),
        mend=refuse,
    )
    monkeypatch.setattr(inspection, "ALL_CHECKS", [state_of("first"), state_of("second"), stubborn])

    found = fresh_cli("verify", "--fix", "--json")

    assert done == ["first", "second"]
    assert levels(found) == {"first": "ok", "second": "ok", "third": "fail"}
    assert found.json["mended"][1] == {"id": "third", "done": False, "message": "it is not ours"}
    assert "third: not mended: it is not ours" in found.err
