"""`autoforge turso`: the databases of an organization at Turso."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from src.presentation.cli import turso_token
from src.presentation.cli import turso_views as views
from src.presentation.cli.context import opened
from src.presentation.cli.output import JsonOption, command_group, say, show, show_json
from src.presentation.cli.turso_ports import Copying, Database, Turso
from src.presentation.cli.turso_views import working

app = command_group("Databases, tokens and branches at Turso.")
app.add_typer(turso_token.app, name="token")

DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of a database.")]
SourceArgument = Annotated[str, typer.Argument(metavar="SOURCE", help="The database to copy.")]


@app.command("locations")
def locations(ctx: typer.Context, json: JsonOption = False) -> None:
    """List the places where databases can be."""
    with _turso(ctx) as turso:
        found = turso.locations()
    if json:
        show_json({"items": found})
    else:
        views.show_locations(found)


@app.command("whoami")
def whoami(ctx: typer.Context, json: JsonOption = False) -> None:
    """Show whose TURSO_API_TOKEN it is, until when it is valid, and for which organization commands work."""
    with _turso(ctx) as turso:
        account = turso.account()
    if json:
        show_json(account)
    else:
        views.show_account(account)


@app.command("create")
def create(
    ctx: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Databases; without it those for staging and production."),
    ] = None,
    group: Annotated[
        str | None,
        typer.Option(
            help="Group for all of them; without it one each, or `default` on a plan with one group."
        ),
    ] = None,
    location: Annotated[str, typer.Option(help="Where a new group is made.")] = "aws-ap-northeast-1",
    protect: Annotated[
        bool, typer.Option("--protect", help="Protect from deletion; the one for production always is.")
    ] = False,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """Make databases, and the groups that they need. What is there already stays as it is."""
    with _turso(ctx) as turso:
        plan = turso.plan_databases(names or (), group=group, location=location, protect=protect)
        for note in plan.notes:
            say(f"Note: {note}")
        if not json:
            views.show_present(plan)
        done = [] if dry_run else views.followed(plan, quiet=json)
        there = [] if dry_run else [turso.database(name) for name in plan.names]
    if json:
        show_json({**views.plan_object(plan), "done": done, "dry_run": dry_run, "databases": there})
    elif dry_run:
        views.show_planned(plan)
    else:
        show("")
        views.show_databases(there)
        say("\nNext: autoforge turso token create NAME --to-github ENV (or --to-file FILE)")


@app.command("list")
def list_databases(ctx: typer.Context, json: JsonOption = False) -> None:
    """List the databases of the organization."""
    with _turso(ctx) as turso:
        found = turso.databases()
    if json:
        show_json({"items": found})
    elif found:
        views.show_databases(found)
    else:
        say("There are no databases yet. Make those of the project: autoforge turso create")


@app.command("show")
def show_database(ctx: typer.Context, name: NameArgument, json: JsonOption = False) -> None:
    """Show a database: its URL, group and location, and how it is protected."""
    with _turso(ctx) as turso:
        database = turso.database(name)
    _show_one(database, json=json)


@app.command("branch")
def branch(
    ctx: typer.Context,
    source: SourceArgument,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the copy.")],
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """Copy a database as it is now into a new one beside it."""
    with _turso(ctx) as turso:
        _copy(turso.plan_branch(source, name), dry_run=dry_run, json=json)


@app.command("restore")
def restore(
    ctx: typer.Context,
    source: SourceArgument,
    at: Annotated[str, typer.Option("--at", help="The time, as 2026-11-23T05:50:12Z or with +09:00.")],
    name: Annotated[str | None, typer.Option(help="Name of the copy; SOURCE and the time if absent.")] = None,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """Copy a database as it was at a time into a new one beside it. The database itself stays as it is."""
    with _turso(ctx) as turso:
        _copy(turso.plan_restore(source, at, name), dry_run=dry_run, json=json)


@contextmanager
def _turso(ctx: typer.Context) -> Iterator[Turso]:
    with opened(ctx) as container:
        yield container.turso


def _copy(plan: Copying, *, dry_run: bool, json: bool) -> None:
    for note in plan.notes:
        say(f"Note: {note}")
    if dry_run:
        if json:
            show_json({**views.copying_object(plan), "dry_run": True, "database": None})
        else:
            show(views.copying_line(plan, "Would copy"))
        return
    with working(f"Copying {plan.source.name}"):
        made = plan.make()
    if json:
        show_json({**views.copying_object(plan), "dry_run": False, "database": made})
        return
    show(views.copying_line(plan, "Copied"))
    show("")
    views.show_database(made)
    say(f"\nIt takes tokens of its own: autoforge turso token create {made.name} --to-file FILE")


def _show_one(database: Database, *, json: bool) -> None:
    if json:
        show_json(database)
    else:
        views.show_database(database)
