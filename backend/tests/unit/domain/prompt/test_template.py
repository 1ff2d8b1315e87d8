from datetime import timedelta

import pytest

from src.domain.prompt.prompt import MAX_CONTENT_BYTES
from src.domain.prompt.template import TemplateVariable, VariableType
from src.domain.shared.errors import RuleViolationError
from src.domain.shared.placeholders import JsonValue, MissingVariablesError, UnknownVariablesError
from tests.builders import NOW, a_template

LATER = NOW + timedelta(hours=1)


def of_type(kind: VariableType, **more: JsonValue) -> TemplateVariable:
    return TemplateVariable("x", kind, **more)  # type: ignore[arg-type]


# --- declaring --------------------------------------------------------------------------------------------------------


def test_variable_that_is_used_must_be_declared() -> None:
    with pytest.raises(RuleViolationError, match="Used but not declared: other, there"):
        a_template(template="{{name}} {{there}} {{other}}", variables=(TemplateVariable("name"),))


def test_variable_that_is_declared_must_be_used() -> None:
    with pytest.raises(RuleViolationError, match="Declared but not used: unused"):
        a_template(template="{{a}}", variables=(TemplateVariable("a"), TemplateVariable("unused")))


def test_escaped_placeholder_uses_no_variable() -> None:
    with pytest.raises(RuleViolationError, match="Declared but not used: name"):
        a_template(template=r"\{{name}}", variables=(TemplateVariable("name"),))


def test_variable_is_declared_once() -> None:
    with pytest.raises(RuleViolationError, match="Declared twice: a"):
        a_template(template="{{a}}", variables=(TemplateVariable("a"), TemplateVariable("a")))


def test_template_without_variables_is_fine() -> None:
    assert a_template(template='{"a": {"b": 1}}').instantiate({}) == '{"a": {"b": 1}}'


@pytest.mark.parametrize("template", ["", "  ", "a" * (MAX_CONTENT_BYTES + 1), "\0"])
def test_template_text_keeps_the_rules_of_prompt_content(template: str) -> None:
    with pytest.raises(RuleViolationError):
        a_template(template=template)


@pytest.mark.parametrize("category", ["", "  ", "x" * 101])
def test_bad_category_is_refused(category: str) -> None:
    with pytest.raises(RuleViolationError, match="category has 1 to 100 characters"):
        a_template(category=category)


def test_bad_name_is_refused() -> None:
    with pytest.raises(RuleViolationError, match="'two words'"):
        a_template(name="two words")


@pytest.mark.parametrize("default", [None, 3, ["a"]])
def test_default_has_the_declared_type(default: JsonValue) -> None:
    with pytest.raises(RuleViolationError, match="'x' takes a string"):
        of_type(VariableType.STRING, required=False, default=default)


# --- filling in -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (VariableType.STRING, "値", "値"),
        (VariableType.STRING, "", ""),
        (VariableType.INTEGER, 3, "3"),
        (VariableType.NUMBER, 3, "3"),
        (VariableType.NUMBER, 0.25, "0.25"),
        (VariableType.BOOLEAN, False, "false"),
        (VariableType.JSON, {"a": [1, None, "値"]}, '{"a": [1, null, "値"]}'),
        (VariableType.JSON, None, ""),
        (VariableType.JSON, True, "true"),
        (VariableType.JSON, "text", "text"),
    ],
)
def test_value_of_the_declared_type_is_filled_in(kind: VariableType, value: JsonValue, text: str) -> None:
    template = a_template(template="<{{x}}>", variables=(of_type(kind),))

    assert template.instantiate({"x": value}) == f"<{text}>"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (VariableType.STRING, 3),
        (VariableType.STRING, None),
        (VariableType.STRING, ["a"]),
        (VariableType.INTEGER, "3"),
        (VariableType.INTEGER, 3.0),
        (VariableType.INTEGER, True),
        (VariableType.NUMBER, "0.5"),
        (VariableType.NUMBER, False),
        (VariableType.BOOLEAN, 1),
        (VariableType.BOOLEAN, "true"),
    ],
)
def test_value_of_another_type_is_refused(kind: VariableType, value: JsonValue) -> None:
    template = a_template(template="<{{x}}>", variables=(of_type(kind),))

    with pytest.raises(RuleViolationError, match=f"'x' takes a {kind.value}, not {type(value).__name__}"):
        template.instantiate({"x": value})


def test_all_missing_values_are_told_at_once() -> None:
    with pytest.raises(MissingVariablesError) as caught:
        a_template(template="{{b}} {{a}} {{c}}").instantiate({"c": "x"})

    assert caught.value.names == ("a", "b")


def test_unknown_values_are_told_with_the_known_names() -> None:
    with pytest.raises(UnknownVariablesError, match=r"Unknown: 'nam'\. The text uses 'name'") as caught:
        a_template(template="{{name}}").instantiate({"name": "x", "nam": "y"})

    assert caught.value.names == ("nam",)


def test_unknown_value_for_a_text_without_variables() -> None:
    with pytest.raises(UnknownVariablesError, match="uses no variables"):
        a_template(template="plain").instantiate({"x": "y"})


def test_variable_that_is_not_required_falls_back_to_its_default() -> None:
    variables = (TemplateVariable("a"), TemplateVariable("b", required=False, default="B"))
    template = a_template(template="{{a}} {{b}}", variables=variables)

    assert template.instantiate({"a": "A"}) == "A B"
    assert template.instantiate({"a": "A", "b": "given"}) == "A given"


def test_null_is_no_absent_value() -> None:
    template = a_template(
        template="<{{x}}>", variables=(of_type(VariableType.JSON, required=False, default="d"),)
    )

    assert template.instantiate({"x": None}) == "<>"


def test_values_are_not_filled_in_again() -> None:
    template = a_template(template="{{a}} {{b}}")

    assert template.instantiate({"a": "{{b}}", "b": "{{a}}"}) == "{{b}} {{a}}"


def test_default_is_not_filled_in_again() -> None:
    variables = (TemplateVariable("a"), TemplateVariable("b", required=False, default="{{a}}"))
    template = a_template(template="{{a}} {{b}}", variables=variables)

    assert template.instantiate({"a": "A"}) == "A {{a}}"


def test_names_may_be_japanese() -> None:
    template = a_template(template="{{顧客名}}様の{{件名}}")

    assert template.instantiate({"顧客名": "山田", "件名": "返金"}) == "山田様の返金"


def test_json_around_placeholders_is_left_alone() -> None:
    template = a_template(template='{"user": {"name": "{{name}}"}, "raw": {{{name}}}}')

    assert template.instantiate({"name": "Ada"}) == '{"user": {"name": "Ada"}, "raw": {Ada}}'


def test_escaped_placeholder_comes_out_unescaped() -> None:
    assert a_template(template=r"\{{name}} is {{name}}").instantiate({"name": "Ada"}) == "{{name}} is Ada"


# --- changing ---------------------------------------------------------------------------------------------------------


def test_change_leaves_what_is_not_named() -> None:
    template = a_template(name="greeting", category="general", description="old")

    template.change(category="letters", now=LATER)

    assert (template.name, template.description, template.template) == ("greeting", "old", "Hello {{name}}")
    assert (template.category, template.updated_at) == ("letters", LATER)


def test_text_and_variables_change_together() -> None:
    template = a_template(template="{{a}}")

    template.change(name="farewell", template="{{b}}", variables=(TemplateVariable("b"),), now=LATER)

    assert (template.name, template.instantiate({"b": "B"})) == ("farewell", "B")


def test_text_changed_alone_must_still_use_the_variables() -> None:
    template = a_template(template="{{a}}")

    with pytest.raises(RuleViolationError, match="Used but not declared: b"):
        template.change(template="{{b}}", now=LATER)

    assert (template.template, template.updated_at) == ("{{a}}", NOW)


def test_empty_description_removes_it() -> None:
    template = a_template(description="old")

    template.change(description="", now=LATER)

    assert template.description is None
