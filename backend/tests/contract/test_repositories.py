"""One suite over both units of work: what the use cases are tested with in memory holds for SQL too."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from src.application.shared.unit_of_work import UnitOfWork
from src.domain.evaluation.errors import EvaluationNotFoundError, SuiteNotFoundError
from src.domain.evaluation.evaluation import Evaluation, RunSettings
from src.domain.prompt.errors import (
    PromptNameTakenError,
    PromptNotFoundError,
    PromptVersionNotFoundError,
    TemplateNameTakenError,
    TemplateNotFoundError,
)
from src.domain.prompt.prompt import PromptContent, PromptStatus
from src.domain.prompt.template import TemplateVariable, VariableType
from src.domain.shared.errors import ConcurrentUpdateError
from src.domain.shared.ids import (
    LOCAL_USER,
    LOCAL_WORKSPACE,
    EvaluationId,
    Principal,
    PromptId,
    SuiteId,
    TemplateId,
    UserId,
    WorkspaceId,
)
from src.infrastructure.prompt.models.prompt_model import PromptModel
from src.infrastructure.shared.database.turso_connection import TursoConnection
from src.infrastructure.shared.database.unit_of_work import SqlUnitOfWork
from tests.builders import (
    NOW,
    a_case,
    a_prompt,
    a_result,
    a_suite,
    a_template,
    an_evaluation,
    some_cases,
)
from tests.fakes import InMemoryDatabase, InMemoryUnitOfWork

LATER = NOW + timedelta(hours=1)
ELSEWHERE = Principal(UserId("someone"), WorkspaceId("elsewhere"))


@dataclass(frozen=True)
class Storage:
    """One implementation: `uow(workspace)` opens it, `change_behind` makes a prompt's row newer inside it."""

    uow: Callable[..., UnitOfWork]
    change_behind: Callable[[Any, PromptId], None]


@pytest.fixture(params=["memory", "sql"])
def storage(request: pytest.FixtureRequest) -> Storage:
    return _in_memory() if request.param == "memory" else _in_sql(request.getfixturevalue("database"))


def _in_memory() -> Storage:
    database = InMemoryDatabase()

    def change_behind(uow: InMemoryUnitOfWork, prompt_id: PromptId) -> None:
        uow.rows.prompts[prompt_id].row_version += 1

    return Storage(lambda workspace=LOCAL_WORKSPACE: InMemoryUnitOfWork(database, workspace), change_behind)


def _in_sql(database: TursoConnection) -> Storage:
    def change_behind(uow: SqlUnitOfWork, prompt_id: PromptId) -> None:
        newer = update(PromptModel).where(PromptModel.id == prompt_id).values(row_version=7)
        uow._connection.execute(newer)

    return Storage(lambda workspace=LOCAL_WORKSPACE: SqlUnitOfWork(database, workspace), change_behind)


def stored(storage: Storage, collection: str, *aggregates: Any) -> Any:
    """Commits the aggregates and returns the first."""
    with storage.uow() as uow:
        for aggregate in aggregates:
            getattr(uow, collection).add(aggregate)
        uow.commit()
    return aggregates[0]


def values_of(aggregate: Any) -> dict[str, Any]:
    return {field.name: getattr(aggregate, field.name) for field in fields(aggregate)}


# --- the block --------------------------------------------------------------------------------------------------------


def test_one_commit_stores_all_kinds_of_aggregates(storage: Storage) -> None:
    prompt, suite, template = a_prompt(), a_suite(), a_template()
    evaluation = an_evaluation(prompt_id=prompt.id, suite_id=suite.id)

    with storage.uow() as uow:
        uow.evaluations.add(evaluation)
        uow.templates.add(template)
        uow.suites.add(suite)
        uow.prompts.add(prompt)
        uow.commit()

    with storage.uow() as uow:
        assert uow.prompts.get(prompt.id).row_version == 1
        assert uow.suites.get(suite.id).row_version == 1
        assert uow.templates.get(template.id).row_version == 1
        assert uow.evaluations.get(evaluation.id).row_version == 1


def test_commit_that_one_aggregate_forbids_stores_none(storage: Storage) -> None:
    stored(storage, "templates", a_template(name="taken"))
    prompt = a_prompt()

    with storage.uow() as uow:
        uow.prompts.add(prompt)
        uow.templates.add(a_template(name="taken"))
        with pytest.raises(TemplateNameTakenError):
            uow.commit()

    with storage.uow() as uow, pytest.raises(PromptNotFoundError):
        uow.prompts.get(prompt.id)


def test_block_may_commit_more_than_once(storage: Storage) -> None:
    prompt, template = a_prompt(title="0"), a_template(category="0")
    with storage.uow() as uow:
        uow.prompts.add(prompt)
        uow.templates.add(template)
        uow.commit()
        for number in ("1", "2"):
            uow.prompts.get(prompt.id).describe(title=number, now=LATER)
            uow.templates.get(template.id).change(category=number, now=LATER)
            uow.commit()

    with storage.uow() as uow:
        found = uow.prompts.get(prompt.id), uow.templates.get(template.id)
    assert (found[0].title, found[0].row_version) == ("2", 3)
    assert (found[1].category, found[1].row_version) == ("2", 3)


def test_unit_of_work_can_be_entered_again(storage: Storage) -> None:
    uow, prompt, template = storage.uow(), a_prompt(), a_template()
    with uow:
        uow.prompts.add(prompt)
        uow.templates.add(template)
        uow.commit()

    with uow:
        assert uow.prompts.get(prompt.id) is not prompt
        assert uow.templates.get(template.id) is not template


def test_failure_inside_the_block_is_seen_and_nothing_is_stored(storage: Storage) -> None:
    prompt = a_prompt()

    def add_and_fail() -> None:
        with storage.uow() as uow:
            uow.prompts.add(prompt)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        add_and_fail()

    with storage.uow() as uow, pytest.raises(PromptNotFoundError):
        uow.prompts.get(prompt.id)


# --- prompts ----------------------------------------------------------------------------------------------------------


def test_prompt_reads_back_as_it_was_written(storage: Storage) -> None:
    prompt = stored(
        storage,
        "prompts",
        a_prompt(
            title="問い合わせの分類",
            content='分類: {{本文}} → {"category": "…"}',
            system_message="あなたは分類器です。",
            description="説明",
            tags=("b", "a"),
            metadata={"層": [1, 2.5, None, {"深い": True}]},
            status=PromptStatus.ACTIVE,
        ),
    )

    with storage.uow() as uow:
        assert values_of(uow.prompts.get(prompt.id)) == values_of(prompt)


def test_prompt_that_is_not_committed_is_forgotten(storage: Storage) -> None:
    prompt = a_prompt()

    with storage.uow() as uow:
        uow.prompts.add(prompt)

    with storage.uow() as uow, pytest.raises(PromptNotFoundError):
        uow.prompts.get(prompt.id)


def test_change_after_the_commit_is_forgotten(storage: Storage) -> None:
    prompt = stored(storage, "prompts", a_prompt(title="before"))

    with storage.uow() as uow:
        uow.prompts.get(prompt.id).describe(title="first", now=LATER)
        uow.commit()
        uow.prompts.get(prompt.id).describe(title="second", now=LATER)

    with storage.uow() as uow:
        assert uow.prompts.get(prompt.id).title == "first"


def test_unknown_prompt_is_named_in_the_error(storage: Storage) -> None:
    with storage.uow() as uow, pytest.raises(PromptNotFoundError, match="'nobody'"):
        uow.prompts.get(PromptId("nobody"))


def test_prompt_of_another_workspace_is_not_found(storage: Storage) -> None:
    prompt = stored(storage, "prompts", a_prompt(name="mine"))

    with storage.uow(ELSEWHERE.workspace_id) as uow:
        assert uow.prompts.find_by_name("mine") is None
        assert not uow.prompts.is_name_taken("mine")
        with pytest.raises(PromptNotFoundError):
            uow.prompts.get(prompt.id)


def test_same_prompt_is_one_object_however_it_is_found(storage: Storage) -> None:
    prompt = stored(storage, "prompts", a_prompt(name="triage"))

    with storage.uow() as uow:
        assert uow.prompts.get(prompt.id) is uow.prompts.find_by_name("triage")


def test_deleted_prompt_is_found_only_on_demand(storage: Storage) -> None:
    prompt = a_prompt(name="gone")
    prompt.delete(now=LATER)
    stored(storage, "prompts", prompt)

    with storage.uow() as uow:
        assert uow.prompts.find_by_name("gone") is None
        with pytest.raises(PromptNotFoundError):
            uow.prompts.get(prompt.id)
        assert uow.prompts.get(prompt.id, deleted=True).deleted_at == LATER


def test_second_prompt_of_a_name_is_refused_and_not_stored(storage: Storage) -> None:
    stored(storage, "prompts", a_prompt(name="triage"))
    second = a_prompt(name="triage")

    with storage.uow() as uow:
        uow.prompts.add(second)
        with pytest.raises(PromptNameTakenError, match="'triage'"):
            uow.commit()

    with storage.uow() as uow, pytest.raises(PromptNotFoundError):
        uow.prompts.get(second.id)


def test_name_of_a_deleted_prompt_is_free(storage: Storage) -> None:
    deleted = a_prompt(name="triage")
    deleted.delete(now=NOW)
    stored(storage, "prompts", deleted)

    with storage.uow() as uow:
        assert not uow.prompts.is_name_taken("triage")
    second = stored(storage, "prompts", a_prompt(name="triage"))

    with storage.uow() as uow:
        found = uow.prompts.find_by_name("triage")
        assert found is not None
        assert found.id == second.id


def test_restoring_a_prompt_whose_name_was_taken_is_refused(storage: Storage) -> None:
    deleted = a_prompt(name="triage")
    deleted.delete(now=NOW)
    stored(storage, "prompts", deleted)
    stored(storage, "prompts", a_prompt(name="triage"))

    with storage.uow() as uow:
        uow.prompts.get(deleted.id, deleted=True).restore(now=LATER)
        with pytest.raises(PromptNameTakenError):
            uow.commit()


def test_same_name_in_two_workspaces(storage: Storage) -> None:
    stored(storage, "prompts", a_prompt(name="triage"))

    with storage.uow(ELSEWHERE.workspace_id) as uow:
        uow.prompts.add(a_prompt(name="triage", by=ELSEWHERE))
        uow.commit()

    with storage.uow(ELSEWHERE.workspace_id) as uow:
        assert uow.prompts.is_name_taken("triage")


def test_each_commit_of_a_change_gives_the_next_row_version(storage: Storage) -> None:
    prompt = stored(storage, "prompts", a_prompt())
    assert prompt.row_version == 1

    with storage.uow() as uow:
        uow.prompts.get(prompt.id).describe(title="new", now=LATER)
        uow.commit()

    with storage.uow() as uow:
        assert uow.prompts.get(prompt.id).row_version == 2


def test_commit_without_a_change_keeps_the_row_version(storage: Storage) -> None:
    prompt = stored(storage, "prompts", a_prompt())

    with storage.uow() as uow:
        uow.prompts.get(prompt.id)
        uow.commit()

    with storage.uow() as uow:
        assert uow.prompts.get(prompt.id).row_version == 1


def test_row_that_changed_in_between_is_not_overwritten(storage: Storage) -> None:
    prompt = stored(storage, "prompts", a_prompt(title="theirs"))

    with storage.uow() as uow:
        mine = uow.prompts.get(prompt.id)
        storage.change_behind(uow, prompt.id)
        mine.describe(title="mine", now=LATER)
        with pytest.raises(ConcurrentUpdateError):
            uow.commit()

    with storage.uow() as uow:
        assert uow.prompts.get(prompt.id).title == "theirs"


def test_history_keeps_every_version(storage: Storage) -> None:
    prompt = stored(storage, "prompts", a_prompt(content="one"))
    with storage.uow() as uow:
        found = uow.prompts.get(prompt.id)
        found.revise(PromptContent("two"), by=UserId("b"), now=LATER)
        found.revise(PromptContent("three", "system"), by=UserId("c"), now=LATER)
        uow.commit()

    with storage.uow() as uow:
        found = uow.prompts.get(prompt.id)
        history = [uow.prompts.get_version(found, number) for number in (1, 2, 3)]
    assert [entry.content.text for entry in history] == ["one", "two", "three"]
    assert [entry.user_id for entry in history] == [LOCAL_USER, "b", "c"]
    assert [entry.created_at for entry in history] == [NOW, LATER, LATER]
    assert (found.version, found.content) == (3, PromptContent("three", "system"))


def test_version_that_is_not_there_is_named_in_the_error(storage: Storage) -> None:
    prompt = stored(storage, "prompts", a_prompt(name="triage"))

    with storage.uow() as uow, pytest.raises(PromptVersionNotFoundError, match="'triage' has no version 2"):
        uow.prompts.get_version(uow.prompts.get(prompt.id), 2)


def test_version_is_found_before_it_is_committed(storage: Storage) -> None:
    prompt = stored(storage, "prompts", a_prompt(content="one"))

    with storage.uow() as uow:
        found = uow.prompts.get(prompt.id)
        added = found.revise(PromptContent("two"), by=LOCAL_USER, now=LATER)
        assert uow.prompts.get_version(found, 2) == added
        assert uow.prompts.find_version_by_hash(found, added.content_hash) == added


def test_newest_version_with_a_content_is_found_by_its_hash(storage: Storage) -> None:
    prompt = stored(storage, "prompts", a_prompt(content="A"))
    with storage.uow() as uow:
        found = uow.prompts.get(prompt.id)
        for content in ("B", "A", "C"):
            found.revise(PromptContent(content), by=LOCAL_USER, now=LATER)
        uow.commit()

    with storage.uow() as uow:
        found = uow.prompts.get(prompt.id)
        newest = uow.prompts.find_version_by_hash(found, PromptContent("A").content_hash)
        absent = uow.prompts.find_version_by_hash(found, PromptContent("Z").content_hash)
    assert newest is not None
    assert newest.version == 3
    assert absent is None


# --- templates --------------------------------------------------------------------------------------------------------


def test_template_reads_back_as_it_was_written(storage: Storage) -> None:
    variables = (
        TemplateVariable("name", description="誰"),
        TemplateVariable("count", VariableType.INTEGER, required=False, default=3),
        TemplateVariable("shape", VariableType.JSON, required=False, default={"a": [1, None]}),
    )
    template = stored(
        storage,
        "templates",
        a_template(template="{{name}} {{count}} {{shape}}", variables=variables, description="説明"),
    )

    with storage.uow() as uow:
        assert values_of(uow.templates.get(template.id)) == values_of(template)


def test_unknown_template_is_named_in_the_error(storage: Storage) -> None:
    with storage.uow() as uow, pytest.raises(TemplateNotFoundError, match="'nobody'"):
        uow.templates.get(TemplateId("nobody"))


def test_template_of_another_workspace_is_not_found(storage: Storage) -> None:
    template = stored(storage, "templates", a_template())

    with storage.uow(ELSEWHERE.workspace_id) as uow, pytest.raises(TemplateNotFoundError):
        uow.templates.get(template.id)


def test_second_template_of_a_name_is_refused(storage: Storage) -> None:
    stored(storage, "templates", a_template(name="greeting"))

    with storage.uow() as uow:
        uow.templates.add(a_template(name="greeting"))
        with pytest.raises(TemplateNameTakenError, match="'greeting'"):
            uow.commit()


def test_renaming_a_template_to_a_name_that_is_taken_is_refused(storage: Storage) -> None:
    template = stored(storage, "templates", a_template(name="one"), a_template(name="two"))

    with storage.uow() as uow:
        uow.templates.get(template.id).change(name="two", now=LATER)
        with pytest.raises(TemplateNameTakenError):
            uow.commit()


def test_changed_template_has_the_next_row_version(storage: Storage) -> None:
    template = stored(storage, "templates", a_template())

    with storage.uow() as uow:
        uow.templates.get(template.id).change(category="letters", now=LATER)
        uow.commit()

    with storage.uow() as uow:
        found = uow.templates.get(template.id)
    assert (found.category, found.row_version, found.updated_at) == ("letters", 2, LATER)


def test_change_of_a_template_after_the_commit_is_forgotten(storage: Storage) -> None:
    template = stored(storage, "templates", a_template(category="before"))

    with storage.uow() as uow:
        uow.templates.get(template.id).change(category="first", now=LATER)
        uow.commit()
        uow.templates.get(template.id).change(category="second", now=LATER)

    with storage.uow() as uow:
        assert uow.templates.get(template.id).category == "first"


def test_counted_use_of_a_template_is_no_edit(storage: Storage) -> None:
    template = stored(storage, "templates", a_template())

    with storage.uow() as uow:
        uow.templates.get(template.id)
        uow.templates.count_use(template.id)
        uow.commit()

    with storage.uow() as uow:
        found = uow.templates.get(template.id)
    assert (found.usage_count, found.row_version, found.updated_at) == (1, 1, NOW)


def test_removed_template_is_gone_and_its_name_is_free(storage: Storage) -> None:
    template = stored(storage, "templates", a_template(name="greeting"))

    with storage.uow() as uow:
        uow.templates.remove(uow.templates.get(template.id))
        uow.commit()

    with storage.uow() as uow, pytest.raises(TemplateNotFoundError):
        uow.templates.get(template.id)
    stored(storage, "templates", a_template(name="greeting"))


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


def a_stored_evaluation(
    storage: Storage, *, total: int = 2, settings: RunSettings | None = None
) -> Evaluation:
    prompt, suite = a_prompt(), a_suite(case_count=total)
    evaluation = an_evaluation(prompt_id=prompt.id, suite_id=suite.id, total=total, settings=settings)
    stored(storage, "prompts", prompt)
    stored(storage, "suites", suite)
    stored(storage, "evaluations", evaluation)
    return evaluation


def add_results(storage: Storage, evaluation: Evaluation, *results: Any) -> None:
    with storage.uow() as uow:
        uow.evaluations.add_results(uow.evaluations.get(evaluation.id), results)
        uow.commit()


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
