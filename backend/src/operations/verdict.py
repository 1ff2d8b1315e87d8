"""What a check says of what it looked at."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    BLOCKED = "blocked"  # by another check, which failed
    SKIP = "skip"  # there is nothing here to check, and the message says why


@dataclass(frozen=True, slots=True)
class Verdict:
    """`fix` says what mends it, when it is bad: the command, or the deed. `is_outage`: a service does not answer.

    `can_mend`: what is wrong is what the check itself can mend.
    """

    level: Level
    message: str
    fix: str | None = None
    is_outage: bool = False
    can_mend: bool = False


def ok(message: str) -> Verdict:
    return Verdict(Level.OK, message)


def skip(message: str) -> Verdict:
    return Verdict(Level.SKIP, message)


def blocked(by: str) -> Verdict:
    """The check `by` has failed on the same thing already."""
    return Verdict(Level.BLOCKED, f"blocked by {by}")


def warn(message: str, fix: str, *, can_mend: bool = False) -> Verdict:
    return Verdict(Level.WARN, message, fix, can_mend=can_mend)


def fail(message: str, fix: str, *, can_mend: bool = False) -> Verdict:
    return Verdict(Level.FAIL, message, fix, can_mend=can_mend)


def outage(message: str, fix: str) -> Verdict:
    """It fails, and all that is known is that a service outside does not answer."""
    return Verdict(Level.FAIL, message, fix, is_outage=True)
