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
    """`fix` says what mends it, when it is bad: the command, or the deed."""

    level: Level
    message: str
    fix: str | None = None


def ok(message: str) -> Verdict:
    return Verdict(Level.OK, message)


def skip(message: str) -> Verdict:
    return Verdict(Level.SKIP, message)


def warn(message: str, fix: str) -> Verdict:
    return Verdict(Level.WARN, message, fix)


def fail(message: str, fix: str) -> Verdict:
    return Verdict(Level.FAIL, message, fix)
