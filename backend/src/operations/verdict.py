"""What a check says of what it looked at."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`fix` says what mends it, when it is bad."""

    level: Level
    message: str
    fix: str | None = None
