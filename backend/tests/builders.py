"""Things that tests talk about, each with sane defaults: a test names only what matters to it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from src.domain.evaluation.assertion import Assertion
from src.domain.evaluation.evaluation import CaseResult, Evaluation, RunSettings
from src.domain.evaluation.score import AssertionResult, Score
from src.domain.evaluation.suite import TestCase, TestSuite
from src.domain.prompt.prompt import Prompt, PromptContent, PromptStatus
from src.domain.prompt.template import PromptTemplate, TemplateVariable
from src.domain.shared.ids import Principal, PromptId, SuiteId, new_id
from src.domain.shared.placeholders import JsonValue, placeholders

NOW = datetime(2026, 11, 2, 10, 0, tzinfo=UTC)
LOCAL = Principal()


def a_prompt(
    *,
    title: str = "Support triage",
    content: str = "Sort: {{message}}",
    system_message: str | None = None,
    name: str | None = None,
    description: str | None = None,
    tags: tuple[str, ...] = (),
    metadata: Mapping[str, JsonValue] | None = None,
    status: PromptStatus = PromptStatus.DRAFT,
    by: Principal = LOCAL,
    now: datetime = NOW,
) -> Prompt:
    return Prompt.create(
        title=title,
        content=PromptContent(content, system_message),
        by=by,
        now=now,
        name=name,
        description=description,
        tags=tags,
        metadata=metadata,
        status=status,
    )


def a_template(
    *,
    name: str = "greeting",
    template: str = "Hello {{name}}",
    variables: tuple[TemplateVariable, ...] | None = None,
    category: str = "general",
    description: str | None = None,
    by: Principal = LOCAL,
    now: datetime = NOW,
) -> PromptTemplate:
    """Without `variables`, those that the text uses are declared, as required texts."""
    declared = tuple(TemplateVariable(used) for used in placeholders(template))
    return PromptTemplate.create(
        name=name,
        template=template,
        variables=declared if variables is None else variables,
        category=category,
        description=description,
        by=by,
        now=now,
    )


def a_case(
    name: str = "case",
    *,
    variables: Mapping[str, JsonValue] | None = None,
    assertions: tuple[Assertion, ...] | None = None,
    expected: str | None = None,
    threshold: float | None = None,
    origin: str = "",
) -> TestCase:
    """Without `assertions` it wants "ok" in the answer."""
    return TestCase(
        name=name,
        variables={"message": f"message of {name}"} if variables is None else variables,
        assertions=(Assertion.build("contains", value="ok"),) if assertions is None else assertions,
        expected=expected,
        threshold=threshold,
        origin=origin,
    )


def some_cases(count: int) -> tuple[TestCase, ...]:
    """case-0, case-1, …"""
    return tuple(a_case(f"case-{number}") for number in range(count))


@dataclass
class InMemorySuiteSource:
    name: str
    description: str | None
    threshold: float
    readings: list[Sequence[TestCase]] = field(default_factory=list)

    def cases(self) -> Iterator[TestCase]:
        """Each walk takes the next of `readings`; the last one stays."""
        return iter(self.readings.pop(0) if len(self.readings) > 1 else self.readings[0])


def a_suite_source(
    *cases: TestCase,
    name: str = "support-triage",
    description: str | None = None,
    threshold: float = 1.0,
    later: Sequence[TestCase] | None = None,
) -> InMemorySuiteSource:
    """A suite to import; with `later` its cases are others when it is read again."""
    return InMemorySuiteSource(name, description, threshold, [cases] if later is None else [cases, later])


def a_suite(
    *, name: str = "support-triage", version: int = 1, case_count: int = 1, content_hash: str = "0" * 64
) -> TestSuite:
    return TestSuite.create(
        name=name,
        version=version,
        description=None,
        threshold=1.0,
        case_count=case_count,
        content_hash=content_hash,
        by=LOCAL,
        now=NOW,
    )


def an_evaluation(
    *,
    prompt_id: str | None = None,
    suite_id: str | None = None,
    settings: RunSettings | None = None,
    threshold: float = 1.0,
    total: int = 1,
    owner: str = "host:1",
    now: datetime = NOW,
) -> Evaluation:
    return Evaluation.create(
        prompt_id=PromptId(prompt_id or new_id()),
        prompt_version=1,
        content_hash="0" * 64,
        suite_id=SuiteId(suite_id or new_id()),
        suite_hash="1" * 64,
        settings=settings or RunSettings(provider="scripted"),
        threshold=threshold,
        total=total,
        owner=owner,
        by=LOCAL,
        now=now,
    )


def a_result(
    position: int = 0,
    *,
    repeat: int = 1,
    passed: bool = True,
    score: float | None = None,
    error: str | None = None,
    output: str | None = "ok",
    latency_ms: float = 10.0,
    cost_usd: float | None = None,
    prompt_tokens: int | None = None,
    completion_tokens: int | None = None,
) -> CaseResult:
    """With `error` there is no answer. The score follows from `passed` unless it is given."""
    answered = error is None
    value = float(passed and answered) if score is None else score
    checked = (AssertionResult("contains", passed, value, "as built"),)
    return CaseResult(
        position=position,
        repeat=repeat,
        case_name=f"case-{position}",
        input={"message": f"message of case-{position}"},
        score=Score(value),
        passed=passed and answered,
        assertions=checked if answered else (),
        latency_ms=latency_ms if answered else 0.0,
        attempts=1,
        output=output if answered else None,
        error=error,
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        cost_usd=cost_usd,
    )
