import pytest

from src.domain.prompt.errors import (
    PromptNameTakenError,
    PromptNotFoundError,
    PromptVersionNotFoundError,
)
from src.domain.prompt.prompt import PromptContent, PromptStatus
from src.domain.shared.ids import (
    LOCAL_USER,
    PromptId,
    UserId,
)
from tests.builders import (
    NOW,
    a_prompt,
)
from tests.contract.storages import (
    ELSEWHERE,
    LATER,
    Storage,
    stored,
    values_of,
)


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
