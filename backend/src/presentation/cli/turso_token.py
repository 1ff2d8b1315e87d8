"""`autoforge turso token`: tokens of databases at Turso. A token is shown once, or goes where it was sent."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import SecretStr

from src.presentation.cli import turso_views as views
from src.presentation.cli.confirming import NEEDS_CONFIRMATION
from src.presentation.cli.context import opened
from src.presentation.cli.errors import InputError
from src.presentation.cli.output import JsonOption, command_group, moment, say, show, show_json
from src.presentation.cli.secrets_ports import Environment
from src.presentation.cli.token_output import Goal
from src.presentation.cli.turso_ports import (
    Inspection,
    Invalidation,
    KeptToken,
    OldToken,
    TokenPlan,
    Turso,
)
from src.presentation.cli.turso_views import working

app = command_group("Tokens of databases: make, look at, replace.")

_FAILED = 1
_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}
_BEGINNING_OF_TOKENS = "eyJ"


class Use(StrEnum):
    RUNTIME = "runtime"
    MIGRATION = "migration"


NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the database.")]
UseOption = Annotated[
    Use | None,
    typer.Option(
        "--for", help="Rights on data only for the runtime, on data and schema for a migration (a day)."
    ),
]
ReadOnlyOption = Annotated[bool, typer.Option("--read-only", help="A token that cannot write.")]
ExpiresOption = Annotated[
    str | None,
    typer.Option("--expires", help="Such as 90d, 12h or never; 90d if absent, 1d for a migration."),
]
FileOption = Annotated[
    Path | None,
    typer.Option("--to-file", help="Put the token into this file, mode 0600, and print nothing of it."),
]
GithubOption = Annotated[
    Environment | None,
    typer.Option(
        "--to-github",
        help="Put the token straight into the TURSO_AUTH_TOKEN of this environment at GitHub.",
    ),
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]


@app.command("create")
def create(
    ctx: typer.Context,
    name: NameArgument,
    use: UseOption = None,
    read_only: ReadOnlyOption = False,
    expires: ExpiresOption = None,
    to_file: FileOption = None,
    to_github: GithubOption = None,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """Make a token, and check it with a query. It is printed once: to a terminal, or alone into a pipe."""
    with opened(ctx) as container:
        turso = container.turso
        goal = Goal(name, to_file, to_github)
        store = goal.store(container, json=json and not dry_run, replaces=False)
        plan = turso.plan_token(
            name, use=None if use is None else use.value, expiration=expires, read_only=read_only
        )
        if dry_run:
            _show_plan(plan, goal, json=json)
            return
        with working(f"Making a token for {name}"):
            kept = plan.make(store)
    _show_kept(kept, plan, json=json, is_away=goal.is_away)


@app.command("rotate")
def rotate(
    ctx: typer.Context,
    name: NameArgument,
    use: UseOption = None,
    read_only: ReadOnlyOption = False,
    expires: ExpiresOption = None,
    to_file: Annotated[
        Path | None,
        typer.Option(
            "--to-file", help="Put the token into this file, mode 0600; one of this database is replaced."
        ),
    ] = None,
    to_github: GithubOption = None,
    old: Annotated[
        Path | None,
        typer.Option(help="File with the old token, - for standard input, to hear when it dies."),
    ] = None,
    invalidate: Annotated[
        bool,
        typer.Option("--invalidate", help="After a leak: kill every token of the database's group first."),
    ] = False,
    confirm: Annotated[
        str | None,
        typer.Option(metavar="NAME,NAME…", help="For --invalidate: every database of the group, typed out."),
    ] = None,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """Make a new token, check it with a query, hand it over, and say when the old one dies: by itself, later."""
    if confirm is not None and not invalidate:
        raise InputError("--confirm: goes with --invalidate only.")
    given = _read_old(old, to_file)
    with opened(ctx) as container:
        turso = container.turso
        goal = Goal(name, to_file, to_github)
        store = goal.store(container, json=json and not dry_run, replaces=True)
        plan = turso.plan_token(
            name, use=None if use is None else use.value, expiration=expires, read_only=read_only
        )
        before = turso.look_at_old_token(name, given, store)
        dying = turso.plan_invalidation(name) if invalidate else None
        if dry_run:
            _show_plan(plan, goal, json=json, dying=dying)
            return
        store.require_ready()
        if dying is not None:
            dying = _invalidate(turso, name, dying, confirm)
        with working(f"Making a token for {name}"):
            kept = plan.make(store)
    _show_kept(kept, plan, json=json, is_away=goal.is_away, old=before, dead=dying)
    if not json:
        _tell_of_old(kept, before, dying)


@app.command("inspect")
def inspect(
    ctx: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]", help="File with the token, - for standard input; TURSO_AUTH_TOKEN if absent."
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Look at a token without sending it anywhere. Exit code 1 when it has to be replaced.

    Warns from 14 days before it expires, and of one that never does; fails from 3 days before.
    """
    with opened(ctx) as container:
        token = (
            SecretStr(container.settings.require_secret("TURSO_AUTH_TOKEN")) if file is None else _read(file)
        )
        found = container.turso.inspect(token)
    if json:
        show_json(_inspection_object(found))
    else:
        _show_inspection(found)
    raise typer.Exit(_FAILED if found.verdict.level == "fail" else 0)


def _invalidate(turso: Turso, name: str, dying: Invalidation, confirm: str | None) -> Invalidation:
    typed = [part.strip() for part in (confirm or "").split(",") if part.strip()]
    if set(typed) != set(dying.databases):
        where = f"the group {dying.group!r}" if dying.group else "no group"
        say(f"This kills every token of every database of {where}, at once, with a short downtime:")
        for database in dying.databases:
            say(f"  {database}")
        say(f"Nothing was changed; to do it, repeat with: --confirm {','.join(dying.databases)}")
        raise typer.Exit(NEEDS_CONFIRMATION)
    with working("Invalidating tokens"):
        dead = turso.invalidate(name, confirmed=typed)
    # at once: whatever fails from here on, they are dead
    say(f"Every token made before is dead, of: {', '.join(dead.databases)}.")
    return dead


def _read_old(old: Path | None, to_file: Path | None) -> SecretStr | None:
    if old is None:
        return None
    if to_file is not None and to_file.exists():
        raise InputError(f"--old: the old token is the one in {to_file}, which is replaced. Leave --old out.")
    return _read(old)


def _read(file: Path) -> SecretStr:
    """The text of a file, which must not be a token itself: arguments are seen by everybody on the machine."""
    if str(file).startswith(_BEGINNING_OF_TOKENS) and not file.exists():
        raise InputError(
            "FILE: this is a token, and by now it is in the history of the shell: replace it. "
            "Give the name of a file, or - and the token on standard input."
        )
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "it is no text"
        raise InputError(f"{file}: {reason or 'cannot be read'}.") from None
    return SecretStr(text.strip())


def _show_plan(plan: TokenPlan, goal: Goal, *, json: bool, dying: Invalidation | None = None) -> None:
    if json:
        show_json(
            {
                "database": plan.database.name,
                "expiration": plan.expiration,
                "rights": views.rights(plan),
                "would_invalidate": dying.databases if dying else [],
                "dry_run": True,
            }
        )
        return
    if dying is not None:
        show(f"Would kill every token of: {', '.join(dying.databases)}.")
    show(
        f"Would make a token for {plan.database.name} ({views.rights(plan)}; for {plan.expiration}), check it with a "
        f"query, and hand it to {goal.shown}."
    )


def _show_kept(
    kept: KeptToken,
    plan: TokenPlan,
    *,
    json: bool,
    is_away: bool,
    old: OldToken | None = None,
    dead: Invalidation | None = None,
) -> None:
    if json:
        show_json(
            {
                "database": kept.database.name,
                "url": kept.database.url,
                "token": kept.facts,
                "rights": views.rights(plan),
                "where": kept.where,
                "old": old and {"token": old.facts, "worked": old.works},
                "invalidated": dead.databases if dead else [],
            }
        )
    elif is_away:
        views.show_kept(kept, plan)
    else:
        say(
            f"Token for {kept.database.name}, checked with a query, now in {kept.where}: {views.named(kept.facts)}, "
            f"rights: {views.rights(plan)}, expires: {views.expiry(kept.facts)}. It cannot be shown again."
        )


def _tell_of_old(kept: KeptToken, old: OldToken | None, dead: Invalidation | None) -> None:
    if dead is not None:
        for name in (other for other in dead.databases if other != kept.database.name):
            say(f"{name} needs a new one now: autoforge turso token rotate {name}")
        return
    if old is None:
        say(
            "When the old token dies is written in it: autoforge turso token inspect. It was not given (--old FILE)."
        )
        return
    if not old.works:
        say(f"The old token ({views.named(old.facts)}) does not work any more.")
    elif old.facts.expires_at is None:
        say(
            f"The old token ({views.named(old.facts)}) works and never expires: only --invalidate kills it, with all "
            "others of its group."
        )
    else:
        say(
            f"The old token ({views.named(old.facts)}) works until {moment(old.facts.expires_at)}: "
            "deploy the new one before."
        )
    if old.facts.access == "ro" and kept.facts.access != "ro":
        say("The old token was read-only, and the new one is not: --read-only makes one that is.")


def _show_inspection(found: Inspection) -> None:
    from rich.text import Text

    verdict = Text(f"{found.verdict.level}: {found.verdict.message}", style=_STYLES[found.verdict.level])
    if found.facts is None:
        show(f"fail: {found.verdict.message}")
    else:
        views.show_facts(found.facts, verdict)
    if found.verdict.fix is not None:
        say(f"\n{found.verdict.fix}")


def _inspection_object(found: Inspection) -> dict[str, Any]:
    verdict = found.verdict
    return {
        "level": verdict.level,
        "message": verdict.message,
        "fix": verdict.fix,
        "token": found.facts,
    }
