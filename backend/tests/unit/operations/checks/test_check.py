from datetime import UTC, datetime

from src.core.config.settings.base import AppEnv
from src.operations.checks.check import Check, Finding, run
from src.operations.checks.scene import Scene
from src.operations.verdict import Level, Verdict, fail, ok, skip, warn

A_SCENE = Scene(AppEnv.LOCAL, now=datetime(2026, 11, 23, tzinfo=UTC))


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
        [a_check("a", ok("")), a_check("b", ok(""))], None, on_found=lambda found: told.append(found.check.id)
    )

    assert told == ["a", "b"]


def test_only_what_is_bad_can_be_mended() -> None:
    checks = [
        Check(
            id=str(number),
            phase="4-3",
            title="",
            why="",
            look=lambda _, verdict=verdict: verdict,
            mend=lambda _: "done",
        )
        for number, verdict in enumerate((ok("fine"), fail("broken", "Mend it.")))
    ]

    assert [found.can_mend for found in run(checks, A_SCENE)] == [False, True]
