"""Writes on prompts. Each function is one transaction: it loads, lets the aggregate decide, and commits."""

from collections.abc import Callable, Mapping
from datetime import datetime

from src.application.shared.unit_of_work import UnitOfWork
from src.domain.prompt.prompt import Prompt, PromptContent, PromptStatus, PromptVersion
from src.domain.shared.errors import require_row_version
from src.domain.shared.ids import Principal, PromptId
from src.domain.shared.placeholders import JsonValue


def create_prompt(
    *,
    title: str,
    content: PromptContent,
    by: Principal,
    uow: UnitOfWork,
    now: datetime,
    name: str | None = None,
    description: str | None = None,
    tags: tuple[str, ...] = (),
    metadata: Mapping[str, JsonValue] | None = None,
    status: PromptStatus = PromptStatus.DRAFT,
) -> Prompt:
    """A given `name` that is taken raises PromptNameTakenError; one made of the title gets a number."""
    prompt = Prompt.create(
        title=title,
        content=content,
        by=by,
        now=now,
        name=name,
        description=description,
        tags=tags,
        metadata=metadata,
        status=status,
    )
    with uow:
        if name is None:
            prompt.name = _free_name(prompt.name, uow)
        uow.prompts.add(prompt)
        uow.commit()
    return prompt


def revise_prompt(
    *, prompt_id: PromptId, content: PromptContent, by: Principal, uow: UnitOfWork, now: datetime
) -> Prompt:
    with uow:
        prompt = uow.prompts.get(prompt_id)
        prompt.revise(content, by=by.user_id, now=now)
        uow.commit()
    return prompt


def register_prompt(
    *, name: str, title: str, content: PromptContent, by: Principal, uow: UnitOfWork, now: datetime
) -> tuple[Prompt, PromptVersion, bool]:
    """The prompt `name` and its version with exactly this content: the one there is, or a new one (True)."""
    with uow:
        prompt = uow.prompts.find_by_name(name)
        if prompt is None:
            prompt = Prompt.create(title=title, content=content, by=by, now=now, name=name)
            uow.prompts.add(prompt)
            version = prompt.new_versions[0]
        elif found := uow.prompts.find_version_by_hash(prompt, content.content_hash):
            return prompt, found, False
        else:
            version = prompt.revise(content, by=by.user_id, now=now)
        uow.commit()
    return prompt, version, True


def describe_prompt(
    *,
    prompt_id: PromptId,
    expected_row_version: int | None,
    uow: UnitOfWork,
    now: datetime,
    title: str | None = None,
    description: str | None = None,
    tags: tuple[str, ...] | None = None,
    metadata: Mapping[str, JsonValue] | None = None,
) -> Prompt:
    return _change(
        prompt_id,
        expected_row_version,
        uow,
        lambda p: p.describe(now=now, title=title, description=description, tags=tags, metadata=metadata),
    )


def archive_prompt(
    *, prompt_id: PromptId, expected_row_version: int | None, uow: UnitOfWork, now: datetime
) -> Prompt:
    return _change(prompt_id, expected_row_version, uow, lambda p: p.archive(now=now))


def activate_prompt(
    *, prompt_id: PromptId, expected_row_version: int | None, uow: UnitOfWork, now: datetime
) -> Prompt:
    return _change(prompt_id, expected_row_version, uow, lambda p: p.activate(now=now))


def delete_prompt(
    *, prompt_id: PromptId, expected_row_version: int | None, uow: UnitOfWork, now: datetime
) -> Prompt:
    return _change(prompt_id, expected_row_version, uow, lambda p: p.delete(now=now))


def restore_prompt(
    *, prompt_id: PromptId, expected_row_version: int | None, uow: UnitOfWork, now: datetime
) -> Prompt:
    """Raises PromptNameTakenError when a live prompt has taken its name in the meantime."""
    return _change(prompt_id, expected_row_version, uow, lambda p: p.restore(now=now), deleted=True)


def _change(
    prompt_id: PromptId,
    expected_row_version: int | None,
    uow: UnitOfWork,
    verb: Callable[[Prompt], None],
    *,
    deleted: bool = False,
) -> Prompt:
    with uow:
        prompt = uow.prompts.get(prompt_id, deleted=deleted)
        require_row_version(prompt.row_version, expected_row_version)
        verb(prompt)
        uow.commit()
    return prompt


def _free_name(wanted: str, uow: UnitOfWork) -> str:
    name, number = wanted, 1
    while uow.prompts.is_name_taken(name):
        number += 1
        name = f"{wanted}-{number}"
    return name
