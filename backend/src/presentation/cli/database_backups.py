"""`autoforge db backup` and `db restore`."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr

from src.presentation.cli.backup_ports import Restored, RestoredAnew
from src.presentation.cli.backup_views import (
    backup_as_json,
    contents_as_json,
    show_backup,
    show_backups,
    show_contents,
)
from src.presentation.cli.confirming import YesOption, require_consent
from src.presentation.cli.context import Container, opened
from src.presentation.cli.database_target import EnvOption, require_file
from src.presentation.cli.errors import InputError
from src.presentation.cli.output import JsonOption, say, show_json
from src.presentation.cli.progress import progress_shown

FolderOption = Annotated[
    Path | None,
    typer.Option(
        "--folder", metavar="DIR", help="The folder of the backups; `backups` beside the data if absent."
    ),
]

_SOUND = "The backup is sound, and would be restored"


def backup(
    ctx: typer.Context,
    listing: Annotated[bool, typer.Option("--list", help="List the backups that there are.")] = False,
    env: EnvOption = None,
    folder: FolderOption = None,
    reason: Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why, for the list.")] = None,
    dump: Annotated[
        bool,
        typer.Option("--dump", help="Of a remote database: a dump here, even where Turso could branch it."),
    ] = False,
    plain: Annotated[bool, typer.Option("--plain", help="Do not compress a dump.")] = False,
    json: JsonOption = False,
) -> None:
    """Back the database up, and prove that the backup is good; or list the backups.

    A local file is copied while others use it. Of a remote database Turso makes a branch when TURSO_API_TOKEN is set;
    else all rows are read at one moment into a file of SQL.
    """
    with opened(ctx, env) as container:
        require_file(container)
        if listing:
            show_backups(container.backups.backups(folder), json=json)
            return
        with progress_shown() as advance:
            made = container.backups.back_up(
                folder=folder, reason=reason, dump=dump, compressed=not plain, on_progress=advance
            )
    if json:
        show_json(backup_as_json(made))
    else:
        show_backup(made)


def restore(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="BACKUP", help="Its name in `db backup --list`, or a file.")],
    env: EnvOption = None,
    folder: FolderOption = None,
    into: Annotated[
        str | None, typer.Option("--into", metavar="URL", help="Fill this empty remote database instead.")
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option("--token-file", metavar="FILE", help="With --into: its token, in a file.")
    ] = None,
    create: Annotated[
        str | None,
        typer.Option("--create", metavar="NAME", help="Make a new database at Turso, and fill that."),
    ] = None,
    save_to: Annotated[
        Path | None,
        typer.Option(
            "--save-to", metavar="FILE", help="With --create: where its URL and token go (mode 600)."
        ),
    ] = None,
    yes: YesOption = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the backup and say what would be done.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Put a backup in the place of the local database, or into a new remote one.

    The backup is checked first. The local database must not be in use; what it holds is kept as a backup itself. A
    remote database is never replaced: fill a new one with --create or --into, and point the application at it.
    """
    with opened(ctx, env) as container:
        require_file(container)
        if into is not None or create is not None:
            elsewhere = _elsewhere(container, into, token_file, create, save_to)
            with progress_shown() as advance:
                filled = elsewhere(name, folder=folder, dry_run=dry_run, on_progress=advance)
            _tell_filled(name, filled, save_to, json=json)
            return
        _require_replaceable(container)
        if not dry_run:
            container.backups.require(name, folder)
            consequence = (
                f"This replaces {container.database.path} by {name}; what it holds is kept as a backup."
            )
            require_consent(consequence, yes=yes)
        with progress_shown() as advance:
            done = container.backups.restore(name, folder=folder, dry_run=dry_run, on_progress=advance)
    _tell_restored(name, done, dry_run=dry_run, json=json)


def _require_replaceable(container: Container) -> None:
    if not container.database.is_local:
        raise InputError(
            f"{container.database.get_connection_url()} is remote, and is not replaced. Restore into a new "
            "database: --create NAME --save-to FILE, or --into URL --token-file FILE."
        )


def _elsewhere(
    container: Container, into: str | None, token_file: Path | None, create: str | None, save_to: Path | None
) -> Callable[..., RestoredAnew]:
    """What restores into the database that the options name."""
    if into is not None and create is not None:
        raise InputError("--create: --into is given as well. Choose one of them.")
    if create is None:
        assert into is not None
        return partial(container.restore_given, url=into, token=_token_in(token_file))
    if save_to is None:
        raise InputError("--save-to: name a file for the URL and the token of the new database.")
    return partial(container.restore_made, made_name=create, save_to=save_to)


def _token_in(file: Path | None) -> SecretStr | None:
    if file is None:
        return None
    try:
        lines = file.read_text("utf-8").split()
    except (OSError, UnicodeDecodeError) as exc:
        why = getattr(exc, "strerror", None) or "it is no text"
        raise InputError(f"--token-file: {file} cannot be read ({why}).") from None
    if len(lines) != 1:
        raise InputError(f"--token-file: {file} does not hold one token.")
    return SecretStr(lines[0])


def _tell_restored(name: str, done: Restored, *, dry_run: bool, json: bool) -> None:
    if json:
        kept = done.kept.name if done.kept else None
        show_json({"restored": not dry_run, **contents_as_json(done.contents), "kept": kept})
        return
    show_contents(done.contents, _SOUND if dry_run else f"Restored {name}")
    if done.kept is not None:
        say(f"What was there before is kept: {done.kept.path}")


def _tell_filled(name: str, done: RestoredAnew, save_to: Path | None, *, json: bool) -> None:
    url = done.into.url if done.into else None
    if json:
        show_json({"restored": url is not None, **contents_as_json(done.contents), "url": url})
        return
    show_contents(done.contents, f"Restored {name} into {url}" if url else _SOUND)
    if url is not None:
        where = f" They are in {save_to}." if save_to else ""
        say(f"To use it, set TURSO_DATABASE_URL and TURSO_AUTH_TOKEN to its URL and token.{where}")
