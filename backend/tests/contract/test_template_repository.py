import pytest

from src.domain.prompt.errors import (
    TemplateNameTakenError,
    TemplateNotFoundError,
)
from src.domain.prompt.template import TemplateVariable, VariableType
from src.domain.shared.ids import (
    TemplateId,
)
from tests.builders import (
    NOW,
    a_template,
)
from tests.contract.storages import (
    ELSEWHERE,
    LATER,
    Storage,
    stored,
    values_of,
)


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
