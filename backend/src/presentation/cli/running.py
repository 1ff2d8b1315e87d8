"""Running an evaluation in the foreground: progress on the terminal, and signals that end it in order."""

import asyncio
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from importlib import import_module

from src.application.evaluation.ports import Completion, CompletionRequest, Provider, ProviderError
from src.application.evaluation.runner import Progress, run_evaluation
from src.application.services import Services
from src.domain.evaluation.evaluation import RunSettings
from src.domain.shared.ids import EvaluationId
from src.presentation.cli.output import say

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_PAUSE_SECONDS = 0.005  # without a call, then all that may be under way are


@dataclass(slots=True)
class ServiceWatch:
    """Whether the outside service was there at all: it may be down, overloaded or silent, and that is no verdict."""

    calls: int = 0
    answers: int = 0
    refusals: int = 0

    @property
    def is_unavailable(self) -> bool:
        """It was asked and never answered; a refusal that asking later would not change is an answer of a kind."""
        return self.calls > 0 and self.answers == self.refusals == 0

    def watched(self, provider: Provider) -> Provider:
        return _WatchedProvider(provider, self)


@dataclass(slots=True)
class Run:
    """What is known of a run beyond what is stored: that somebody ended it, and how its provider behaved."""

    interruptions: int = 0
    service: ServiceWatch = field(default_factory=ServiceWatch)


class _WatchedProvider:
    def __init__(self, provider: Provider, watch: ServiceWatch) -> None:
        self._provider, self._watch = provider, watch

    async def complete(self, request: CompletionRequest) -> Completion:
        self._watch.calls += 1
        try:
            completion = await self._provider.complete(request)
        except ProviderError as exc:
            self._watch.refusals += not (exc.retryable or exc.unreachable)
            raise
        self._watch.answers += 1
        return completion

    async def aclose(self) -> None:
        await self._provider.aclose()


def run_to_end(evaluation_id: EvaluationId, services: Services) -> Run:
    """Runs or resumes an evaluation until it ends, or until SIGINT or SIGTERM ends it; what is answered is stored."""
    run = Run()

    def open_watched(settings: RunSettings) -> Provider:
        return run.service.watched(services.open_provider(settings))

    with _progress_display() as display:
        watched = replace(services, open_provider=open_watched)
        # libcurl's sockets need a loop that can watch them; the one that Windows would choose cannot.
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(_run_until_stopped(evaluation_id, watched, run, display))
    return run


@dataclass(frozen=True, slots=True)
class _Display:
    """Where a run shows how far it is, and what it says on the way."""

    advance: Callable[[Progress], None]
    note: Callable[[str], None]


async def _run_until_stopped(
    evaluation_id: EvaluationId, services: Services, run: Run, display: _Display
) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None

    def interrupt() -> None:
        run.interruptions += 1
        if run.interruptions == 1:
            display.note("Stopping: calls under way may still answer. Once more to break off at once.")
            stop.set()
        else:
            for number in _SIGNALS:
                loop.remove_signal_handler(number)  # a third one ends the process
            task.cancel()

    loading = asyncio.create_task(_load_tables(run.service))
    for number in _SIGNALS:
        with suppress(NotImplementedError):  # Windows: Ctrl-C raises KeyboardInterrupt there
            loop.add_signal_handler(number, interrupt)
    try:
        await run_evaluation(
            evaluation_id,
            owner=services.runs.owner,
            services=services,
            on_progress=display.advance,
            stop=stop,
        )
    except asyncio.CancelledError:
        if not run.interruptions:
            raise
    finally:
        loading.cancel()


async def _load_tables(service: ServiceWatch) -> None:
    """What results are shown with takes 30 ms to load: done while the first calls wait for the model, not at the end.

    Not in a thread: it would take turns with the loop, and both would wait.
    """
    asked = 0
    while asked == 0 or asked < service.calls:
        asked = service.calls
        await asyncio.sleep(_PAUSE_SECONDS)
    for module in ("rich.console", "rich.table"):
        import_module(module)


@contextmanager
def _progress_display() -> Iterator[_Display]:
    """A bar on a terminal; nothing elsewhere, where lines that overwrite each other would only fill a log."""
    if not sys.stderr.isatty():
        yield _Display(lambda _: None, say)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("[green]{task.fields[passed]} passed"),
        TextColumn("[red]{task.fields[failed]} failed"),
        TextColumn("[yellow]{task.fields[errored]} without an answer"),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        shown = bar.add_task("", total=None, passed=0, failed=0, errored=0, rate="")

        def advance(progress: Progress) -> None:
            speed = bar.tasks[0].speed
            bar.update(
                shown,
                total=progress.total,
                completed=progress.completed,
                passed=progress.passed,
                failed=progress.failed,
                errored=progress.errored,
                rate=f"{speed:,.0f}/s" if speed else "",
            )

        yield _Display(advance, lambda line: bar.console.print(line, markup=False, highlight=False))
