"""One round of checks, as `doctor` and `verify` make it: look, mend where that is asked for, look again, tell."""

from collections.abc import Sequence

from src.presentation.cli.check_views import Report, show_report
from src.presentation.cli.doctor_ports import Check, Finding, Inspection, Mended
from src.presentation.cli.output import say, show_json
from src.presentation.cli.progress import progress_shown

DONE, FAILED, UNAVAILABLE = 0, 1, 4
_ROUNDS = 3  # what was blocked may turn out to need mending too


def check(inspection: Inspection, *, command: str, fix: bool, all: bool, json: bool) -> int:
    """The exit code."""
    findings = _look(inspection)
    mended: list[Mended] = []
    for _ in range(_ROUNDS if fix else 0):
        done = _mend(inspection, findings, tried={one.id for one in mended})
        if not done:
            break
        mended += done
        findings = _look(inspection)
    report = Report(inspection, findings, mended)
    if json:
        show_json(report.as_json())
    else:
        show_report(report, command=command, all=all)
    return exit_code(findings)


def exit_code(findings: Sequence[Finding]) -> int:
    failed = [found for found in findings if found.level == "fail"]
    if not failed:
        return FAILED if any(found.level == "blocked" for found in findings) else DONE
    return UNAVAILABLE if all(found.is_outage for found in failed) else FAILED


def _look(inspection: Inspection) -> Sequence[Finding]:
    count, seen = len(inspection.checks), 0
    with progress_shown() as advance:

        def begin(check: Check) -> None:
            nonlocal seen
            advance(check.title, seen / count)
            seen += 1

        return inspection.look(on_begin=begin)


def _mend(inspection: Inspection, findings: Sequence[Finding], *, tried: set[str]) -> list[Mended]:
    done = []
    for found in findings:
        if found.can_mend and found.check.id not in tried:
            one = inspection.mend(found.check.id)
            say(f"{one.id}: {'' if one.is_done else 'not mended: '}{one.message}")
            done.append(one)
    return done
