"""`autoforge db history`, `check` and `stamp`: what the schema is, against what it ought to be."""

from collections.abc import Sequence
from typing import Annotated

import typer

from src.presentation.cli.confirming import YesOption
from src.presentation.cli.context import opened
from src.presentation.cli.database_ports import Drift
from src.presentation.cli.database_target import (
    DatabaseOption,
    DryRunOption,
    EnvOption,
    NoWaitOption,
    require_agreement,
    require_file,
)
from src.presentation.cli.output import JsonOption, counted, heading, say, show, show_json, show_table

_FAILED = 1


def history(ctx: typer.Context, env: EnvOption = None, json: JsonOption = False) -> None:
    """List all migrations, newest first, and which of them the database has."""
    with opened(ctx, env) as container:
        require_file(container)
        chain, found = container.migrations.chain, container.migrations.status()
    pending = {revision.id for revision in found.pending}
    rows = [
        {
            "id": revision.id,
            "title": revision.title,
            "state": "pending"
            if revision.id in pending
            else "current"
            if revision.id == found.current
            else "done",
        }
        for revision in reversed(chain)
    ]
    if json:
        show_json(rows)
    else:
        show_table(
            ("Revision", "State", "What it does"),
            [(row["id"], row["state"], row["title"]) for row in rows],
            wide=("What it does",),
        )


def check(ctx: typer.Context, env: EnvOption = None, json: JsonOption = False) -> None:
    """Compare models, migrations and the database. Changes nothing. Exit code 1 when they differ."""
    with opened(ctx, env) as container:
        require_file(container)
        drift = container.migrations.drift()
        command = container.migrations.upgrade_command
    if json:
        show_json(
            {
                "current": drift.current,
                "models": list(drift.models),
                "live": list(drift.live),
                "pending": [revision.id for revision in drift.pending],
            }
        )
    else:
        _show_drift(drift, command)
    raise typer.Exit(_FAILED if drift else 0)


def stamp(
    ctx: typer.Context,
    revision: Annotated[str, typer.Argument(metavar="REV", help='A revision, or "head".')],
    env: EnvOption = None,
    yes: YesOption = False,
    database: DatabaseOption = None,
    no_wait: NoWaitOption = False,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """Write down at which revision the database is, when its schema proves it. No migration runs.

    Rows are not compared: a migration that only changes rows counts as done.
    """
    with opened(ctx, env) as container:
        require_file(container)
        migrations = container.migrations
        if dry_run:
            migrations.prove(revision)
            _tell_proof(revision, json=json)
            return
        consequence = f"This writes down that {migrations.target.name} is at {revision}."
        require_agreement(migrations.target, consequence, yes=yes, named=database)
        migrations.stamp(revision, notice=say, wait=not no_wait)
        current = migrations.status().current
    if json:
        show_json({"current": current})
    else:
        show(f"The schema is that of {current}, and the database says so now.")


def _tell_proof(revision: str, *, json: bool) -> None:
    if json:
        show_json({"proved": revision})
    else:
        show(f"The schema is that of {revision}: a stamp would be right. Nothing was changed.")


def _show_drift(drift: Drift, upgrade_command: str) -> None:
    if not drift:
        show(f"No drift: models, migrations and the database agree on {drift.current}.")
        return
    if drift.models:
        heading("The models differ from what the migrations make")
        _show_lines(drift.models)
        show("Write a migration, in backend/: alembic revision --autogenerate -m 'what it does'")
    if drift.live:
        heading(f"The database differs from what its migrations ({drift.current or 'none yet'}) make")
        _show_lines(drift.live)
        show("Somebody changed it by hand: undo that, or write a migration that does the same everywhere.")
    if drift.pending:
        heading(f"The database is {counted(len(drift.pending), 'migration')} behind")
        _show_lines([f"  {revision.id} {revision.title}" for revision in drift.pending])
        show(f"Run: {upgrade_command}")


def _show_lines(lines: Sequence[str]) -> None:
    for line in lines:
        show(line)
