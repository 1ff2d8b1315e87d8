"""`autoforge verify`: every criterion of the set-up guide, for one environment. What CI runs after a deployment."""

from typing import Annotated

import typer

from src.presentation.cli.check_views import AllOption, FixOption
from src.presentation.cli.checking import check
from src.presentation.cli.context import opened
from src.presentation.cli.database_target import EnvOption
from src.presentation.cli.output import JsonOption, say

# Where there is nothing to see without a database.
_OF_THE_DATABASE = ("4-5", "4-6")

PhaseOption = Annotated[
    list[str] | None,
    typer.Option(
        "--phase", metavar="4-N", help="Only this phase of the guide and what it needs; repeatable."
    ),
]

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command("verify")
def verify(
    ctx: typer.Context,
    env: EnvOption = None,
    phase: PhaseOption = None,
    fix: FixOption = False,
    all: AllOption = False,
    json: JsonOption = False,
) -> None:
    """Check every criterion of the set-up guide, by its number, for one environment.

    Asks the live services, and writes to them in a place of its own that it clears again. A local database that is
    not there yet is made, as every command does. Exit code 1 when something fails, 4 when it is only that a service
    outside does not answer. docs/checks.md lists all checks.
    """
    with opened(ctx, env) as container:
        inspection = container.inspection(env, phases=phase or ())
        say(f"{inspection.env}: {inspection.database() or 'no database that can be used'}")
        if any(one.phase in _OF_THE_DATABASE for one in inspection.checks) and (
            made := inspection.make_absent_database()
        ):
            say(f"Created database {made}")
        words = ["autoforge verify", f"--env {inspection.env}", *(f"--phase {one}" for one in phase or ())]
        raise typer.Exit(check(inspection, command=" ".join(words), fix=fix, all=all, json=json))
