"""How a run and a comparison look to a person."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from src.application.evaluation.queries import EvaluationView, ResultView
from src.domain.evaluation.evaluation import EvaluationStatus
from src.domain.shared.placeholders import JsonValue, as_text
from src.presentation.cli.output import (
    NONE,
    counted,
    heading,
    milliseconds,
    moment,
    percent,
    say,
    score,
    short_id,
    shortened,
    show,
    show_fields,
    show_line,
    show_table,
    usd,
)

if TYPE_CHECKING:
    from rich.text import Text

REPLAY = "scripted: a replay of recorded answers, no model was asked"
_STYLES = {"passed": "green", "failed": "red", "errored": "yellow"}


def metric(view: EvaluationView, *path: str) -> float | None:
    """A number out of the run's metrics; None when it is not known, or the run has not ended."""
    found: JsonValue | Mapping[str, JsonValue] = view.metrics
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, int | float) and not isinstance(found, bool) else None


def answered(view: EvaluationView) -> int:
    """Answers that are stored; of a run that has no metrics yet, its results."""
    if view.metrics is None:
        return view.completed
    return int((metric(view, "passed") or 0) + (metric(view, "failed") or 0))


def show_run(view: EvaluationView, now: datetime) -> None:
    """Everything about a run but its cases: what was run, the verdict, the numbers."""
    repeats = view.settings.get("repeats", 1)
    asked = counted(view.total, "answer") if repeats != 1 else counted(view.total, "case")
    show_fields(
        [
            ("Evaluation", f"{short_id(view.id)}, {moment(view.created_at)}"),
            ("Prompt", prompt_label(view)),
            ("Suite", f"{view.suite_name or NONE}, version {view.suite_version or NONE}, {asked}"),
            ("Model", REPLAY if view.provider == "scripted" else model_label(view)),
        ]
    )
    show("")
    show_line(_verdict(view, now))
    if view.error_message:
        show(f"      {view.error_message}")
    if view.metrics is not None:
        show("")
        show_fields(_numbers(view))


def show_runs(found: Sequence[EvaluationView], now: datetime) -> None:
    rows = [
        (
            short_id(view.id),
            moment(view.created_at),
            f"{view.prompt_name} v{view.prompt_version}",
            view.suite_name or NONE,
            view.model or view.provider or NONE,
            _state(view, now),
            percent(metric(view, "pass_rate")),
            score(view.overall_score),
        )
        for view in found
    ]
    columns = ("Id", "Started", "Prompt", "Suite", "Model", "Status", "Passed", "Score")
    show_table(columns, rows, right=("Passed", "Score"), wide=("Prompt", "Suite", "Model"))


def show_failed(results: Iterable[ResultView]) -> None:
    heading("Failed")
    rows = [(_case_name(result), score(result.score), shortened(_reason(result))) for result in results]
    show_table(("Case", "Score", "Why"), rows, right=("Score",), wide=("Case", "Why"))


def show_errored(results: Iterable[ResultView], *, most: int) -> None:
    """The reasons why answers are missing, most frequent first: a provider that is down has the same one for all."""
    first: dict[str, str] = {}
    counts = Counter[str]()
    for result in results:
        reason = _reason(result)
        counts[reason] += 1
        first.setdefault(reason, _case_name(result))
    heading("Without an answer")
    rows = [(f"{number:,}", first[reason], shortened(reason)) for reason, number in counts.most_common(most)]
    show_table(("Cases", "First", "Why"), rows, right=("Cases",), wide=("First", "Why"))


def show_results(results: Iterable[ResultView]) -> None:
    """One line a result, with the first reason why it did not pass."""
    rows = [(_case_name(r), _styled(r.outcome), score(r.score), shortened(_reason(r))) for r in results]
    if rows:
        show_table(("Case", "Outcome", "Score", "Why"), rows, right=("Score",), wide=("Case", "Why"))
    else:
        say("No such cases.")


def show_result_in_full(result: ResultView) -> None:
    tokens = f"{result.prompt_tokens:,} in" if result.prompt_tokens is not None else NONE
    if result.completion_tokens is not None:
        tokens += f", {result.completion_tokens:,} out"
    show_fields(
        [
            ("Case", _case_name(result)),
            ("Outcome", _styled(result.outcome)),
            ("Score", score(result.score)),
            ("Latency", f"{milliseconds(result.latency_ms)}, {counted(result.attempts, 'call')}"),
            ("Tokens", tokens),
            ("Cost", usd(result.cost_usd)),
        ]
    )
    for name, value in result.input.items():
        show(f"\n--- {name}\n{as_text(value)}")
    if result.expected is not None:
        show(f"\n--- expected\n{result.expected}")
    show(f"\n--- answer\n{result.output}" if result.error is None else f"\n--- no answer\n{result.error}")
    if result.assertions:
        heading("Assertions")
        show_table(
            ("Type", "Verdict", "Score", "Weight", "Reason"),
            [
                (
                    str(found["type"]),
                    _styled("passed" if found["passed"] else "failed"),
                    score(_number(found.get("score"))),
                    f"{_number(found.get('weight')) or 0:g}",
                    as_text(found.get("reason")),
                )
                for found in result.assertions
            ],
            right=("Score", "Weight"),
            wide=("Reason",),
        )
    show("")


def prompt_label(view: EvaluationView) -> str:
    return f"{view.prompt_name}, version {view.prompt_version}, {(view.content_hash or NONE)[:8]}"


def model_label(view: EvaluationView) -> str:
    if view.provider == "scripted":
        return "scripted (a replay)"
    where = view.settings.get("provider_options")
    base_url = where.get("base_url") if isinstance(where, Mapping) else None
    return f"{view.model or NONE} ({base_url or view.provider or NONE})"


def _verdict(view: EvaluationView, now: datetime) -> "Text":
    from rich.text import Text

    state, threshold = _state(view, now), metric(view, "threshold")
    if view.metrics is None or threshold is None or view.status == EvaluationStatus.RUNNING:
        return Text(f"{state.upper()}  {view.completed:,} of {view.total:,} stored", style="bold")
    if answered(view) == 0:
        return Text.assemble(("NO VERDICT", "bold red"), f"  none of {counted(view.total, 'answer')} came")
    passed = int(metric(view, "passed") or 0)
    rate = percent(metric(view, "pass_rate"))
    counts = f"{rate} passed ({passed:,} of {answered(view):,}), threshold {percent(threshold)}"
    if view.metrics.get("meets_threshold"):
        return Text.assemble(("PASS", "bold green"), f"  {counts}")
    is_short = answered(view) < view.total
    missing = f"; {counted(view.total - answered(view), 'answer')} missing" if is_short else ""
    return Text.assemble(("FAIL", "bold red"), f"  {counts}{missing}")


def _numbers(view: EvaluationView) -> list[tuple[str, str]]:
    def count(name: str) -> str:
        return f"{metric(view, name) or 0:,.0f}"

    def tokens(name: str, label: str) -> str:
        number = metric(view, name)
        return NONE if number is None else f"{number:,.0f} {label}"

    unpriced = metric(view, "unpriced")
    cost = usd(metric(view, "cost_usd"))
    if cost != NONE and unpriced:
        cost += f", without {counted(int(unpriced), 'answer')} of unknown price"
    used = [tokens("prompt_tokens", "in"), tokens("completion_tokens", "out")]
    p50, p95 = (milliseconds(metric(view, "latency_ms", name)) for name in ("p50", "p95"))
    return [
        ("Score", score(view.overall_score)),
        (
            "Cases",
            f"{count('passed')} passed, {count('failed')} failed, {count('errored')} without an answer",
        ),
        ("Tokens", ", ".join(text for text in used if text != NONE) or NONE),
        ("Cost", cost),
        ("Latency", f"p50 {p50}, p95 {p95}"),
        ("Duration", NONE if view.execution_time_ms is None else f"{view.execution_time_ms / 1000:,.1f} s"),
    ]


def _state(view: EvaluationView, now: datetime) -> str:
    return "abandoned" if view.is_abandoned(now) else view.status


def _case_name(result: ResultView) -> str:
    return result.case_name if result.repeat == 1 else f"{result.case_name} #{result.repeat}"


def _reason(result: ResultView) -> str:
    if result.error is not None:
        return result.error
    for found in result.assertions:
        if not found.get("passed") and found.get("weight") != 0:
            return f"{found.get('type')}: {as_text(found.get('reason'))}"
    return ""


def _styled(outcome: str) -> "Text":
    from rich.text import Text

    return Text(outcome, style=_STYLES.get(outcome, ""))


def _number(value: JsonValue) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
