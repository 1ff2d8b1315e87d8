"""How results look: aligned text for people, JSON for machines. Results go to stdout, all else to stderr."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]
LimitOption = Annotated[int, typer.Option("--limit", min=1, help="Most rows to print.")]

NONE = "—"
SHORT_ID = 8
_UNLIMITED_WIDTH = 10_000
_LEAST_WIDE_COLUMN = 12

# Model answers and customers' texts may hold escape sequences, which a terminal would obey.
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if code not in (9, 10)}
_CONTROLS[13] = ""


def command_group(help_line: str) -> typer.Typer:
    """A noun with its verbs. Help is plain text: through Rich it takes 0.2 s more."""
    return typer.Typer(help=help_line, no_args_is_help=True, rich_markup_mode=None, add_completion=False)


def say(message: str) -> None:
    """A message for the person at the terminal: not part of the result."""
    typer.echo(printable(message), err=True)


def show(text: str) -> None:
    """A result in words, printed as it is: never wrapped, so that it can be copied."""
    typer.echo(printable(text))


def show_json(value: object) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=_as_plain))


def printable(text: str) -> str:
    """`text` without the control characters that would move the cursor, colour the screen, or worse."""
    return text.translate(_CONTROLS)


def shortened(text: str, width: int = 100) -> str:
    """The beginning of `text` on one line of at most `width` columns; Japanese characters take two."""
    from rich.cells import cell_len, set_cell_size

    line = " ".join(printable(text).split())
    return line if cell_len(line) <= width else set_cell_size(line, width - 1).rstrip() + "…"


def counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def short_id(identifier: str) -> str:
    return identifier[:SHORT_ID]


def moment(value: datetime | None) -> str:
    """In the time zone of the machine, to the minute."""
    return NONE if value is None else value.astimezone().strftime("%Y-%m-%d %H:%M")


def percent(value: float | None) -> str:
    return NONE if value is None else f"{value * 100:.1f} %"


def score(value: float | None) -> str:
    return NONE if value is None else f"{value:.3f}"


def usd(value: float | None) -> str:
    return NONE if value is None else f"${value:.4f}"


def milliseconds(value: float | None) -> str:
    if value is None:
        return NONE
    return f"{value:,.0f} ms" if value < 10_000 else f"{value / 1000:,.1f} s"


def show_table(
    columns: Sequence[str],
    rows: Iterable[Sequence["str | Text"]],
    *,
    right: Sequence[str] = (),
    wide: Sequence[str] = (),
) -> None:
    """Rows under a heading. Columns named in `right` hold numbers; those in `wide` give way on a narrow terminal."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    cells = [[_cell(value) for value in row] for row in rows]
    for index, column in enumerate(columns):
        justify: Literal["left", "right"] = "right" if column in right else "left"
        widest = max(len(column), *(row[index].cell_len for row in cells), 0)
        least = min(widest, _LEAST_WIDE_COLUMN) if column in wide else None
        table.add_column(
            column, justify=justify, overflow="fold", no_wrap=column not in wide, min_width=least
        )
    for row in cells:
        table.add_row(*row)
    _render(table)


def show_fields(pairs: Iterable[tuple[str, "str | Text | None"]]) -> None:
    """Label and value in two columns; a value of None is left out."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for label, value in pairs:
        if value is not None:
            table.add_row(label, _cell(value))
    _render(table)


def heading(text: str) -> None:
    """A line in bold, with an empty one before it."""
    from rich.text import Text

    _render(Text(f"\n{printable(text)}", style="bold"))


def show_line(line: "Text") -> None:
    _render(line)


def _cell(value: "str | Text") -> "Text":
    from rich.text import Text

    return Text(printable(value)) if isinstance(value, str) else value


def _render(renderable: "RenderableType") -> None:
    """To a terminal with its width and colours; to a file or a pipe in plain lines of any length."""
    console = _console()
    if console.is_terminal:
        # a narrow terminal wraps lines; cutting them would lose ids
        roomy = console.options.update(width=_UNLIMITED_WIDTH)
        least = console.measure(renderable, options=roomy).minimum
        console.width = max(console.width, least)
        console.print(renderable, crop=False)
        return
    with console.capture() as captured:
        console.print(renderable)
    for line in captured.get().splitlines():
        typer.echo(line.rstrip())


def _console() -> "Console":
    from rich.console import Console

    width = None if sys.stdout.isatty() else _UNLIMITED_WIDTH
    return Console(file=sys.stdout, width=width, highlight=False, markup=False, emoji=False)


def _as_plain(value: object) -> Any:
    """What `json` cannot print itself: a read model becomes an object, a time ISO 8601 in UTC."""
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
