"""The same of suites, evaluations and their results."""

from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from src.domain.evaluation.errors import EvaluationNotFoundError, SuiteNotFoundError
from src.domain.evaluation.evaluation import RunSettings
from src.domain.shared.ids import (
    EvaluationId,
    SuiteId,
)
from tests.builders import (
    a_case,
    a_result,
    a_suite,
    some_cases,
)
from tests.contract.storages import (
    ELSEWHERE,
    LATER,
    Storage,
    a_stored_evaluation,
    add_results,
    stored,
    values_of,
)

# --- suites -----------------------------------------------------------------------------------------------------------


def test_suite_reads_back_as_it_was_written(storage: Storage) -> None:
    suite = stored(storage, "suites", a_suite(case_count=3))

    with storage.uow() as uow:
        assert values_of(uow.suites.get(suite.id)) == values_of(suite)


def test_unknown_suite_is_named_in_the_error(storage: Storage) -> None:
    with storage.uow() as uow, pytest.raises(SuiteNotFoundError, match="'nobody'"):
        uow.suites.get(SuiteId("nobody"))


def test_suite_of_another_workspace_is_not_found(storage: Storage) -> None:
    suite = stored(storage, "suites", a_suite(name="mine"))

    with storage.uow(ELSEWHERE.workspace_id) as uow:
        assert uow.suites.find_current("mine") is None
        with pytest.raises(SuiteNotFoundError):
            uow.suites.get(suite.id)


def test_current_suite_of_a_name_is_the_one_that_is_not_superseded(storage: Storage) -> None:
    first = stored(storage, "suites", a_suite(version=1))
    second = a_suite(version=2)
    with storage.uow() as uow:
        uow.suites.get(first.id).supersede(now=LATER)
        uow.suites.add(second)
        uow.commit()

    with storage.uow() as uow:
        current = uow.suites.find_current(first.name)
        assert current is not None
        assert current.id == second.id
        assert uow.suites.get(first.id).superseded_at == LATER
        assert uow.suites.find_current("another") is None


def test_suite_that_is_not_committed_leaves_no_cases(storage: Storage) -> None:
    suite = a_suite(case_count=2)

    with storage.uow() as uow:
        uow.suites.add(suite)
        uow.suites.add_cases(suite, some_cases(2), first_position=0)

    with storage.uow() as uow:
        assert uow.suites.count_cases(suite.id, None) == 0


@pytest.mark.parametrize(
    ("case_filter", "count"),
    [
        (None, 4),
        ("*", 4),
        ("refund/*", 2),
        ("refund/?", 1),
        ("Refund/*", 0),
        ("*障害*", 1),
        ("refund/[a-z]", 1),
        ("bill", 0),
    ],
)
def test_cases_are_counted_by_a_glob_over_their_names(
    storage: Storage, case_filter: str | None, count: int
) -> None:
    suite = a_suite(case_count=4)
    names = ("refund/a", "refund/late", "ログイン障害/1", "billing")
    with storage.uow() as uow:
        uow.suites.add(suite)
        uow.suites.add_cases(suite, [a_case(name) for name in names[:2]], first_position=0)
        uow.suites.add_cases(suite, [a_case(name) for name in names[2:]], first_position=2)
        uow.commit()

    with storage.uow() as uow:
        assert uow.suites.count_cases(suite.id, case_filter) == count


# --- evaluations ------------------------------------------------------------------------------------------------------


def test_evaluation_reads_back_as_it_was_written(storage: Storage) -> None:
    settings = RunSettings(
        provider="openai",
        model="gpt-x",
        repeats=2,
        concurrency=3,
        timeout_seconds=1.5,
        max_attempts=2,
        parameters={"temperature": 0.0, "stop": ["終"]},
        case_filter="refund/*",
        provider_options={"base_url": "http://127.0.0.1:1"},
    )
    evaluation = a_stored_evaluation(storage, settings=settings)

    with storage.uow() as uow:
        assert values_of(uow.evaluations.get(evaluation.id)) == values_of(evaluation)


def test_unknown_evaluation_is_named_in_the_error(storage: Storage) -> None:
    with storage.uow() as uow, pytest.raises(EvaluationNotFoundError, match="'nobody'"):
        uow.evaluations.get(EvaluationId("nobody"))


def test_evaluation_of_another_workspace_is_not_found(storage: Storage) -> None:
    evaluation = a_stored_evaluation(storage)

    with storage.uow(ELSEWHERE.workspace_id) as uow, pytest.raises(EvaluationNotFoundError):
        uow.evaluations.get(evaluation.id)


def test_changed_evaluation_has_the_next_row_version(storage: Storage) -> None:
    evaluation = a_stored_evaluation(storage)

    with storage.uow() as uow:
        uow.evaluations.get(evaluation.id).cancel(now=LATER)
        uow.commit()

    with storage.uow() as uow:
        found = uow.evaluations.get(evaluation.id)
    assert (found.status, found.finished_at, found.row_version) == ("cancelled", LATER, 2)


def test_stored_results_are_counted_on_the_evaluation(storage: Storage) -> None:
    evaluation = a_stored_evaluation(storage)

    add_results(storage, evaluation, a_result(0), a_result(1, error="down"))

    with storage.uow() as uow:
        assert uow.evaluations.get(evaluation.id).completed == 2


def test_batch_without_results_changes_nothing(storage: Storage) -> None:
    evaluation = a_stored_evaluation(storage)

    add_results(storage, evaluation)

    with storage.uow() as uow:
        assert uow.evaluations.get(evaluation.id).row_version == 1


def test_answer_takes_the_place_of_an_error(storage: Storage) -> None:
    evaluation = a_stored_evaluation(storage)
    add_results(storage, evaluation, a_result(0, error="down"), a_result(1, error="down"))

    add_results(storage, evaluation, a_result(0, passed=True))

    with storage.uow() as uow:
        summary = uow.evaluations.summarise(evaluation.id)
        assert uow.evaluations.get(evaluation.id).completed == 2
    assert (summary.passed, summary.failed, summary.errored) == (1, 0, 1)


def test_error_takes_the_place_of_an_error(storage: Storage) -> None:
    evaluation = a_stored_evaluation(storage)
    add_results(storage, evaluation, a_result(0, error="down"))

    add_results(storage, evaluation, a_result(0, error="still down"))

    with storage.uow() as uow:
        assert uow.evaluations.summarise(evaluation.id).errored == 1
        assert uow.evaluations.get(evaluation.id).completed == 1


@pytest.mark.parametrize("second", [a_result(0, passed=True), a_result(0, error="down")])
def test_second_result_for_an_answered_case_is_refused(storage: Storage, second: Any) -> None:
    evaluation = a_stored_evaluation(storage)
    add_results(storage, evaluation, a_result(0, passed=False))

    with storage.uow() as uow:
        found = uow.evaluations.get(evaluation.id)
        with pytest.raises(IntegrityError):
            uow.evaluations.add_results(found, [second])

    with storage.uow() as uow:
        summary = uow.evaluations.summarise(evaluation.id)
    assert (summary.passed, summary.failed, summary.errored) == (0, 1, 0)


def test_repeats_of_a_case_are_results_of_their_own(storage: Storage) -> None:
    evaluation = a_stored_evaluation(storage)

    add_results(storage, evaluation, a_result(0, repeat=1), a_result(0, repeat=2))

    with storage.uow() as uow:
        assert uow.evaluations.summarise(evaluation.id).passed == 2


def test_summary_is_over_the_answers_and_counts_errors_apart(storage: Storage) -> None:
    evaluation = a_stored_evaluation(storage, total=5)
    add_results(
        storage,
        evaluation,
        a_result(0, score=1.0, latency_ms=10, cost_usd=0.5, prompt_tokens=3, completion_tokens=2),
        a_result(1, score=0.5, latency_ms=30, cost_usd=0.25, prompt_tokens=4),
        a_result(2, passed=False, score=0.0, latency_ms=20),
        a_result(3, error="down"),
    )

    with storage.uow() as uow:
        summary = uow.evaluations.summarise(evaluation.id)
    assert (summary.passed, summary.failed, summary.errored) == (2, 1, 1)
    assert summary.score == pytest.approx(0.5)
    assert summary.cost_usd == pytest.approx(0.75)
    assert (summary.unpriced, summary.prompt_tokens, summary.completion_tokens) == (1, 7, 2)
    assert summary.latency_mean_ms == pytest.approx(20)
    assert (summary.latency_p50_ms, summary.latency_p95_ms, summary.latency_max_ms) == (20, 30, 30)


def test_percentiles_are_by_nearest_rank(storage: Storage) -> None:
    evaluation = a_stored_evaluation(storage, total=40)
    add_results(storage, evaluation, *(a_result(n, latency_ms=n + 1) for n in range(40)))

    with storage.uow() as uow:
        summary = uow.evaluations.summarise(evaluation.id)
    assert (summary.latency_p50_ms, summary.latency_p95_ms) == (20, 38)


def test_summary_of_a_run_without_answers(storage: Storage) -> None:
    evaluation = a_stored_evaluation(storage)
    add_results(storage, evaluation, a_result(0, error="down"))

    with storage.uow() as uow:
        summary = uow.evaluations.summarise(evaluation.id)
    assert (summary.score, summary.cost_usd, summary.prompt_tokens) == (None, None, None)
    assert (summary.latency_mean_ms, summary.latency_p50_ms, summary.latency_max_ms) == (None, None, None)
