"""`autoforge doctor`: what is wrong with this installation, and how to mend it."""

import typer

from src.presentation.cli.check_views import AllOption, FixOption
from src.presentation.cli.checking import check
from src.presentation.cli.context import opened
from src.presentation.cli.output import JsonOption

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command("doctor")
def doctor(
    ctx: typer.Context, fix: FixOption = False, all: AllOption = False, json: JsonOption = False
) -> None:
    """What is wrong with this installation, and how to mend it: the quick checks, for the environment of APP_ENV.

    Needs nothing to be set up, and changes nothing without --fix. Exit code 1 when something fails, 4 when it is only
    that a service outside does not answer. `autoforge verify` checks everything.
    """
    with opened(ctx) as container:
        inspection = container.inspection(None, only_quick=True)
        raise typer.Exit(check(inspection, command="autoforge doctor", fix=fix, all=all, json=json))
