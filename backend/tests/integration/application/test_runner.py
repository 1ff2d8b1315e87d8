"""A run from its start to its end, over a real database, with a provider that does as told."""

from itertools import pairwise
from typing import Any

import pytest

from src.application.evaluation import runner
from src.application.evaluation.ports import Completion, CompletionRequest
from src.application.evaluation.runner import Progress
from src.domain.evaluation.assertion import Assertion
from src.domain.evaluation.evaluation import EvaluationStatus
from src.domain.prompt.prompt import PromptContent
from tests.builders import a_case, some_cases
from tests.fakes import FakeProvider, FlatPrices
from tests.integration.application.run_world import DOWN, World, asked

# --- a whole run ------------------------------------------------------------------------------------------------------


def test_every_case_is_asked_once_and_its_answer_stored(world: World) -> None:
    evaluation_id, provider = world.start(*some_cases(5)), FakeProvider(lambda r: f"ok {r.case_name}")

    evaluation = world.run(evaluation_id, provider)

    assert sorted(asked(provider)) == [f"case-{n}" for n in range(5)]
    assert [result.output for result in world.results(evaluation_id)] == [f"ok case-{n}" for n in range(5)]
    assert (evaluation.status, evaluation.completed) == (EvaluationStatus.COMPLETED, 5)
    assert (evaluation.overall_score, evaluation.meets_threshold) == (1.0, True)
    assert provider.is_closed


def test_run_that_is_returned_is_the_run_that_is_stored(world: World) -> None:
    evaluation_id = world.start(a_case())

    evaluation = world.run(evaluation_id, FakeProvider())

    stored = world.read(evaluation_id)
    assert (stored.status, stored.metrics) == (evaluation.status, evaluation.metrics)
    assert stored.row_version == evaluation.row_version


def test_model_is_asked_with_the_filled_prompt_and_the_settings(world: World) -> None:
    content = PromptContent("分類: {{message}}", "You are {{role}}.")
    evaluation_id = world.start(
        a_case("one", variables={"message": "返金", "role": "a sorter", "unused": 1}),
        content=content,
        model="m-1",
        parameters={"temperature": 0},
        timeout_seconds=5.0,
    )
    provider = FakeProvider()

    world.run(evaluation_id, provider)

    assert provider.requests == [
        CompletionRequest(
            prompt="分類: 返金",
            system_message="You are a sorter.",
            model="m-1",
            parameters={"temperature": 0},
            timeout_seconds=5.0,
            case_name="one",
            repeat=1,
            content_hash=content.content_hash,
        )
    ]


def test_result_keeps_what_was_asked_and_said(world: World) -> None:
    case = a_case(
        "one",
        variables={"message": "hi"},
        expected="ok",
        assertions=(
            Assertion.build("contains", value="{{expected}}", weight=3),
            Assertion.build("contains", value="zzz"),
        ),
    )
    evaluation_id = world.start(case, model="m-1")
    answer = Completion("ok then", model="m-1", prompt_tokens=7, completion_tokens=3)

    world.run(evaluation_id, FakeProvider(lambda _: answer), prices=FlatPrices(0.25, models=["m-1"]))

    (result,) = world.results(evaluation_id)
    assert (result.input, result.expected, result.output) == ({"message": "hi"}, "ok", "ok then")
    assert (result.outcome, result.score, result.passed) == ("failed", 0.75, False)
    assert [(a["type"], a["passed"], a["weight"]) for a in result.assertions] == [
        ("contains", True, 3),
        ("contains", False, 1.0),
    ]
    assert result.assertions[0]["reason"] == "'ok' is in 'ok then'"
    assert (result.prompt_tokens, result.completion_tokens, result.token_count) == (7, 3, 10)
    assert (result.cost_usd, result.attempts) == (0.25, 1)


def test_threshold_of_a_case_decides_whether_it_passes(world: World) -> None:
    checks = (Assertion.build("contains", value="ok"), Assertion.build("contains", value="zzz"))
    evaluation_id = world.start(a_case("lenient", assertions=checks, threshold=0.5))

    evaluation = world.run(evaluation_id, FakeProvider())

    assert world.results(evaluation_id)[0].passed
    assert evaluation.overall_score == 0.5


def test_completed_run_may_miss_its_threshold(world: World) -> None:
    evaluation_id = world.start(*some_cases(4), threshold=0.9)

    evaluation = world.run(evaluation_id, FakeProvider(lambda r: "no" if r.case_name == "case-0" else "ok"))

    assert (evaluation.status, evaluation.meets_threshold) == (EvaluationStatus.COMPLETED, False)
    assert evaluation.metrics is not None
    assert (evaluation.metrics["passed"], evaluation.metrics["failed"]) == (3, 1)


def test_each_repeat_is_asked_and_stored_for_itself(world: World) -> None:
    evaluation_id, provider = world.start(*some_cases(2), repeats=3), FakeProvider()

    world.run(evaluation_id, provider)

    pairs = [(name, repeat) for name in ("case-0", "case-1") for repeat in (1, 2, 3)]
    assert sorted((r.case_name, r.repeat) for r in provider.requests) == pairs
    assert [(r.case_name, r.repeat) for r in world.results(evaluation_id)] == pairs


def test_only_the_cases_that_match_the_filter_are_asked(world: World) -> None:
    cases = [a_case(name) for name in ("refund/a", "billing", "refund/b")]
    evaluation_id, provider = world.start(*cases, case_filter="refund/*"), FakeProvider()

    evaluation = world.run(evaluation_id, provider)

    assert sorted(asked(provider)) == ["refund/a", "refund/b"]
    assert (evaluation.status, evaluation.total) == (EvaluationStatus.COMPLETED, 2)
    assert [result.position for result in world.results(evaluation_id)] == [0, 2]


def test_no_more_calls_are_under_way_than_allowed(world: World) -> None:
    evaluation_id, provider = world.start(*some_cases(12), concurrency=3), FakeProvider(seconds=0.01)

    world.run(evaluation_id, provider)

    assert provider.most_under_way == 3


def test_price_is_not_looked_up_under_a_name_that_another_endpoint_shares(world: World) -> None:
    seen: list[str] = []

    class Prices:
        def load(self, provider: str) -> None: ...

        def cost_usd(self, *, provider: str, **_: Any) -> float | None:
            seen.append(provider)
            return None

    plain = world.start(a_case(), provider="openai")
    elsewhere = world.start(
        a_case(), provider="openai", provider_options={"base_url": "http://127.0.0.1:1/v1"}
    )
    world.run(plain, FakeProvider(), prices=Prices())
    world.run(elsewhere, FakeProvider(), prices=Prices())

    assert seen == ["openai", "other"]


# --- progress ---------------------------------------------------------------------------------------------------------


def test_progress_counts_what_is_stored_from_nothing_to_all(world: World) -> None:
    def answering(request: CompletionRequest) -> str | Exception:
        said: dict[str, str | Exception] = {"case-0": "no", "case-1": DOWN}
        return said.get(request.case_name, "ok")

    evaluation_id, reports = world.start(*some_cases(6)), list[Progress]()
    stored = list[int]()

    def on_progress(progress: Progress) -> None:
        reports.append(progress)
        stored.append(world.read(evaluation_id).completed)

    world.run(evaluation_id, FakeProvider(answering), on_progress=on_progress)

    assert reports[0] == Progress(total=6, passed=0, failed=0, errored=0)
    assert reports[-1] == Progress(total=6, passed=4, failed=1, errored=1)
    assert [report.completed for report in reports] == stored


def test_long_run_reports_on_the_way(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "BATCH_SECONDS", 0.02)
    evaluation_id, reports = world.start(*some_cases(20)), list[Progress]()

    world.run(evaluation_id, FakeProvider(seconds=0.01), on_progress=reports.append)

    completed = [report.completed for report in reports]
    assert len(completed) > 3
    assert all(sooner < later for sooner, later in pairwise(completed))


# --- cases without an answer ------------------------------------------------------------------------------------------


def test_case_without_a_value_for_a_placeholder_is_errored_and_not_asked(world: World) -> None:
    evaluation_id = world.start(a_case("bare", variables={}), a_case("full", variables={"message": "hi"}))
    provider = FakeProvider()

    evaluation = world.run(evaluation_id, provider)

    bare, full = world.results(evaluation_id)
    assert asked(provider) == ["full"]
    assert (bare.outcome, bare.output, bare.attempts) == ("errored", None, 1)
    assert bare.error is not None
    assert "'message'" in bare.error
    assert full.outcome == "passed"
    assert (evaluation.status, evaluation.error_message) == ("failed", "1 of 2 answers are missing.")


def test_assertion_without_a_value_for_a_placeholder_is_an_error_too(world: World) -> None:
    evaluation_id = world.start(
        a_case("one", assertions=(Assertion.build("contains", value="{{expected}}"),))
    )

    world.run(evaluation_id, FakeProvider())

    assert world.results(evaluation_id)[0].error == "No value for 'expected'. Give one for each placeholder."


def test_case_that_the_provider_cannot_answer_is_errored_and_the_rest_goes_on(world: World) -> None:
    evaluation_id = world.start(*some_cases(4))

    evaluation = world.run(evaluation_id, FakeProvider(lambda r: DOWN if r.case_name == "case-1" else "ok"))

    results = world.results(evaluation_id)
    assert [result.outcome for result in results] == ["passed", "errored", "passed", "passed"]
    assert (results[1].error, results[1].score) == ("server is down", 0.0)
    assert (evaluation.status, evaluation.overall_score) == (EvaluationStatus.FAILED, 1.0)


def test_run_that_gets_no_answers_is_given_up(world: World) -> None:
    evaluation_id, provider = world.start(*some_cases(500)), FakeProvider(lambda _: DOWN)

    evaluation = world.run(evaluation_id, provider)

    assert len(provider.requests) < 20
    assert evaluation.status is EvaluationStatus.FAILED
    assert evaluation.error_message == (
        "Stopped after 10 cases in a row without an answer. The last: server is down"
    )


def test_wide_run_is_given_up_only_after_as_many_errors_as_calls_at_once(world: World) -> None:
    evaluation_id = world.start(*some_cases(500), concurrency=40)
    provider = FakeProvider(lambda _: DOWN, seconds=0.01)

    evaluation = world.run(evaluation_id, provider)

    assert 40 <= len(provider.requests) <= 120
    assert str(evaluation.error_message).startswith("Stopped after 40 cases in a row")


def test_answers_in_between_keep_a_run_alive(world: World) -> None:
    """Nine errors, one answer, and so on."""
    evaluation_id = world.start(*some_cases(50), concurrency=1)

    evaluation = world.run(evaluation_id, FakeProvider(lambda r: "ok" if r.case_name.endswith("9") else DOWN))

    assert evaluation.completed == 50
    assert evaluation.error_message == "45 of 50 answers are missing."
