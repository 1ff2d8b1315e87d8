"""Results for people: a table on the terminal, and the same in Markdown."""

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from benchmarks.machine import NOISY_CORES
from benchmarks.references import PEERS_MEASURED
from benchmarks.results import Results, Row, Verdict

_HEADINGS = (
    "what",
    "metric",
    "ours",
    "limit",
    "× limit",
    "target",
    "",
    "noise",
    "the limit is",
    PEERS_MEASURED,
)
_STYLES = {
    Verdict.OK: "green",
    Verdict.OK_HERE: "green",
    Verdict.MISS: "bold red",
    Verdict.NOISY_MISS: "yellow",
    Verdict.NONE: "",
}
_RIGHT = {"ours", "limit", "× limit", "target", "noise"}
LEGEND = (
    "× limit: how many times dearer than the bare limit measured in the same run (1 is as good as it gets). "
    f"noise: cores that other processes burned meanwhile; from {NOISY_CORES} on, marked with !, "
    "a row proves little. target, here: the limit is slower than on the machine that the target was set on, "
    "so what ours adds to the waiting may be as much slower."
)


def print_table(results: Results, console: Console) -> None:
    for name, value in results.machine.items():
        console.print(f"[dim]{name:>12}[/dim]  {value}", highlight=False)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in _HEADINGS:
        table.add_column(
            heading,
            justify="right" if heading in _RIGHT else "left",
            overflow="fold",
            no_wrap=heading in _RIGHT,
        )
    before = ""
    for row in results.rows:
        if before and row.what != before:
            table.add_row()
        cells = _cells(row)
        cells[0] = "" if row.what == before else cells[0]
        cells[6] = f"[{_STYLES[row.verdict]}]{row.verdict}[/]" if row.verdict else ""
        table.add_row(*cells, style="dim" if row.is_noisy and row.verdict is Verdict.NONE else "")
        before = row.what
    console.print()
    console.print(table)
    console.print(f"\n[dim]{LEGEND}[/dim]", highlight=False)
    for note in results.notes:
        console.print(f"[dim]note: {note}[/dim]", highlight=False)
    for fault in results.faults:
        console.print(f"[bold red]fault:[/] {fault}", highlight=False, markup=True)


def markdown(results: Results) -> str:
    lines = [f"- {name}: {value}" for name, value in results.machine.items()]
    lines += ["", _line(_HEADINGS), _line("---:" if heading in _RIGHT else "---" for heading in _HEADINGS)]
    lines += [_line(_cells(row)) for row in results.rows]
    lines += [
        "",
        *(f"Note: {note}." for note in results.notes),
        *(f"Fault: {fault}." for fault in results.faults),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _cells(row: Row) -> list[str]:
    return [
        row.what,
        row.metric,
        _figure(row.ours),
        "" if row.limit is None else _figure(row.limit),
        "" if row.ratio is None else _figure(row.ratio),
        _target(row),
        row.verdict.value,
        f"{row.noise:.2f}{'!' if row.is_noisy else ''}",
        row.limit_is,
        row.peer,
    ]


def _target(row: Row) -> str:
    if row.target is None:
        return ""
    return str(row.target) if row.target_here is None else f"{row.target}, here {_figure(row.target_here)}"


def _figure(value: float) -> str:
    """Three significant digits, and never fewer than those before the point."""
    if value >= 100:
        return f"{value:,.0f}"
    if value >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if value >= 1 else f"{value:.3f}"


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
