"""What was measured: rows of ours beside a limit, and what the project promised for them."""

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from statistics import fmean, median
from typing import Any

from benchmarks.machine import NOISY_CORES
from benchmarks.references import PEERS, TARGETS, Target


class Verdict(StrEnum):
    OK = "ok"
    OK_HERE = "ok here"
    MISS = "miss"
    NOISY_MISS = "miss, noisy"
    NONE = ""


@dataclass(frozen=True, slots=True)
class Row:
    """`key` names the figure for ever (targets, peers and JSON go by it); `noise` is in cores."""

    key: str
    what: str
    metric: str
    ours: float
    limit: float | None
    limit_is: str
    noise: float

    @property
    def target(self) -> Target | None:
        return TARGETS.get(self.key)

    @property
    def target_here(self) -> float | None:
        """The target on this machine, where that is known to be slower than the one it was set on."""
        return None if self.target is None else self.target.here(self.limit)

    @property
    def peer(self) -> str:
        return PEERS.get(self.key, "")

    @property
    def ratio(self) -> float | None:
        """How many times dearer than the limit: 1 is as good as it gets."""
        if not self.limit or not self.ours:
            return None
        return self.limit / self.ours if self.metric.endswith("/s") else self.ours / self.limit

    @property
    def is_noisy(self) -> bool:
        return self.noise >= NOISY_CORES

    @property
    def verdict(self) -> Verdict:
        if self.target is None:
            return Verdict.NONE
        if self.target.is_met(self.ours):
            return Verdict.OK
        if self.target_here is not None and self.ours <= self.target_here:
            return Verdict.OK_HERE
        return Verdict.NOISY_MISS if self.is_noisy else Verdict.MISS

    def to_json(self) -> dict[str, Any]:
        return {
            **asdict(self),
            "ratio": self.ratio,
            "target": str(self.target) if self.target else None,
            "target_here": self.target_here,
            "verdict": self.verdict.value,
            "peer": self.peer,
        }


@dataclass(slots=True)
class Results:
    """`faults` are wrong answers and lost data: they fail the run, whatever the figures are."""

    machine: dict[str, str]
    rows: list[Row] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(
        self,
        key: str,
        what: str,
        metric: str,
        ours: list[float],
        limit: list[float] | None,
        *,
        limit_is: str,
        noise: list[float],
    ) -> None:
        """Adds the medians of the rounds."""
        bare = median(limit) if limit else None
        self.rows.append(Row(key, what, metric, median(ours), bare, limit_is, fmean(noise)))

    @property
    def has_failed(self) -> bool:
        return bool(self.faults) or any(row.verdict is Verdict.MISS for row in self.rows)

    def to_json(self) -> dict[str, Any]:
        return {
            "machine": self.machine,
            "rows": [row.to_json() for row in self.rows],
            "faults": self.faults,
            "notes": self.notes,
        }
