"""What a check is, and how checks are run: each after those that it needs, and blocked when one of them failed."""

import os
import sys
import traceback
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from src.domain.shared.errors import UnavailableError
from src.operations.checks.scene import Scene
from src.operations.verdict import Level, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """`id` is stable ("env-file.mode"); `phase` is that of the set-up guide ("4-3"), "machine" or "help".

    `number` is given where all checks stand together ("4-3.2"). `why` tells what goes wrong otherwise. `needs` are the
    ids of checks without which this one can tell nothing. `look` sees, without changing anything that lasts. `mend`,
    where there is one, mends safely what a verdict says that it can, and says what it did; or raises what it cannot.
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
    number: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """`is_outage`: it failed only because a service outside does not answer."""

    check: Check
    level: Level
    message: str
    fix: str | None = None
    can_mend: bool = False
    is_outage: bool = False

    @property
    def is_bad(self) -> bool:
        return self.level in (Level.WARN, Level.FAIL)


def run(
    checks: Sequence[Check],
    scene: Scene,
    *,
    on_begin: Callable[[Check], None] | None = None,
    on_found: Callable[[Finding], None] | None = None,
) -> list[Finding]:
    """A finding for each of `checks`, which stand in an order in which each follows those that it needs.

    A need that is not among `checks` is taken as met. What a check raises instead of a verdict is told as a failure
    of that check, and never hides the others.
    """
    findings: dict[str, Finding] = {}
    for check in checks:
        if on_begin is not None:
            on_begin(check)
        found = _look(check, scene, findings)
        findings[check.id] = found
        if on_found is not None:
            on_found(found)
    return list(findings.values())


def with_needs(checks: Sequence[Check], wanted: Collection[str]) -> list[Check]:
    """The checks whose ids are `wanted`, and those that they need, in the order of `checks`."""
    chosen = set(wanted)
    for check in reversed(checks):  # what is needed stands before what needs it
        if check.id in chosen:
            chosen.update(check.needs)
    return [check for check in checks if check.id in chosen]


def _look(check: Check, scene: Scene, before: dict[str, Finding]) -> Finding:
    blocking = next((name for name in check.needs if _blocks(before.get(name))), None)
    if blocking is not None:
        root = before[blocking]
        by = root.message.removeprefix("blocked by ") if root.level is Level.BLOCKED else blocking
        return Finding(check, Level.BLOCKED, f"blocked by {by}")
    try:
        verdict = check.look(scene)
    except UnavailableError as exc:
        fix = "Repeat in a moment; if it stays so, check the address and the network."
        verdict = Verdict(Level.FAIL, _first_line(exc), fix, is_outage=True)
    except Exception as exc:  # noqa: BLE001 - whatever breaks in one check must not hide what the others found
        if os.environ.get("AUTOFORGE_DEBUG"):
            traceback.print_exc(file=sys.stderr)
        fix = "Run it again with AUTOFORGE_DEBUG=1, and report it: the check should have said this better."
        verdict = Verdict(Level.FAIL, f"{type(exc).__name__}: {_first_line(exc)}", fix)
    return Finding(
        check,
        verdict.level,
        scene.without_secrets(verdict.message),
        None if verdict.fix is None else scene.without_secrets(verdict.fix),
        can_mend=verdict.can_mend,
        is_outage=verdict.is_outage,
    )


def _blocks(finding: Finding | None) -> bool:
    return finding is not None and finding.level in (Level.FAIL, Level.BLOCKED)


def _first_line(exc: Exception) -> str:
    return (str(exc).splitlines() or ["no message"])[0][:300]
