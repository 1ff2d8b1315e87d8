"""What a check is, and how checks are run: each after those that it needs, and blocked when one of them failed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

S = TypeVar("S")


class Level(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    BLOCKED = "blocked"
    SKIP = "skip"  # there is nothing here to check, and `seen` says why


@dataclass(frozen=True, slots=True)
class Seen:
    """What a check saw. `mend` is the command, or the deed, that mends it."""

    level: Level
    seen: str
    mend: str | None = None


def ok(seen: str) -> Seen:
    return Seen(Level.OK, seen)


def skip(seen: str) -> Seen:
    return Seen(Level.SKIP, seen)


def warn(seen: str, mend: str) -> Seen:
    return Seen(Level.WARN, seen, mend)


def fail(seen: str, mend: str) -> Seen:
    return Seen(Level.FAIL, seen, mend)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check(Generic[S]):
    """`id` is stable ("env-file.mode"); `phase` is that of the set-up guide ("4-3"), or "help" for its troubles.

    `why` tells what goes wrong otherwise. `needs` are the ids of checks without which this one can tell nothing.
    `look` sees, without changing anything that lasts. `mend`, where there is one, mends safely and says what it did.
    `quick`: needs no network beyond what the settings name, and at most some tens of milliseconds.
    """

    id: str
    phase: str
    title: str
    why: str
    look: Callable[[S], Seen]
    needs: tuple[str, ...] = ()
    mend: Callable[[S], str] | None = None
    quick: bool = True


@dataclass(frozen=True, slots=True)
class Finding(Generic[S]):
    check: Check[S]
    level: Level
    seen: str
    mend: str | None
    can_mend: bool = False


def run(
    checks: Sequence[Check[S]], scene: S, *, on_found: Callable[[Finding[S]], None] | None = None
) -> list[Finding[S]]:
    """A finding for each of `checks`, which stand in an order in which each follows those that it needs.

    A need that is not among `checks` is taken as met. What a check raises beside its `Seen` is a failure of the check
    itself and is told as one: it never hides the others.
    """
    findings: dict[str, Finding[S]] = {}
    for check in checks:
        found = _look(check, scene, findings)
        findings[check.id] = found
        if on_found is not None:
            on_found(found)
    return list(findings.values())


def _look(check: Check[S], scene: S, before: dict[str, Finding[S]]) -> Finding[S]:
    blocking = next((name for name in check.needs if _is_bad(before.get(name))), None)
    if blocking is not None:
        root = before[blocking]
        by = root.seen.removeprefix("blocked by ") if root.level is Level.BLOCKED else blocking
        return Finding(check, Level.BLOCKED, f"blocked by {by}", None)
    try:
        seen = check.look(scene)
    except Exception as exc:  # noqa: BLE001 - whatever breaks in one check must not hide what the others found
        mend = "Run it again with AUTOFORGE_DEBUG=1, and report it: the check should have said this better."
        return Finding(check, Level.FAIL, f"{type(exc).__name__}: {_first_line(exc)}", mend)
    is_bad = seen.level in (Level.WARN, Level.FAIL)
    return Finding(check, seen.level, seen.seen, seen.mend, can_mend=is_bad and check.mend is not None)


def _is_bad(finding: Finding[S] | None) -> bool:
    return finding is not None and finding.level in (Level.FAIL, Level.BLOCKED)


def _first_line(exc: Exception) -> str:
    return (str(exc).splitlines() or ["no message"])[0][:300]
