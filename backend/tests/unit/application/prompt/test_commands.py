from datetime import timedelta
from typing import Any

import pytest

from src.application.prompt import commands
from src.domain.prompt.errors import PromptNameTakenError, PromptNotFoundError, PromptStateError
from src.domain.prompt.prompt import Prompt, PromptContent, PromptStatus
from src.domain.shared.errors import RuleViolationError, StaleVersionError
from src.domain.shared.ids import Principal, PromptId, UserId
from tests.builders import LOCAL, NOW, a_prompt
from tests.fakes import InMemoryUnitOfWork

LATER = NOW + timedelta(hours=1)
ADA = Principal(UserId("ada"))


@pytest.fixture
def uow() -> InMemoryUnitOfWork:
    return InMemoryUnitOfWork()


def stored(uow: InMemoryUnitOfWork, prompt: Prompt) -> Prompt:
    with uow:
        uow.prompts.add(prompt)
        uow.commit()
    return prompt


def read(uow: InMemoryUnitOfWork, prompt_id: str) -> Prompt:
    return uow.database.committed.prompts[prompt_id]


def history(uow: InMemoryUnitOfWork, prompt_id: str) -> list[str]:
    return [entry.content.text for entry in uow.database.committed.versions[prompt_id].values()]


def create(uow: InMemoryUnitOfWork, **fields: Any) -> Prompt:
    return commands.create_prompt(
        **{"title": "Support triage", "content": PromptContent("one"), **fields}, by=LOCAL, uow=uow, now=NOW
    )


# --- creating ---------------------------------------------------------------------------------------------------------


def test_created_prompt_is_stored_as_version_1(uow: InMemoryUnitOfWork) -> None:
    created = create(uow, tags=("a",), status=PromptStatus.ACTIVE)

    assert history(uow, created.id) == ["one"]
    assert read(uow, created.id).tags == ("a",)
    assert (created.row_version, created.status) == (1, PromptStatus.ACTIVE)


def test_prompt_without_a_name_gets_one_of_its_title(uow: InMemoryUnitOfWork) -> None:
    assert create(uow, title="Support triage").name == "support-triage"


def test_names_made_of_the_same_title_are_numbered(uow: InMemoryUnitOfWork) -> None:
    names = [create(uow, title="Support triage").name for _ in range(3)]

    assert names == ["support-triage", "support-triage-2", "support-triage-3"]


def test_given_name_that_is_taken_is_refused_and_nothing_is_stored(uow: InMemoryUnitOfWork) -> None:
    create(uow, name="triage")

    with pytest.raises(PromptNameTakenError, match="'triage'"):
        create(uow, name="triage")

    assert len(uow.database.committed.prompts) == 1


def test_prompt_that_breaks_a_rule_is_not_stored(uow: InMemoryUnitOfWork) -> None:
    with pytest.raises(RuleViolationError):
        create(uow, title="")

    assert uow.database.committed.prompts == {}


# --- revising ---------------------------------------------------------------------------------------------------------


def test_revision_is_stored_as_the_next_version(uow: InMemoryUnitOfWork) -> None:
    prompt = stored(uow, a_prompt(content="one"))

    revised = commands.revise_prompt(
        prompt_id=prompt.id, content=PromptContent("two"), by=ADA, uow=uow, now=LATER
    )

    assert (revised.version, revised.row_version) == (2, 2)
    assert history(uow, prompt.id) == ["one", "two"]
    assert uow.database.committed.versions[prompt.id][2].user_id == "ada"


def test_revising_an_archived_prompt_is_refused_and_nothing_is_stored(uow: InMemoryUnitOfWork) -> None:
    prompt = a_prompt(content="one")
    prompt.archive(now=NOW)
    stored(uow, prompt)

    with pytest.raises(PromptStateError):
        commands.revise_prompt(prompt_id=prompt.id, content=PromptContent("two"), by=ADA, uow=uow, now=LATER)

    assert history(uow, prompt.id) == ["one"]


def test_revising_an_unknown_prompt_is_refused(uow: InMemoryUnitOfWork) -> None:
    with pytest.raises(PromptNotFoundError):
        commands.revise_prompt(
            prompt_id=PromptId("nobody"), content=PromptContent("x"), by=ADA, uow=uow, now=NOW
        )


# --- registering ------------------------------------------------------------------------------------------------------


def register(uow: InMemoryUnitOfWork, content: str, *, name: str = "triage") -> tuple[Prompt, int, bool]:
    prompt, version, is_new = commands.register_prompt(
        name=name, title="Triage", content=PromptContent(content), by=LOCAL, uow=uow, now=LATER
    )
    return prompt, version.version, is_new


def test_registering_an_unknown_name_creates_the_prompt(uow: InMemoryUnitOfWork) -> None:
    prompt, version, is_new = register(uow, "one")

    assert (version, is_new) == (1, True)
    assert read(uow, prompt.id).name == "triage"


def test_registering_the_same_content_again_gives_the_version_there_is(uow: InMemoryUnitOfWork) -> None:
    first, *_ = register(uow, "one")

    second, version, is_new = register(uow, "one")

    assert (second.id, version, is_new) == (first.id, 1, False)
    assert history(uow, first.id) == ["one"]
    assert read(uow, first.id).row_version == 1


def test_registering_an_older_content_gives_that_version_and_keeps_the_head(uow: InMemoryUnitOfWork) -> None:
    register(uow, "one")
    prompt, *_ = register(uow, "two")

    _, version, is_new = register(uow, "one")

    assert (version, is_new) == (1, False)
    assert read(uow, prompt.id).content.text == "two"


def test_registering_another_content_adds_a_version(uow: InMemoryUnitOfWork) -> None:
    register(uow, "one")

    prompt, version, is_new = register(uow, "two")

    assert (version, is_new) == (2, True)
    assert history(uow, prompt.id) == ["one", "two"]


def test_registering_a_new_content_for_an_archived_prompt_is_refused(uow: InMemoryUnitOfWork) -> None:
    prompt, *_ = register(uow, "one")
    commands.archive_prompt(prompt_id=prompt.id, expected_row_version=None, uow=uow, now=NOW)

    with pytest.raises(PromptStateError):
        register(uow, "two")


# --- changing ---------------------------------------------------------------------------------------------------------

CHANGES = {
    "describe": commands.describe_prompt,
    "archive": commands.archive_prompt,
    "activate": commands.activate_prompt,
    "delete": commands.delete_prompt,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_change_is_stored_with_the_next_row_version(uow: InMemoryUnitOfWork, change: Any) -> None:
    prompt = stored(uow, a_prompt())

    changed = change(prompt_id=prompt.id, expected_row_version=1, uow=uow, now=LATER)

    assert changed.row_version == read(uow, prompt.id).row_version == 2
    assert read(uow, prompt.id).updated_at == LATER


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_change_of_an_old_copy_is_refused_and_nothing_is_stored(uow: InMemoryUnitOfWork, change: Any) -> None:
    prompt = stored(uow, a_prompt())

    with pytest.raises(StaleVersionError, match="row version 4, the row is at 1"):
        change(prompt_id=prompt.id, expected_row_version=4, uow=uow, now=LATER)

    assert read(uow, prompt.id).updated_at == NOW


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_change_of_a_deleted_prompt_is_refused(uow: InMemoryUnitOfWork, change: Any) -> None:
    prompt = a_prompt()
    prompt.delete(now=NOW)
    stored(uow, prompt)

    with pytest.raises(PromptNotFoundError):
        change(prompt_id=prompt.id, expected_row_version=None, uow=uow, now=LATER)


def test_describing_stores_each_field(uow: InMemoryUnitOfWork) -> None:
    prompt = stored(uow, a_prompt())

    commands.describe_prompt(
        prompt_id=prompt.id,
        expected_row_version=None,
        uow=uow,
        now=LATER,
        title="new",
        description="d",
        tags=("t",),
        metadata={"m": 1},
    )

    found = read(uow, prompt.id)
    assert (found.title, found.description, found.tags, found.metadata) == ("new", "d", ("t",), {"m": 1})


def test_archived_prompt_is_activated_again(uow: InMemoryUnitOfWork) -> None:
    prompt = stored(uow, a_prompt())

    commands.archive_prompt(prompt_id=prompt.id, expected_row_version=None, uow=uow, now=LATER)
    assert read(uow, prompt.id).status is PromptStatus.ARCHIVED
    commands.activate_prompt(prompt_id=prompt.id, expected_row_version=None, uow=uow, now=LATER)

    assert read(uow, prompt.id).status is PromptStatus.ACTIVE


def test_deleted_prompt_is_restored(uow: InMemoryUnitOfWork) -> None:
    prompt = stored(uow, a_prompt())

    commands.delete_prompt(prompt_id=prompt.id, expected_row_version=1, uow=uow, now=LATER)
    assert read(uow, prompt.id).deleted_at == LATER
    commands.restore_prompt(prompt_id=prompt.id, expected_row_version=2, uow=uow, now=LATER)

    assert read(uow, prompt.id).deleted_at is None


def test_restoring_is_refused_when_the_name_was_taken_meanwhile(uow: InMemoryUnitOfWork) -> None:
    prompt = create(uow, name="triage")
    commands.delete_prompt(prompt_id=prompt.id, expected_row_version=None, uow=uow, now=LATER)
    create(uow, name="triage")

    with pytest.raises(PromptNameTakenError):
        commands.restore_prompt(prompt_id=prompt.id, expected_row_version=None, uow=uow, now=LATER)

    assert read(uow, prompt.id).is_deleted


def test_restoring_a_prompt_that_is_not_deleted_is_refused(uow: InMemoryUnitOfWork) -> None:
    prompt = stored(uow, a_prompt())

    with pytest.raises(PromptStateError):
        commands.restore_prompt(prompt_id=prompt.id, expected_row_version=None, uow=uow, now=LATER)
