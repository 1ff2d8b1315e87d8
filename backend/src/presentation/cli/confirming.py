"""What destroys something is done only when `--yes` says so, or a person at a terminal.

Where there is no terminal, nothing ever waits for a key to be pressed.
"""

import sys
from typing import Annotated, NoReturn

import typer

from src.presentation.cli.output import say

YesOption = Annotated[bool, typer.Option("--yes", help="Do it; without this nothing is changed.")]

NEEDS_CONFIRMATION = 3


def require_yes(yes: bool, consequence: str) -> None:
    if not yes:
        say(f"{consequence} Nothing was changed; repeat with --yes to do it.")
        raise typer.Exit(NEEDS_CONFIRMATION)


def require_consent(consequence: str, *, yes: bool) -> None:
    """Asks a person at a terminal; elsewhere only `yes` will do."""
    if yes:
        return
    if not _is_terminal():
        require_yes(yes, consequence)
    if not typer.confirm(f"{consequence} Go on?", err=True):
        _leave()


def require_name(consequence: str, *, yes: bool, name: str, option: str, given: str | None) -> None:
    """As `require_consent`, for what must not hit the wrong thing: its `name` has to be typed, or given by `option`."""
    if yes and given is not None:
        return
    if not _is_terminal():
        say(f"{consequence} Nothing was changed; repeat with --yes {option} {name} to do it.")
        raise typer.Exit(NEEDS_CONFIRMATION)
    if typer.prompt(f"{consequence} Type {name} to go on", default="", show_default=False, err=True) != name:
        _leave()


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _leave() -> NoReturn:
    say("Nothing was changed.")
    raise typer.Exit(NEEDS_CONFIRMATION)
