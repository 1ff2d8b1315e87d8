from datetime import timedelta

import pytest

from src.application.prompt import template_commands as commands
from src.domain.prompt.errors import TemplateNameTakenError, TemplateNotFoundError
from src.domain.prompt.template import PromptTemplate, TemplateVariable
from src.domain.shared.errors import RuleViolationError, StaleVersionError
from src.domain.shared.ids import TemplateId
from src.domain.shared.placeholders import MissingVariablesError
from tests.builders import LOCAL, NOW
from tests.fakes import InMemoryUnitOfWork

LATER = NOW + timedelta(hours=1)
NOBODY = TemplateId("nobody")


@pytest.fixture
def uow() -> InMemoryUnitOfWork:
    return InMemoryUnitOfWork()


def create(
    uow: InMemoryUnitOfWork, *, name: str = "greeting", template: str = "Hello {{name}}"
) -> PromptTemplate:
    return commands.create_template(
        name=name,
        template=template,
        variables=(TemplateVariable("name"),),
        category="general",
        by=LOCAL,
        uow=uow,
        now=NOW,
    )


def read(uow: InMemoryUnitOfWork, template_id: str) -> PromptTemplate:
    return uow.database.committed.templates[template_id]


def test_created_template_is_stored(uow: InMemoryUnitOfWork) -> None:
    created = create(uow)

    assert read(uow, created.id).template == "Hello {{name}}"
    assert created.row_version == 1


def test_second_template_of_a_name_is_refused_and_not_stored(uow: InMemoryUnitOfWork) -> None:
    create(uow)

    with pytest.raises(TemplateNameTakenError):
        create(uow)

    assert len(uow.database.committed.templates) == 1


def test_template_that_breaks_a_rule_is_not_stored(uow: InMemoryUnitOfWork) -> None:
    with pytest.raises(RuleViolationError):
        create(uow, template="no variable")

    assert uow.database.committed.templates == {}


def test_change_is_stored_with_the_next_row_version(uow: InMemoryUnitOfWork) -> None:
    created = create(uow)

    commands.change_template(
        template_id=created.id,
        expected_row_version=1,
        uow=uow,
        now=LATER,
        template="Bye {{name}}",
        name="bye",
    )

    found = read(uow, created.id)
    assert (found.template, found.name, found.row_version, found.updated_at) == (
        "Bye {{name}}",
        "bye",
        2,
        LATER,
    )


def test_change_of_an_old_copy_is_refused_and_nothing_is_stored(uow: InMemoryUnitOfWork) -> None:
    created = create(uow)

    with pytest.raises(StaleVersionError):
        commands.change_template(
            template_id=created.id, expected_row_version=2, uow=uow, now=LATER, category="x"
        )

    assert read(uow, created.id).category == "general"


def test_deleted_template_is_gone(uow: InMemoryUnitOfWork) -> None:
    created = create(uow)

    commands.delete_template(template_id=created.id, expected_row_version=1, uow=uow)

    assert uow.database.committed.templates == {}


def test_deletion_of_an_old_copy_is_refused(uow: InMemoryUnitOfWork) -> None:
    created = create(uow)

    with pytest.raises(StaleVersionError):
        commands.delete_template(template_id=created.id, expected_row_version=2, uow=uow)

    assert created.id in uow.database.committed.templates


def test_unknown_template_cannot_be_deleted(uow: InMemoryUnitOfWork) -> None:
    with pytest.raises(TemplateNotFoundError):
        commands.delete_template(template_id=NOBODY, expected_row_version=None, uow=uow)


def test_instantiating_gives_the_text_and_counts_one_use(uow: InMemoryUnitOfWork) -> None:
    created = create(uow)

    texts = [
        commands.instantiate_template(template_id=created.id, values={"name": name}, uow=uow)
        for name in ("Ada", "Bob")
    ]

    assert texts == ["Hello Ada", "Hello Bob"]
    assert (read(uow, created.id).usage_count, read(uow, created.id).row_version) == (2, 1)


def test_failed_instantiation_counts_no_use(uow: InMemoryUnitOfWork) -> None:
    created = create(uow)

    with pytest.raises(MissingVariablesError):
        commands.instantiate_template(template_id=created.id, values={}, uow=uow)

    assert read(uow, created.id).usage_count == 0
