"""How far a long piece of work is, for the person at the terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_shown() -> Iterator[Callable[[str, float | None], None]]:
    """Yields what is to be told: what is being done, and the part that is done (None when nobody knows).

    A bar on a terminal, which is gone afterwards; nothing elsewhere.
    """
    if not sys.stderr.isatty():
        yield lambda _stage, _fraction: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:<12}"),
        BarColumn(bar_width=30),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        shown = ("", -1)

        def advance(stage: str, fraction: float | None) -> None:
            nonlocal shown
            now = (stage, -1 if fraction is None else int(fraction * 100))
            if now != shown:  # it is told far more often than one can see
                shown = now
                bar.update(task, description=stage, total=None if fraction is None else 100, completed=now[1])

        yield advance
