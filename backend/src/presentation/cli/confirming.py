"""What destroys something is done only when `--yes` says so: nothing ever waits for a key to be pressed."""

from typing import Annotated

import typer

from src.presentation.cli.output import say

YesOption = Annotated[bool, typer.Option("--yes", help="Do it; without this nothing is changed.")]

NEEDS_CONFIRMATION = 3


def require_yes(yes: bool, consequence: str) -> None:
    if not yes:
        say(f"{consequence} Nothing was changed; repeat with --yes to do it.")
        raise typer.Exit(NEEDS_CONFIRMATION)
