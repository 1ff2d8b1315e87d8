"""`autoforge eval`: runs, their results, and two of them side by side."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from src.application.evaluation import commands
from src.application.evaluation.queries import EvaluationFilter, EvaluationView, ResultView
from src.application.services import Services
from src.domain.evaluation.evaluation import EvaluationStatus
from src.domain.shared.errors import NotFoundError
from src.domain.shared.ids import EvaluationId
from src.presentation.cli import evaluation_views as views
from src.presentation.cli.context import services_of
from src.presentation.cli.output import JsonOption, LimitOption, command_group, say, short_id, show, show_json
from src.presentation.cli.paging import every
from src.presentation.cli.prompt import find_prompt
from src.presentation.cli.run_plan import RunOptions, resolve_prompt, resolve_settings, resolve_suite
from src.presentation.cli.running import Run, run_to_end
from src.presentation.cli.texts import as_json_value, read_assignments

if TYPE_CHECKING:
    from src.application.evaluation.compare import Comparison

app = command_group("Run a prompt over a suite, look at runs, compare two.")

MISSED, UNAVAILABLE, INTERRUPTED = 1, 4, 130
RESULTS = (int, int, str)
LISTED_CASES = 20

IdArgument = Annotated[
    str, typer.Argument(metavar="ID", help="Id of an evaluation; its first characters will do.")
]


@app.command("run")
def run(
    ctx: typer.Context,
    suite: Annotated[
        str, typer.Argument(metavar="SUITE", help="A suite file, or the name of a stored suite.")
    ],
    prompt: Annotated[
        str | None, typer.Option(help="NAME of a prompt, or FILE to register. Without it: the suite's.")
    ] = None,
    version: Annotated[
        int | None, typer.Option(min=1, help="Version of the prompt; the newest if absent.")
    ] = None,
    provider: Annotated[str | None, typer.Option(help="openai, anthropic or scripted.")] = None,
    model: Annotated[str | None, typer.Option(help="Model to ask.")] = None,
    base_url: Annotated[
        str | None,
        typer.Option(help="Endpoint to ask; without --provider one that speaks OpenAI's protocol."),
    ] = None,
    api_key_env: Annotated[
        str | None, typer.Option(help="Environment variable with the key for --base-url.")
    ] = None,
    answers: Annotated[
        Path | None, typer.Option(help="Recorded answers (JSONL) for provider scripted.")
    ] = None,
    param: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="Parameter of the model; may be repeated.")
    ] = None,
    repeats: Annotated[int | None, typer.Option(help="Times each case is asked.")] = None,
    concurrency: Annotated[int | None, typer.Option(help="Most calls at a time.")] = None,
    timeout: Annotated[float | None, typer.Option(help="Seconds for one call.")] = None,
    max_attempts: Annotated[
        int | None, typer.Option(help="Calls for one answer, the first included.")
    ] = None,
    cases: Annotated[str | None, typer.Option(metavar="GLOB", help="Only cases whose name matches.")] = None,
    json: JsonOption = False,
) -> None:
    """Run a prompt over a suite and judge every answer.

    Options win over what the suite file says. Exit code 1: the suite's threshold was missed or answers are missing;
    4: the provider could not be reached at all. Ctrl-C keeps what is answered, for `eval resume`.
    """
    options = RunOptions(
        prompt=prompt,
        version=version,
        provider=provider,
        model=model,
        base_url=base_url,
        api_key_env=api_key_env,
        answers=answers,
        parameters={name: as_json_value(text) for name, text in read_assignments(param or ()).items()},
        repeats=repeats,
        concurrency=concurrency,
        timeout_seconds=timeout,
        max_attempts=max_attempts,
        case_filter=cases,
    )
    with services_of(ctx) as services:
        code = _finish(_start(suite, options, services), services, json=json)
    raise typer.Exit(code)


@app.command("resume")
def resume(ctx: typer.Context, evaluation: IdArgument, json: JsonOption = False) -> None:
    """Go on with a run that was interrupted or whose process died; stored answers are kept and not asked again."""
    with services_of(ctx) as services:
        resumed = commands.resume_evaluation(
            evaluation_id=EvaluationId(services.evaluations.find_id(evaluation)),
            owner=services.runs.owner,
            uow=services.unit_of_work(),
            now=services.now(),
        )
        code = _finish(resumed.id, services, json=json)
    raise typer.Exit(code)


@app.command("cancel")
def cancel(ctx: typer.Context, evaluation: IdArgument, json: JsonOption = False) -> None:
    """End a run for good, wherever it runs; stored answers stay."""
    with services_of(ctx) as services:
        cancelled = commands.cancel_evaluation(
            evaluation_id=EvaluationId(services.evaluations.find_id(evaluation)),
            expected_row_version=None,
            uow=services.unit_of_work(),
            now=services.now(),
        )
        if json:
            show_json(_as_object(services.evaluations.get(cancelled.id), services))
        else:
            show(f"Cancelled evaluation {short_id(cancelled.id)}; {cancelled.completed} answers are stored.")


@app.command("list")
def list_evaluations(
    ctx: typer.Context,
    prompt: Annotated[str | None, typer.Option(metavar="NAME", help="Only runs of this prompt.")] = None,
    status: Annotated[EvaluationStatus | None, typer.Option(help="Only runs in this state.")] = None,
    limit: LimitOption = 20,
    json: JsonOption = False,
) -> None:
    """List runs, newest first."""
    with services_of(ctx) as services:
        where = EvaluationFilter(
            prompt_id=find_prompt(services, prompt).id if prompt is not None else None,
            status=status.value if status else None,
        )
        found = list(every(lambda page: services.evaluations.list(where, page), limit=limit))
        now = services.now()
        if json:
            show_json({"items": [_as_object(view, services) for view in found]})
        elif found:
            views.show_runs(found, now)
        else:
            say("No evaluations here. Run one: autoforge eval run SUITE")


@app.command("show")
def show_evaluation(
    ctx: typer.Context,
    evaluation: IdArgument,
    failed: Annotated[bool, typer.Option("--failed", help="All failed cases.")] = False,
    errored: Annotated[bool, typer.Option("--errored", help="All cases without an answer.")] = False,
    every_case: Annotated[bool, typer.Option("--all", help="All cases.")] = False,
    case: Annotated[str | None, typer.Option(metavar="NAME", help="One case in full.")] = None,
    json: JsonOption = False,
) -> None:
    """Show a run, its failed cases, or one case in full."""
    with services_of(ctx) as services:
        view = services.evaluations.get(services.evaluations.find_id(evaluation))
        if case is not None:
            _show_case(view, case, services, json=json)
            return
        outcomes = [name for name, wanted in (("failed", failed), ("errored", errored)) if wanted]
        results = _results(view.id, [None] if every_case else outcomes, services)
        if json:
            listed = {"results": list(results)} if every_case or outcomes else {}
            show_json({**_as_object(view, services), **listed})
        elif every_case or outcomes:
            views.show_results(results)
        else:
            _show_summary(view, services)


@app.command("compare")
def compare(
    ctx: typer.Context,
    a: Annotated[str, typer.Argument(metavar="A", help="Id of the run to compare with.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Id of the run that is new.")],
    every_case: Annotated[
        bool, typer.Option("--all", help="List every case that changed, however many.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Show how run B differs from run A, and which cases changed."""
    from src.application.evaluation.compare import compare_evaluations
    from src.presentation.cli.comparison_views import show_comparison

    with services_of(ctx) as services:
        find = services.evaluations.find_id
        compared = compare_evaluations(find(a), find(b), evaluations=services.evaluations)
        if json:
            show_json(_comparison_object(compared, services))
        else:
            show_comparison(compared, most_cases=None if every_case else LISTED_CASES)


def _start(suite: str, options: RunOptions, services: Services) -> EvaluationId:
    """A pending evaluation. All that can be wrong with the options is found before anything of it is stored."""
    find_suite_id, file = resolve_suite(suite, services)
    settings = resolve_settings(options, file)
    services.open_provider(settings)  # before the suite is imported, so that it loads its libraries meanwhile
    suite_id = find_suite_id()
    prompt_id, version = resolve_prompt(options, file, services)
    evaluation = commands.start_evaluation(
        prompt_id=prompt_id,
        version=version,
        suite_id=suite_id,
        settings=settings,
        owner=services.runs.owner,
        by=services.principal,
        uow=services.unit_of_work(),
        now=services.now(),
    )
    return evaluation.id


def _finish(evaluation_id: EvaluationId, services: Services, *, json: bool) -> int:
    """Runs it, prints what came out, and says with which code to exit."""
    outcome = run_to_end(evaluation_id, services)
    view = services.evaluations.get(evaluation_id)
    if json:
        show_json(_as_object(view, services))
    if outcome.interruptions and view.status != EvaluationStatus.COMPLETED:
        answered = views.answered(view)
        say(f"Interrupted; {answered} of {view.total} answers are stored.")
        say(f"Go on with: autoforge eval resume {short_id(view.id)}")
        return INTERRUPTED
    if not json:
        _show_summary(view, services)
        _suggest_next(view, services)
    return _exit_code(view, outcome)


def _exit_code(view: EvaluationView, outcome: Run) -> int:
    if (view.metrics or {}).get("meets_threshold"):
        return 0
    return UNAVAILABLE if outcome.service.is_unavailable and views.answered(view) == 0 else MISSED


def _suggest_next(view: EvaluationView, services: Services) -> None:
    if view.status in (EvaluationStatus.FAILED, EvaluationStatus.RUNNING):
        say(f"\nAsk again for what is missing: autoforge eval resume {short_id(view.id)}")
        return
    where = EvaluationFilter(prompt_id=view.prompt_id, status=EvaluationStatus.COMPLETED.value)
    earlier = every(lambda page: services.evaluations.list(where, page), limit=50)
    before = next((run for run in earlier if run.id != view.id and run.suite_name == view.suite_name), None)
    if before is not None:
        say(
            f"\nCompare with the run before: autoforge eval compare {short_id(before.id)} {short_id(view.id)}"
        )
    elif (view.metrics or {}).get("failed"):
        say(f"\nA case in full: autoforge eval show {short_id(view.id)} --case NAME")


def _show_summary(view: EvaluationView, services: Services) -> None:
    views.show_run(view, services.now())
    if failed := views.metric(view, "failed"):
        views.show_failed(_results(view.id, ["failed"], services, limit=LISTED_CASES))
        if failed > LISTED_CASES:
            say(f"… and {failed - LISTED_CASES:,.0f} more: autoforge eval show {short_id(view.id)} --failed")
    if views.metric(view, "errored"):
        views.show_errored(_results(view.id, ["errored"], services), most=LISTED_CASES)


def _show_case(view: EvaluationView, name: str, services: Services, *, json: bool) -> None:
    found = [result for result in _results(view.id, [None], services) if result.case_name == name]
    if not found:
        raise NotFoundError(f"Evaluation {short_id(view.id)} has no result of a case {name!r}.")
    if json:
        show_json({**_as_object(view, services), "results": found})
        return
    for result in found:
        views.show_result_in_full(result)


def _results(
    evaluation_id: str, outcomes: Sequence[str | None], services: Services, *, limit: int | None = None
) -> Iterator[ResultView]:
    """In the order of the suite, outcome by outcome; None stands for every outcome."""
    for outcome in outcomes:
        page_of = partial(services.evaluations.list_results, evaluation_id, outcome)
        yield from every(page_of, RESULTS, limit=limit)


def _as_object(view: EvaluationView, services: Services) -> Mapping[str, Any]:
    fields = {name: getattr(view, name) for name in EvaluationView.__dataclass_fields__}
    return {**fields, "abandoned": view.is_abandoned(services.now())}


def _comparison_object(compared: "Comparison", services: Services) -> Mapping[str, Any]:
    return {
        "a": _as_object(compared.a, services),
        "b": _as_object(compared.b, services),
        "same_suite": compared.same_suite,
        "counts": compared.counts(),
        "cases": compared.cases,
    }
