"""`autoforge db`: the database, and moving its schema."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from src.presentation.cli.confirming import YesOption, require_yes
from src.presentation.cli.context import opened
from src.presentation.cli.database_backups import backup, restore
from src.presentation.cli.database_lint import lint
from src.presentation.cli.database_plan import plan
from src.presentation.cli.database_ports import Applied, Revision
from src.presentation.cli.database_schema import check, history, stamp
from src.presentation.cli.database_shell import ping, shell
from src.presentation.cli.database_target import (
    DatabaseOption,
    DryRunOption,
    EnvOption,
    NoWaitOption,
    database_id,
    require_agreement,
    require_file,
    say_where,
)
from src.presentation.cli.output import (
    JsonOption,
    command_group,
    counted,
    say,
    show,
    show_fields,
    show_json,
    show_table,
)

app = command_group("The database: its schema, and moving it safely.")


@app.command("status")
def status(ctx: typer.Context, env: EnvOption = None, json: JsonOption = False) -> None:
    """Show at which revision the database is, which migrations are pending, and who is migrating it."""
    with opened(ctx, env) as container:
        require_file(container)
        found, target = container.migrations.status(), container.migrations.target
        holder = container.migrations.holder()
        app_env, identifier = container.settings.app_env.value, database_id(container.settings)
    dead = "" if holder is None or not holder.is_over else "; that run is dead, the next takes over"
    if json:
        show_json(
            {
                "url": found.url,
                "database": target.name,
                "database_id": identifier or None,
                "app_env": app_env,
                "current": found.current,
                "head": found.head,
                "pending": _listed(found.pending),
                "migrating": None if holder is None else {"who": str(holder), "is_over": holder.is_over},
            }
        )
        return
    pending = counted(len(found.pending), "migration") if found.pending else "nothing, it is current"
    show_fields(
        [
            ("Database", found.url),
            ("Id", identifier or None),
            ("Environment", app_env),
            ("At", found.current or "nothing: it has no tables of ours yet"),
            ("Newest", found.head),
            ("Pending", pending),
            ("Lock", None if holder is None else f"{holder}{dead}"),
        ]
    )
    if found.pending:
        show("")
        _show_revisions(found.pending)


@app.command("upgrade")
def upgrade(
    ctx: typer.Context,
    revision: Annotated[str, typer.Argument(metavar="[REV]", help="Up to this revision.")] = "head",
    env: EnvOption = None,
    yes: YesOption = False,
    database: DatabaseOption = None,
    no_wait: NoWaitOption = False,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """Apply pending migrations. One that fails leaves the database as it was before it.

    Outside local it asks first; --yes answers, for production together with --database.
    """
    with opened(ctx, env) as container:
        require_file(container)
        migrations = container.migrations
        before = migrations.status()
        pending = migrations.to_apply(revision)
        if pending:
            say_where(container, before.current, pending[-1].id, pending)
        if dry_run or not pending:
            _tell_upgrade((), pending, before.current, backup=None, json=json)
            return
        consequence = f"This applies {counted(len(pending), 'migration')}."
        require_agreement(migrations.target, consequence, yes=yes, named=database)
        moved = migrations.upgrade(revision, notice=say, wait=not no_wait)
        backup = moved.backup.name if moved.backup is not None else None
        _tell_upgrade(moved.applied, (), moved.current, backup=backup, json=json)


@app.command("downgrade", context_settings={"ignore_unknown_options": True})  # "-1" is no option
def downgrade(
    ctx: typer.Context,
    revision: Annotated[str, typer.Argument(metavar="REV", help='A revision, "-1" for one step, or "base".')],
    env: EnvOption = None,
    yes: YesOption = False,
    database: DatabaseOption = None,
    no_wait: NoWaitOption = False,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """Go back to an older revision. Rows that do not fit there are lost."""
    with opened(ctx, env) as container:
        require_file(container)
        migrations = container.migrations
        current = migrations.status().current
        undone: Sequence[Revision] = migrations.to_undo(revision)
        if undone:
            say_where(container, current, undone[-1].parent or "nothing", undone)
        if undone and not dry_run:
            ids = ", ".join(found.id for found in undone)
            consequence = f"This undoes {ids}; rows that do not fit the older tables are lost."
            if migrations.target.caution:
                require_agreement(migrations.target, consequence, yes=yes, named=database)
            else:
                require_yes(yes, consequence)
            moved = migrations.downgrade(revision, notice=say, wait=not no_wait)
            current = moved.current
    if json:
        show_json({"undone": [found.id for found in undone], "dry_run": dry_run, "current": current})
    elif not undone:
        show(f"Nothing to do: the database is at {current or 'its beginning, without tables'}.")
    else:
        show("Would undo:" if dry_run else "Undone:")
        _show_revisions(undone)


app.command("history")(history)
app.command("check")(check)
app.command("stamp")(stamp)
app.command("lint")(lint)
app.command("plan")(plan)
app.command("backup")(backup)
app.command("restore")(restore)
app.command("shell")(shell)
app.command("ping")(ping)


def _tell_upgrade(
    applied: Sequence[Applied],
    pending: Sequence[Revision],
    current: str | None,
    *,
    backup: str | None,
    json: bool,
) -> None:
    if json:
        done = [
            {"id": found.id, "title": found.title, "seconds": round(found.seconds, 3)} for found in applied
        ]
        show_json({"applied": done, "pending": _listed(pending), "current": current, "backup": backup})
    elif applied:
        show("Applied:")
        _show_revisions(applied)
    elif pending:
        show("Would apply:")
        _show_revisions(pending)
    else:
        show(f"Nothing to do: the database is at {current}.")


def _listed(revisions: Sequence[Revision]) -> list[dict[str, Any]]:
    return [{"id": found.id, "title": found.title} for found in revisions]


def _show_revisions(revisions: Sequence[Revision] | Sequence[Applied]) -> None:
    show_table(
        ("Revision", "What it does"), [(found.id, found.title) for found in revisions], wide=("What it does",)
    )
