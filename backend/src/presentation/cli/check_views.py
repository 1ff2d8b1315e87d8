"""How findings look: grouped by the phases of the guide, with words for what is bad only."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from src.presentation.cli.doctor_ports import Finding, Inspection, Mended
from src.presentation.cli.output import counted, show, show_line

if TYPE_CHECKING:
    from rich.text import Text

FixOption = Annotated[bool, typer.Option("--fix", help="Mend what can be mended safely, then look again.")]
AllOption = Annotated[bool, typer.Option("--all", help="Show every check, also those that are fine.")]

_STYLES: Mapping[str, str] = {
    "ok": "green",
    "warn": "yellow",
    "fail": "bold red",
    "blocked": "magenta",
    "skip": "dim",
}
_WORST_FIRST = ("fail", "blocked", "warn", "ok", "skip")
_WORDS = {"ok": "ok", "warn": "to look at", "fail": "failed", "blocked": "blocked", "skip": "skipped"}
_INDENT = 10


@dataclass(frozen=True, slots=True)
class Report:
    inspection: Inspection
    findings: Sequence[Finding]
    mended: Sequence[Mended]

    @property
    def counts(self) -> Mapping[str, int]:
        found = Counter(one.level for one in self.findings)
        return {level: found[level] for level in _STYLES}

    @property
    def is_healthy(self) -> bool:
        return not self.counts["fail"] and not self.counts["blocked"]

    def as_json(self) -> Mapping[str, Any]:
        return {
            "env": self.inspection.env,
            "database": self.inspection.database(),
            "healthy": self.is_healthy,
            "summary": self.counts,
            "mended": [{"id": one.id, "done": one.is_done, "message": one.message} for one in self.mended],
            "findings": [_as_json(one) for one in self.findings],
        }


def _as_json(found: Finding) -> Mapping[str, Any]:
    return {
        "id": found.check.id,
        "number": found.check.number,
        "phase": found.check.phase,
        "title": found.check.title,
        "level": found.level,
        "message": found.message,
        "why": found.check.why,
        "fix": found.fix,
        "can_mend": found.can_mend,
        "is_outage": found.is_outage,
    }


def show_report(report: Report, *, command: str, all: bool) -> None:
    for phase, title in report.inspection.phases.items():
        found = sorted((one for one in report.findings if one.check.phase == phase), key=_place)
        if found:
            show_line(_phase_line(phase, title, found))
            for line in _lines(found, all=all):
                show_line(line)
    show("")
    show_line(_summary(report))
    if any(one.can_mend for one in report.findings) and not report.mended:
        mendable = [one.check.id for one in report.findings if one.can_mend]
        show(f"{command} --fix mends {', '.join(mendable)}.")


def _place(found: Finding) -> int:
    return int(found.check.number.rpartition(".")[2] or 0)


def _phase_line(phase: str, title: str, found: Sequence[Finding]) -> "Text":
    worst = next(level for level in _WORST_FIRST if any(one.level == level for one in found))
    fine = sum(one.level == "ok" for one in found)
    skipped = sum(one.level == "skip" for one in found)
    beside = f", {skipped} skipped" if skipped else ""
    told = f"{fine} of {len(found) - skipped}{beside}" if skipped < len(found) else "nothing to check here"
    name = f"{phase} {title}" if phase.startswith("4-") else title
    return _line((worst, 8), f"{name}  ", tail=told)


def _lines(found: Sequence[Finding], *, all: bool) -> "Iterator[Text]":
    for one in found:
        if one.level in ("fail", "warn") or all:
            yield _line((one.level, 8), f"{one.check.id}: {one.message}", number=one.check.number)
        if one.level in ("fail", "warn"):
            yield _more(one.check.why)
            for line in (one.fix or "").splitlines():
                yield _more(line, style="bold")
    blocked = Counter(one.message for one in found if one.level == "blocked" and not all)
    for by, count in blocked.items():  # the many that one fault blocks would hide it
        yield _line(("blocked", 8), f"{counted(count, 'check')} {by}", number="")


def _line(level: tuple[str, int], text: str, *, number: str | None = None, tail: str = "") -> "Text":
    from rich.text import Text

    from src.presentation.cli.output import printable

    word, width = level
    line = Text("  " if number is not None else "")
    line.append(f"{word:<{width}}", style=_STYLES[word])
    if number is not None:
        line.append(f"{number:<11}", style="dim")
    line.append(printable(text))
    line.append(tail, style="dim")
    return line


def _more(text: str, *, style: str = "dim") -> "Text":
    from rich.text import Text

    from src.presentation.cli.output import printable

    return Text(" " * _INDENT + printable(text), style=style)


def _summary(report: Report) -> "Text":
    from rich.text import Text

    counts = report.counts
    said = ", ".join(f"{counts[level]} {_WORDS[level]}" for level in _WORST_FIRST if counts[level])
    verdict = "All is well" if report.is_healthy else "Something needs mending"
    style = "bold green" if report.is_healthy else "bold red"
    return Text.assemble(
        (f"{verdict}: ", style),
        f"{counted(len(report.findings), 'check')} of {report.inspection.env}, {said}.",
    )
