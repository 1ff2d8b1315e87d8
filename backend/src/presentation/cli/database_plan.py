"""`autoforge db plan`: an upgrade tried on a copy."""

from typing import Annotated

import typer

from src.presentation.cli.context import opened
from src.presentation.cli.database_ports import Plan, PlannedStep
from src.presentation.cli.database_target import EnvOption, require_file
from src.presentation.cli.output import (
    JsonOption,
    counted,
    heading,
    milliseconds,
    say,
    show,
    show_fields,
    show_json,
    show_line,
)
from src.presentation.cli.progress import progress_shown

_FAILED = 1
_STYLES = {"+": "green", "-": "red", "~": "yellow"}


def plan(
    ctx: typer.Context,
    revision: Annotated[str, typer.Argument(metavar="[REV]", help="Up to this revision.")] = "head",
    env: EnvOption = None,
    json: JsonOption = False,
) -> None:
    """Try the pending migrations on a copy and show what they would do. The database is only read.

    Exit code 1 when one of them fails there.
    """
    with opened(ctx, env) as container:
        require_file(container)
        with progress_shown() as advance:
            made = container.plan_upgrade(revision, on_progress=advance)
    if json:
        show_json(_as_json(made))
    else:
        _show(made)
    raise typer.Exit(_FAILED if made.failure else 0)


def _show(plan: Plan) -> None:
    if not plan.pending:
        show(f"Nothing to do: the database is at {plan.current}.")
        return
    show_fields(
        [
            ("Database", plan.url),
            ("From, to", f"{plan.current or 'nothing'} → {plan.revision}"),
            ("Tried on", f"{plan.tried_on}, made in {milliseconds(plan.copy_seconds * 1000)}"),
        ]
    )
    for step in plan.steps:
        _show_step(step)
    if plan.failure:
        failed = plan.pending[len(plan.steps)]
        heading(f"{failed.id} {failed.title}: it fails")
        show(plan.failure)
    elif plan.dangers:
        heading(f"{counted(len(plan.dangers), 'thing')} to be sure of before the upgrade")
        for danger in plan.dangers:
            show(f"  {danger}")
    else:
        say("Nothing here destroys or refuses anything.")


def _show_step(step: PlannedStep) -> None:
    from rich.text import Text

    heading(f"{step.id} {step.title} ({milliseconds(step.seconds * 1000)})")
    if not step.changes:
        show("  The schema stays as it is.")
    for change in step.changes:
        line = Text(f"  {change}", style=_STYLES[str(change)[0]])
        if change.danger:
            line.append(f"  ({change.danger})", style="bold")
        show_line(line)
    show_fields([(f"  rows of {name}", f"{before} → {after}") for name, before, after in _moved_rows(step)])


def _moved_rows(step: PlannedStep) -> list[tuple[str, str, str]]:
    """Only of tables whose number of rows is another afterwards."""
    names = sorted(step.rows_before.keys() | step.rows_after.keys())
    counts = ((name, step.rows_before.get(name), step.rows_after.get(name)) for name in names)
    return [
        (name, "no table" if before is None else f"{before:,}", "no table" if after is None else f"{after:,}")
        for name, before, after in counts
        if before != after and (before or after)
    ]


def _as_json(plan: Plan) -> dict[str, object]:
    return {
        "url": plan.url,
        "current": plan.current,
        "revision": plan.revision,
        "tried_on": plan.tried_on,
        "copy_seconds": round(plan.copy_seconds, 3),
        "pending": [{"id": found.id, "title": found.title} for found in plan.pending],
        "steps": [
            {
                "id": step.id,
                "title": step.title,
                "seconds": round(step.seconds, 3),
                "changes": [{"change": str(change), "danger": change.danger} for change in step.changes],
                "rows_before": dict(step.rows_before),
                "rows_after": dict(step.rows_after),
                "dangers": list(step.dangers),
            }
            for step in plan.steps
        ],
        "dangers": list(plan.dangers),
        "failure": plan.failure,
    }
