"""One suite over both units of work: what the use cases are tested with in memory holds for SQL too."""

from collections.abc import Callable
from typing import Any

import pytest

from src.domain.prompt.errors import (
    PromptNotFoundError,
    TemplateNameTakenError,
)
from src.domain.shared.errors import ConcurrentUpdateError
from tests.builders import (
    a_prompt,
    a_suite,
    a_template,
    an_evaluation,
)
from tests.contract.storages import (
    LATER,
    Storage,
    a_stored_evaluation,
    stored,
    values_of,
)


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
