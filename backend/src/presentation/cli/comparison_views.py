"""How a comparison looks to a person: two runs side by side, and the cases that changed."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from src.application.evaluation.compare import CaseComparison, CaseStanding, Change, Comparison
from src.application.evaluation.queries import EvaluationView
from src.presentation.cli.evaluation_views import metric, model_label, prompt_label
from src.presentation.cli.output import (
    NONE,
    milliseconds,
    percent,
    say,
    score,
    short_id,
    show,
    show_table,
    usd,
)

if TYPE_CHECKING:
    from rich.text import Text

# What went wrong comes first.
_LABELS = {
    Change.BROKEN: ("broken", "bold red"),
    Change.WORSE: ("worse", "red"),
    Change.UNANSWERED: ("unanswered", "yellow"),
    Change.FIXED: ("fixed", "green"),
    Change.BETTER: ("better", "green"),
    Change.ONLY_A: ("only in A", ""),
    Change.ONLY_B: ("only in B", ""),
}


def show_comparison(compared: Comparison, *, most_cases: int | None) -> None:
    """Two runs side by side, and the cases that changed, at most `most_cases` of each kind."""
    a, b = compared.a, compared.b
    show_table(
        ("", "Evaluation", "Prompt", "Suite", "Model"),
        [
            (label, short_id(v.id), prompt_label(v), f"{v.suite_name} v{v.suite_version}", model_label(v))
            for label, v in (("A", a), ("B", b))
        ],
        wide=("Prompt", "Suite", "Model"),
    )
    if not compared.same_suite:
        say("\nThe two ran different suites: only cases of the same name are compared.")
    show("")
    show_table(("", "A", "B", "Change"), _side_by_side(a, b), right=("A", "B", "Change"))
    show("")
    show(_in_words(compared))
    rows, hidden = [], 0
    for change in _LABELS:
        cases = sorted(compared.of(change), key=_difference)
        hidden += len(cases) - len(cases[:most_cases])
        rows += [(_styled(change), case.case_name, *_standings(case)) for case in cases[:most_cases]]
    if rows:
        show("")
        show_table(("Change", "Case", "A", "B"), rows, right=("A", "B"), wide=("Case",))
    if hidden:
        say(f"… and {hidden:,} more: --all")


def _side_by_side(a: EvaluationView, b: EvaluationView) -> list[tuple[str, str, str, str]]:
    def row(
        label: str,
        value: Callable[[EvaluationView], float | None],
        show_value: Callable[[float | None], str],
        unit: str = "",
    ) -> tuple[str, str, str, str]:
        before, after = value(a), value(b)
        return label, show_value(before), show_value(after), _delta(before, after, show_value, unit)

    def whole(value: float | None) -> str:
        return NONE if value is None else f"{value:,.0f}"

    return [
        row("Passed", lambda v: metric(v, "pass_rate"), percent, " points"),
        row("Score", lambda v: v.overall_score, score),
        row("Without an answer", lambda v: metric(v, "errored"), whole),
        row("Tokens out", lambda v: metric(v, "completion_tokens"), whole),
        row("Cost", lambda v: metric(v, "cost_usd"), usd),
        row("Latency p50", lambda v: metric(v, "latency_ms", "p50"), milliseconds),
        row("Latency p95", lambda v: metric(v, "latency_ms", "p95"), milliseconds),
    ]


def _delta(
    before: float | None, after: float | None, show_value: Callable[[float | None], str], unit: str
) -> str:
    if before is None or after is None:
        return NONE
    if show_value(before) == show_value(after):
        return "="
    shown = show_value(abs(after - before))
    sign = "+" if after > before else "−"
    return f"{sign}{shown.removesuffix(' %') if unit else shown}{unit}"


def _in_words(compared: Comparison) -> str:
    counts = [
        f"{number:,} {label}" for change, (label, _) in _LABELS.items() if (number := compared.count(change))
    ]
    same = compared.count(Change.SAME)
    if not counts:
        return f"No case changed ({same:,} the same)."
    return f"Cases: {', '.join(counts)}, {same:,} the same."


def _styled(change: Change) -> "Text":
    from rich.text import Text

    label, style = _LABELS[change]
    return Text(label, style=style)


def _difference(case: CaseComparison) -> tuple[float, str]:
    """Largest change first."""
    before = case.a.score if case.a else None
    after = case.b.score if case.b else None
    change = abs((after or 0.0) - (before or 0.0))
    return -change, case.case_name


def _standings(case: CaseComparison) -> tuple[str, str]:
    return _standing(case.a), _standing(case.b)


def _standing(standing: CaseStanding | None) -> str:
    if standing is None:
        return NONE
    return "no answer" if standing.score is None else score(standing.score)
