"""What a check is, and how checks are run: each after those that it needs, and blocked when one of them failed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from src.operations.checks.scene import Scene
from src.operations.verdict import Level, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """`id` is stable ("env-file.mode"); `phase` is that of the set-up guide ("4-3"), or "help" for its troubles.

    `why` tells what goes wrong otherwise. `needs` are the ids of checks without which this one can tell nothing.
    `look` sees, without changing anything that lasts. `mend`, where there is one, mends safely and says what it did.
    `quick`: needs no network beyond what the settings name, and at most some tens of milliseconds.
    """

    id: str
    phase: str
    title: str
    why: str
    look: Callable[[Scene], Verdict]
    needs: tuple[str, ...] = ()
    mend: Callable[[Scene], str] | None = None
    quick: bool = True


@dataclass(frozen=True, slots=True)
class Finding:
    check: Check
    level: Level
    message: str
    fix: str | None = None
    can_mend: bool = False


def run(
    checks: Sequence[Check], scene: Scene, *, on_found: Callable[[Finding], None] | None = None
) -> list[Finding]:
    """A finding for each of `checks`, which stand in an order in which each follows those that it needs.

    A need that is not among `checks` is taken as met. What a check raises instead of a verdict is told as a failure
    of that check, and never hides the others.
    """
    findings: dict[str, Finding] = {}
    for check in checks:
        found = _look(check, scene, findings)
        findings[check.id] = found
        if on_found is not None:
            on_found(found)
    return list(findings.values())


def _look(check: Check, scene: Scene, before: dict[str, Finding]) -> Finding:
    blocking = next((name for name in check.needs if _is_bad(before.get(name))), None)
    if blocking is not None:
        root = before[blocking]
        by = root.message.removeprefix("blocked by ") if root.level is Level.BLOCKED else blocking
        return Finding(check, Level.BLOCKED, f"blocked by {by}")
    try:
        verdict = check.look(scene)
    except Exception as exc:  # noqa: BLE001 - whatever breaks in one check must not hide what the others found
        fix = "Run it again with AUTOFORGE_DEBUG=1, and report it: the check should have said this better."
        return Finding(check, Level.FAIL, f"{type(exc).__name__}: {_first_line(exc)}", fix)
    is_bad = verdict.level in (Level.WARN, Level.FAIL)
    return Finding(
        check, verdict.level, verdict.message, verdict.fix, can_mend=is_bad and check.mend is not None
    )


def _is_bad(finding: Finding | None) -> bool:
    return finding is not None and finding.level in (Level.FAIL, Level.BLOCKED)


def _first_line(exc: Exception) -> str:
    return (str(exc).splitlines() or ["no message"])[0][:300]
