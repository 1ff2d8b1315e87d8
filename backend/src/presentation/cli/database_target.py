"""Which database a command is about, and being sure that it is meant."""

import re
from collections.abc import Sequence
from typing import Annotated

import typer

from src.core import auth_token
from src.core.config.settings.base import AppEnv, Settings
from src.presentation.cli.confirming import require_consent, require_name
from src.presentation.cli.context import Container, local_path
from src.presentation.cli.database_ports import Revision, Target
from src.presentation.cli.errors import InputError
from src.presentation.cli.output import say

EnvOption = Annotated[
    AppEnv | None, typer.Option("--env", help="The environment; APP_ENV if absent.", show_choices=True)
]
DatabaseOption = Annotated[
    str | None, typer.Option("--database", metavar="NAME", help="The database that is meant, for production.")
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
NoWaitOption = Annotated[
    bool, typer.Option("--no-wait", help="Leave when another runner is migrating, instead of waiting.")
]

_NAME = 2
_ID = re.compile(r"[\w-]{1,64}", re.ASCII)


def require_file(container: Container) -> None:
    """Raises SettingsError when the database is neither a file nor remote."""
    if container.database.is_local:
        local_path(container.database)


def say_where(container: Container, current: str | None, to: str, revisions: Sequence[Revision]) -> None:
    """Which database is going to be changed, from where to where."""
    target, identifier = container.migrations.target, database_id(container.settings)
    say(
        f"{target.name} ({container.settings.app_env.value}), {target.host}{identifier and f', id {identifier}'}"
    )
    say(f"  {current or 'nothing'} → {to}: {', '.join(f'{found.id} {found.title}' for found in revisions)}")


def database_id(settings: Settings) -> str:
    """Turso's id of the database, where the token says for which one it is; else an empty text."""
    token = settings.turso_auth_token
    if token is None or settings.is_local:
        return ""
    try:
        found = auth_token.read(token.get_secret_value()).claims.get("id")
    except auth_token.UnreadableTokenError:
        return ""
    return found if isinstance(found, str) and _ID.fullmatch(found) else ""


def require_agreement(target: Target, consequence: str, *, yes: bool, named: str | None) -> None:
    """Raises InputError when `named` is another database, and leaves when nobody agrees to change this one."""
    if named is not None and not target.answers_to(named):
        raise InputError(f"--database {named!r:.80}: this one is {target.name}. Nothing was changed.")
    if target.caution >= _NAME:
        require_name(consequence, yes=yes, name=target.name, option="--database", given=named)
    elif target.caution:
        require_consent(consequence, yes=yes)
