"""`autoforge db`: the schema of the database."""

from collections.abc import Sequence
from typing import Annotated

import typer

from src.presentation.cli.confirming import YesOption, require_yes
from src.presentation.cli.context import Container, Revision, local_path, opened
from src.presentation.cli.errors import InputError
from src.presentation.cli.output import (
    JsonOption,
    command_group,
    counted,
    show,
    show_fields,
    show_json,
    show_table,
)

app = command_group("The database schema: where it stands, and moving it.")

DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]


@app.command("status")
def status(ctx: typer.Context, json: JsonOption = False) -> None:
    """Show at which revision the database is, and which migrations are pending."""
    with opened(ctx) as container:
        _require_file(container)
        found = container.migrations.status()
    if json:
        pending = [{"id": revision.id, "title": revision.title} for revision in found.pending]
        show_json({"url": found.url, "current": found.current, "head": found.head, "pending": pending})
        return
    show_fields(
        [
            ("Database", found.url),
            ("At", found.current or "nothing: it has no tables of ours yet"),
            ("Newest", found.head),
            (
                "Pending",
                counted(len(found.pending), "migration") if found.pending else "nothing, it is current",
            ),
        ]
    )
    if found.pending:
        show("")
        _show_revisions(found.pending)


@app.command("upgrade")
def upgrade(
    ctx: typer.Context,
    revision: Annotated[str, typer.Argument(metavar="[REV]", help="Up to this revision.")] = "head",
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """Apply pending migrations. One that fails leaves the database as it was before it."""
    with opened(ctx) as container:
        _require_file(container)
        _require_known(container, revision)
        if dry_run:
            applied = _up_to(revision, container.migrations.status().pending)
        else:
            applied = container.migrations.upgrade(revision)
        current = container.migrations.status().current
    if json:
        done = [{"id": found.id, "title": found.title} for found in applied]
        show_json(
            {"applied": [] if dry_run else done, "pending": done if dry_run else [], "current": current}
        )
    elif not applied:
        show(f"Nothing to do: the database is at {current}.")
    else:
        show("Would apply:" if dry_run else "Applied:")
        _show_revisions(applied)


@app.command("downgrade", context_settings={"ignore_unknown_options": True})  # "-1" is no option
def downgrade(
    ctx: typer.Context,
    revision: Annotated[str, typer.Argument(metavar="REV", help='A revision, "-1" for one step, or "base".')],
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """Go back to an older revision of a local database. Rows that do not fit there are lost."""
    with opened(ctx) as container:
        _require_file(container)
        if not container.database.is_local:
            raise InputError(f"{container.database.get_connection_url()} is not a local database.")
        before = container.migrations.status().current
        undone = _undone(container, before, revision)
        if undone and not dry_run:
            ids = ", ".join(found.id for found in undone)
            require_yes(yes, f"This undoes {ids}; rows that do not fit the older tables are lost.")
            container.migrations.downgrade(revision)
        current = container.migrations.status().current
    if json:
        show_json({"undone": [found.id for found in undone], "dry_run": dry_run, "current": current})
    elif not undone:
        show(f"Nothing to do: the database is at {current or 'its beginning, without tables'}.")
    else:
        show("Would undo:" if dry_run else "Undone:")
        _show_revisions(undone)


def _require_known(container: Container, revision: str) -> None:
    ids = [found.id for found in container.migrations.chain]
    if revision not in (*ids, "head"):
        raise InputError(f"There is no revision {revision!r:.60}. Known are: {', '.join(ids)}.")


def _up_to(revision: str, pending: Sequence[Revision]) -> Sequence[Revision]:
    if revision == "head":
        return pending
    ids = [found.id for found in pending]
    return pending[: ids.index(revision) + 1] if revision in ids else ()


def _undone(container: Container, current: str | None, target: str) -> list[Revision]:
    """Revisions between `current` and `target`, newest first; a target that is unknown or newer raises InputError."""
    ids = [found.id for found in container.migrations.chain]
    done = ids.index(current) + 1 if current is not None else 0
    if target == "base":
        kept = 0
    elif target == "-1":
        kept = max(0, done - 1)
    elif target in ids[:done]:
        kept = ids.index(target) + 1
    else:
        listed = ", ".join(ids[:done]) or "none: there is nothing to undo"
        raise InputError(f"{target!r} is no revision that the database has behind it ({listed}).")
    return list(reversed(container.migrations.chain[kept:done]))


def _require_file(container: Container) -> None:
    if container.database.is_local:
        local_path(container.database)


def _show_revisions(revisions: Sequence[Revision]) -> None:
    show_table(
        ("Revision", "What it does"), [(found.id, found.title) for found in revisions], wide=("What it does",)
    )
