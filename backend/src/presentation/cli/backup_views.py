"""How backups look."""

from collections.abc import Mapping, Sequence

from src.presentation.cli.backup_ports import Backup, Contents
from src.presentation.cli.output import NONE, counted, moment, say, show, show_fields, show_json, show_table

_UNITS = ("B", "KB", "MB", "GB", "TB")


def show_backups(found: Sequence[Backup], *, json: bool) -> None:
    if json:
        show_json([backup_as_json(one) for one in found])
    elif not found:
        say("There are no backups yet. Make one: autoforge db backup")
    else:
        rows = [
            (
                one.name if one.is_there else f"{one.name} (its file is gone)",
                moment(one.made_at),
                one.revision or NONE,
                f"{one.row_count:,}",
                _size(one.bytes),
                one.reason or "",
            )
            for one in found
        ]
        show_table(
            ("Backup", "Made", "Revision", "Rows", "Size", "Why"), rows, right=("Rows", "Size"), wide=("Why",)
        )


def show_backup(made: Backup) -> None:
    show_fields(
        [
            ("Backup", f"{made.name}, a branch at Turso" if made.branch_url else str(made.path)),
            ("At", made.branch_url),
            ("Of", made.url),
            ("Revision", made.revision or "none: it has no tables of ours"),
            ("Rows", _rows(made.rows)),
            ("Size", _size(made.bytes) if made.bytes is not None else None),
            ("SHA-256", made.sha256),
            ("Moment", made.point_in_time),
            (
                "Checked",
                "it opens, and its rows are counted" if made.branch_url else "pages, references, rows",
            ),
            (
                "Note",
                f"{counted(made.broken_references, 'row')} of the database refer to nothing"
                if made.broken_references
                else None,
            ),
        ]
    )


def show_contents(contents: Contents, headline: str) -> None:
    show(f"{headline}:")
    show_fields([("Revision", contents.revision or NONE), ("Rows", _rows(contents.rows))])


def _rows(rows: Mapping[str, int]) -> str:
    listed = ", ".join(f"{name} {count:,}" for name, count in rows.items() if count)
    return f"{sum(rows.values()):,}{f' ({listed})' if listed else ''}"


def _size(size: int | None) -> str:
    if size is None:
        return NONE
    value, unit = float(size), 0
    while value >= 1000 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:,.0f} {_UNITS[unit]}" if unit == 0 else f"{value:,.1f} {_UNITS[unit]}"


def contents_as_json(contents: Contents) -> dict[str, object]:
    return {"revision": contents.revision, "rows": dict(contents.rows)}


def backup_as_json(backup: Backup) -> dict[str, object]:
    path = None if backup.branch_url else str(backup.path)
    return {**backup.facts(), "path": path, "is_there": backup.is_there}
