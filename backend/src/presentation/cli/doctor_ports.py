"""What a check says: `level` is "ok", "warn" or "fail", and `fix` what to do about it."""

from typing import Protocol


class Verdict(Protocol):
    @property
    def level(self) -> str: ...
    @property
    def message(self) -> str: ...
    @property
    def fix(self) -> str | None: ...


class Finding(Verdict, Protocol):
    """What `doctor` found."""

    @property
    def check(self) -> str: ...
