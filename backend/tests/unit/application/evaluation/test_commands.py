from datetime import timedelta
from typing import Any

import pytest

from src.application.evaluation import commands
from src.domain.evaluation.errors import EvaluationStateError, SuiteNotFoundError
from src.domain.evaluation.evaluation import LEASE_SECONDS, Evaluation, EvaluationStatus, RunSettings
from src.domain.evaluation.suite import TestCase, TestSuite
from src.domain.prompt.errors import PromptNotFoundError, PromptVersionNotFoundError
from src.domain.prompt.prompt import Prompt, PromptContent
from src.domain.shared.errors import RuleViolationError, StaleVersionError
from src.domain.shared.ids import LOCAL_USER, PromptId, SuiteId
from tests.builders import LOCAL, NOW, InMemorySuiteSource, a_case, a_prompt, a_suite_source, some_cases
from tests.fakes import InMemoryUnitOfWork

LATER = NOW + timedelta(hours=1)
OURS, THEIRS = "host:1", "host:2"
A_LARGE_CASE = a_case("large", variables={"text": "x" * commands.HELD_BYTES})


@pytest.fixture
def uow() -> InMemoryUnitOfWork:
    return InMemoryUnitOfWork()


# --- importing suites -------------------------------------------------------------------------------------------------


def import_suite(uow: InMemoryUnitOfWork, source: InMemorySuiteSource) -> tuple[TestSuite, bool]:
    return commands.import_suite(source, by=LOCAL, uow=uow, now=LATER)


def cases_of(uow: InMemoryUnitOfWork, suite_id: str) -> list[tuple[int, TestCase]]:
    return list(uow.database.committed.cases.get(suite_id, {}).items())


def test_imported_suite_is_stored_with_its_cases_in_order(uow: InMemoryUnitOfWork) -> None:
    suite, is_new = import_suite(
        uow, a_suite_source(a_case("b"), a_case("a"), name="triage", description="説明", threshold=0.8)
    )

    assert (is_new, suite.version, suite.case_count, suite.threshold) == (True, 1, 2, 0.8)
    assert uow.database.committed.suites[suite.id].description == "説明"
    assert cases_of(uow, suite.id) == [(0, a_case("b")), (1, a_case("a"))]


def test_suite_larger_than_a_chunk_is_stored_whole(uow: InMemoryUnitOfWork) -> None:
    cases = some_cases(1_234)

    suite, _ = import_suite(uow, a_suite_source(*cases))

    assert cases_of(uow, suite.id) == list(enumerate(cases))


def test_importing_the_same_cases_again_gives_the_suite_there_is(uow: InMemoryUnitOfWork) -> None:
    first, _ = import_suite(uow, a_suite_source(*some_cases(2)))

    second, is_new = import_suite(uow, a_suite_source(*some_cases(2)))

    assert (second.id, is_new) == (first.id, False)
    assert len(uow.database.committed.suites) == 1


@pytest.mark.parametrize(
    "changed", [a_suite_source(a_case("other")), a_suite_source(a_case("case-0"), threshold=0.5)]
)
def test_importing_a_changed_suite_supersedes_the_one_before(
    uow: InMemoryUnitOfWork, changed: InMemorySuiteSource
) -> None:
    first, _ = import_suite(uow, a_suite_source(a_case("case-0")))

    second, is_new = import_suite(uow, changed)

    suites = uow.database.committed.suites
    assert (second.version, is_new) == (2, True)
    assert (suites[first.id].superseded_at, suites[second.id].superseded_at) == (LATER, None)
    assert len(cases_of(uow, first.id)) == 1, "evaluations still refer to it"


def test_going_back_to_older_cases_is_a_new_version(uow: InMemoryUnitOfWork) -> None:
    import_suite(uow, a_suite_source(a_case("a")))
    import_suite(uow, a_suite_source(a_case("b")))

    third, is_new = import_suite(uow, a_suite_source(a_case("a")))

    assert (third.version, is_new) == (3, True)


def test_two_cases_of_one_name_are_refused_with_the_place_of_the_second(uow: InMemoryUnitOfWork) -> None:
    source = a_suite_source(a_case("same", origin="s.yaml, line 3"), a_case("same", origin="s.yaml, line 9"))

    with pytest.raises(RuleViolationError, match=r"s\.yaml, line 9: name: two cases are named 'same'"):
        import_suite(uow, source)

    assert uow.database.committed.suites == {}


def test_suite_without_cases_is_refused(uow: InMemoryUnitOfWork) -> None:
    with pytest.raises(RuleViolationError, match="'support-triage' has no cases"):
        import_suite(uow, a_suite_source())


@pytest.mark.parametrize("header", [{"name": " "}, {"threshold": 2.0}])
def test_suite_with_a_bad_header_is_refused(uow: InMemoryUnitOfWork, header: dict[str, Any]) -> None:
    with pytest.raises(RuleViolationError, match=f"{next(iter(header))}: "):
        import_suite(uow, a_suite_source(a_case(), **header))


@pytest.mark.parametrize("later", [some_cases(1), some_cases(3), (a_case("case-0"), a_case("changed"))])
def test_suite_that_changes_while_it_is_read_is_refused_and_nothing_is_stored(
    uow: InMemoryUnitOfWork, later: tuple[TestCase, ...]
) -> None:
    with pytest.raises(RuleViolationError, match="changed while it was read"):
        import_suite(uow, a_suite_source(A_LARGE_CASE, *some_cases(2), later=(A_LARGE_CASE, *later)))

    assert uow.database.committed.suites == {}
    assert uow.database.committed.cases == {}


def test_large_suite_is_stored_by_reading_it_again(uow: InMemoryUnitOfWork) -> None:
    suite, _ = import_suite(uow, a_suite_source(A_LARGE_CASE, *some_cases(2)))

    assert [case.name for _, case in cases_of(uow, suite.id)] == ["large", "case-0", "case-1"]


def test_small_suite_is_read_once(uow: InMemoryUnitOfWork) -> None:
    suite, _ = import_suite(uow, a_suite_source(*some_cases(2), later=some_cases(3)))

    assert len(cases_of(uow, suite.id)) == 2


def test_suite_that_cannot_be_read_leaves_the_one_before_current(uow: InMemoryUnitOfWork) -> None:
    first, _ = import_suite(uow, a_suite_source(a_case("a")))

    with pytest.raises(RuleViolationError):
        import_suite(uow, a_suite_source(A_LARGE_CASE, a_case("b"), later=[A_LARGE_CASE, a_case("c")]))

    assert uow.database.committed.suites[first.id].superseded_at is None


# --- starting, taking, cancelling -------------------------------------------------------------------------------------


@pytest.fixture
def prompt(uow: InMemoryUnitOfWork) -> Prompt:
    """A prompt with two versions."""
    prompt = a_prompt(content="one")
    prompt.revise(PromptContent("two"), by=LOCAL_USER, now=NOW)
    with uow:
        uow.prompts.add(prompt)
        uow.commit()
    return prompt


@pytest.fixture
def suite(uow: InMemoryUnitOfWork) -> TestSuite:
    """Three cases: a/1, a/2, b/1."""
    names = ("a/1", "a/2", "b/1")
    return import_suite(uow, a_suite_source(*(a_case(name) for name in names), threshold=0.9))[0]


def start(uow: InMemoryUnitOfWork, prompt_id: str, suite_id: str, **fields: Any) -> Evaluation:
    given = {"version": None, "settings": RunSettings(provider="scripted"), **fields}
    return commands.start_evaluation(
        prompt_id=PromptId(prompt_id),
        suite_id=SuiteId(suite_id),
        owner=OURS,
        by=LOCAL,
        uow=uow,
        now=NOW,
        **given,
    )


def read(uow: InMemoryUnitOfWork, evaluation: Evaluation) -> Evaluation:
    return uow.database.committed.evaluations[evaluation.id]


def test_started_evaluation_is_of_the_head_and_the_exact_suite(
    uow: InMemoryUnitOfWork, prompt: Prompt, suite: TestSuite
) -> None:
    started = read(uow, start(uow, prompt.id, suite.id))

    assert (started.status, started.owner) == (EvaluationStatus.PENDING, OURS)
    assert (started.prompt_version, started.content_hash) == (2, PromptContent("two").content_hash)
    assert (started.suite_hash, started.threshold, started.total) == (suite.content_hash, 0.9, 3)


def test_older_version_can_be_evaluated(uow: InMemoryUnitOfWork, prompt: Prompt, suite: TestSuite) -> None:
    started = start(uow, prompt.id, suite.id, version=1)

    assert (started.prompt_version, started.content_hash) == (1, PromptContent("one").content_hash)


@pytest.mark.parametrize(
    ("settings", "total"),
    [({"repeats": 4}, 12), ({"case_filter": "a/*"}, 2), ({"case_filter": "a/*", "repeats": 2}, 4)],
)
def test_total_is_the_matching_cases_times_the_repeats(
    uow: InMemoryUnitOfWork, prompt: Prompt, suite: TestSuite, settings: dict[str, Any], total: int
) -> None:
    started = start(uow, prompt.id, suite.id, settings=RunSettings(provider="scripted", **settings))

    assert started.total == total


def test_filter_that_matches_no_case_is_refused(
    uow: InMemoryUnitOfWork, prompt: Prompt, suite: TestSuite
) -> None:
    with pytest.raises(RuleViolationError, match="No case of the suite matches 'z'"):
        start(uow, prompt.id, suite.id, settings=RunSettings(provider="scripted", case_filter="z"))

    assert uow.database.committed.evaluations == {}


def test_unknown_version_cannot_be_evaluated(
    uow: InMemoryUnitOfWork, prompt: Prompt, suite: TestSuite
) -> None:
    with pytest.raises(PromptVersionNotFoundError):
        start(uow, prompt.id, suite.id, version=3)


def test_version_0_is_unknown_too(uow: InMemoryUnitOfWork, prompt: Prompt, suite: TestSuite) -> None:
    with pytest.raises(PromptVersionNotFoundError):
        start(uow, prompt.id, suite.id, version=0)


def test_unknown_prompt_or_suite_cannot_be_evaluated(
    uow: InMemoryUnitOfWork, prompt: Prompt, suite: TestSuite
) -> None:
    with pytest.raises(PromptNotFoundError):
        start(uow, "nobody", suite.id)
    with pytest.raises(SuiteNotFoundError):
        start(uow, prompt.id, "nobody")


def test_begun_evaluation_is_running(uow: InMemoryUnitOfWork, prompt: Prompt, suite: TestSuite) -> None:
    evaluation = start(uow, prompt.id, suite.id)

    commands.begin_evaluation(evaluation_id=evaluation.id, owner=OURS, uow=uow, now=NOW)

    assert read(uow, evaluation).status is EvaluationStatus.RUNNING


def test_evaluation_of_another_process_cannot_be_begun(
    uow: InMemoryUnitOfWork, prompt: Prompt, suite: TestSuite
) -> None:
    evaluation = start(uow, prompt.id, suite.id)

    with pytest.raises(EvaluationStateError):
        commands.begin_evaluation(evaluation_id=evaluation.id, owner=THEIRS, uow=uow, now=NOW)

    assert read(uow, evaluation).status is EvaluationStatus.PENDING


def test_evaluation_that_is_alive_cannot_be_resumed(
    uow: InMemoryUnitOfWork, prompt: Prompt, suite: TestSuite
) -> None:
    evaluation = start(uow, prompt.id, suite.id)

    with pytest.raises(EvaluationStateError):
        commands.resume_evaluation(evaluation_id=evaluation.id, owner=THEIRS, uow=uow, now=NOW)

    assert read(uow, evaluation).owner == OURS


def test_abandoned_evaluation_can_be_resumed(
    uow: InMemoryUnitOfWork, prompt: Prompt, suite: TestSuite
) -> None:
    evaluation, after = start(uow, prompt.id, suite.id), NOW + timedelta(seconds=LEASE_SECONDS + 1)

    commands.resume_evaluation(evaluation_id=evaluation.id, owner=THEIRS, uow=uow, now=after)

    assert read(uow, evaluation).owner == THEIRS


def test_cancelled_evaluation_has_ended(uow: InMemoryUnitOfWork, prompt: Prompt, suite: TestSuite) -> None:
    evaluation = start(uow, prompt.id, suite.id)

    commands.cancel_evaluation(evaluation_id=evaluation.id, expected_row_version=1, uow=uow, now=LATER)

    assert (read(uow, evaluation).status, read(uow, evaluation).finished_at) == ("cancelled", LATER)


def test_cancelling_an_old_copy_is_refused(uow: InMemoryUnitOfWork, prompt: Prompt, suite: TestSuite) -> None:
    evaluation = start(uow, prompt.id, suite.id)

    with pytest.raises(StaleVersionError):
        commands.cancel_evaluation(evaluation_id=evaluation.id, expected_row_version=9, uow=uow, now=LATER)

    assert read(uow, evaluation).status is EvaluationStatus.PENDING


def test_cancelling_twice_is_refused(uow: InMemoryUnitOfWork, prompt: Prompt, suite: TestSuite) -> None:
    evaluation = start(uow, prompt.id, suite.id)
    commands.cancel_evaluation(evaluation_id=evaluation.id, expected_row_version=None, uow=uow, now=LATER)

    with pytest.raises(EvaluationStateError, match="is cancelled already"):
        commands.cancel_evaluation(evaluation_id=evaluation.id, expected_row_version=None, uow=uow, now=LATER)
