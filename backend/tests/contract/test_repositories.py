"""One suite over both units of work: what the use cases are tested with in memory holds for SQL too."""

from collections.abc import Callable
from typing import Any

import pytest

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
    PromptId,
    TemplateId,
    UserId,
)
from tests.builders import (
    NOW,
    a_prompt,
    a_suite,
    a_template,
    an_evaluation,
)
from tests.contract.storages import (
    ELSEWHERE,
    LATER,
    Storage,
    a_stored_evaluation,
    stored,
    values_of,
)

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


BUILDS: dict[str, Callable[[Storage], Any]] = {
    "prompts": lambda storage: stored(storage, "prompts", a_prompt()),
    "templates": lambda storage: stored(storage, "templates", a_template()),
    "suites": lambda storage: stored(storage, "suites", a_suite()),
    "evaluations": a_stored_evaluation,
}
CHANGES: dict[str, Callable[[Any], None]] = {
    "prompts": lambda prompt: prompt.describe(title="mine", now=LATER),
    "templates": lambda template: template.change(category="mine", now=LATER),
    "suites": lambda suite: suite.supersede(now=LATER),
    "evaluations": lambda evaluation: evaluation.cancel(now=LATER),
}


@pytest.mark.parametrize("collection", CHANGES)
def test_row_that_changed_in_between_is_not_overwritten(storage: Storage, collection: str) -> None:
    aggregate = BUILDS[collection](storage)
    before = values_of(aggregate)

    with storage.uow() as uow:
        mine = getattr(uow, collection).get(aggregate.id)
        storage.change_behind(uow, collection, aggregate.id)
        CHANGES[collection](mine)
        with pytest.raises(ConcurrentUpdateError):
            uow.commit()

    with storage.uow() as uow:
        assert values_of(getattr(uow, collection).get(aggregate.id)) == before


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
