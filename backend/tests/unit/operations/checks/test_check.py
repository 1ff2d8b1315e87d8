from datetime import UTC, datetime

import pytest

from src.core.config.settings.base import AppEnv
from src.domain.shared.errors import UnavailableError
from src.operations.checks.check import Check, Finding, run, with_needs
from src.operations.checks.scene import Scene
from src.operations.verdict import Level, Verdict, fail, ok, outage, skip, warn

NOW = datetime(2026, 11, 23, tzinfo=UTC)
A_SCENE = Scene(AppEnv.LOCAL, now=NOW)


def a_check(name: str, verdict: Verdict, *, needs: tuple[str, ...] = ()) -> Check:
    return Check(id=name, phase="4-3", title=name, why="", look=lambda _: verdict, needs=needs)


def levels(findings: list[Finding]) -> dict[str, Level]:
    return {found.check.id: found.level for found in findings}


def test_what_needs_a_failed_check_is_blocked_by_the_first_cause() -> None:
    checks = [
        a_check("server", fail("silent", "Start it.")),
        a_check("schema", ok("never seen"), needs=("server",)),
        a_check("rows", ok("never seen"), needs=("schema",)),
        a_check("disk", ok("free")),
    ]

    findings = run(checks, A_SCENE)

    assert levels(findings) == {
        "server": Level.FAIL,
        "schema": Level.BLOCKED,
        "rows": Level.BLOCKED,
        "disk": Level.OK,
    }
    assert [found.message for found in findings[1:3]] == ["blocked by server"] * 2


def test_warning_and_skipped_check_block_nothing() -> None:
    checks = [
        a_check("old", warn("old", "Renew it.")),
        a_check("none", skip("none here")),
        a_check("next", ok("fine"), needs=("old", "none", "not among these")),
    ]

    assert levels(run(checks, A_SCENE))["next"] is Level.OK


def test_check_that_breaks_is_told_and_hides_no_other() -> None:
    def broken(_: Scene) -> Verdict:
        raise ValueError("first line\nsecond line")

    broke = Check(id="broken", phase="4-3", title="", why="", look=broken)

    findings = run([broke, a_check("other", ok("fine"))], A_SCENE)

    assert (findings[0].level, findings[0].message) == (Level.FAIL, "ValueError: first line")
    assert findings[1].level is Level.OK


def test_findings_are_told_as_they_come() -> None:
    told: list[str] = []

    run(
        [a_check("a", ok("")), a_check("b", ok(""))],
        A_SCENE,
        on_begin=lambda check: told.append(f"{check.id}?"),
        on_found=lambda found: told.append(found.check.id),
    )

    assert told == ["a?", "a", "b?", "b"]


def test_needs_of_what_is_wanted_come_along_in_their_order() -> None:
    checks = [
        a_check("server", ok("")),
        a_check("other", ok("")),
        a_check("schema", ok(""), needs=("server",)),
        a_check("rows", ok(""), needs=("schema", "not among these")),
    ]

    assert [check.id for check in with_needs(checks, ["rows"])] == ["server", "schema", "rows"]
    assert with_needs(checks, []) == []


def test_service_that_does_not_answer_is_an_outage() -> None:
    def silent(_: Scene) -> Verdict:
        raise UnavailableError("nobody there")

    def levels_of(check: Check) -> tuple[Level, bool]:
        [found] = run([check], A_SCENE)
        return found.level, found.is_outage

    assert levels_of(Check(id="a", phase="4-3", title="", why="", look=silent)) == (Level.FAIL, True)
    assert levels_of(a_check("b", outage("nobody there", "Wait."))) == (Level.FAIL, True)
    assert levels_of(a_check("c", fail("broken", "Mend it."))) == (Level.FAIL, False)


def test_secret_in_a_message_is_never_told(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "canary-of-twenty-letters"
    monkeypatch.setenv("OPENAI_API_KEY", secret)

    def broken(_: Scene) -> Verdict:
        raise ValueError(f"refused {secret}")

    scene = Scene(AppEnv.LOCAL, now=NOW)
    checks = [
        a_check("said", fail(f"{secret} is wrong", f"Replace {secret}.")),
        Check(id="raised", phase="4-3", title="", why="", look=broken),
    ]

    findings = run(checks, scene)

    assert secret not in repr([(found.message, found.fix) for found in findings])
    assert findings[0].message == "[secret] is wrong"


def test_trace_of_a_broken_check_is_shown_on_demand(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_: Scene) -> Verdict:
        raise ValueError("odd")

    check = Check(id="broken", phase="4-3", title="", why="", look=broken)
    run([check], A_SCENE)
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("AUTOFORGE_DEBUG", "1")
    run([check], A_SCENE)
    assert "ValueError: odd" in capsys.readouterr().err


def test_only_what_the_verdict_says_can_be_mended() -> None:
    checks = [
        Check(
            id=str(number),
            phase="4-3",
            title="",
            why="",
            look=lambda _, verdict=verdict: verdict,
            mend=lambda _: "done",
        )
        for number, verdict in enumerate(
            (ok("fine"), fail("broken", "Mend it."), fail("old", "Renew it.", can_mend=True))
        )
    ]

    assert [found.can_mend for found in run(checks, A_SCENE)] == [False, False, True]
