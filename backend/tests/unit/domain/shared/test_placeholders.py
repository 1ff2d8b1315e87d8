import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from src.domain.shared.placeholders import (
    JsonValue,
    MissingVariablesError,
    as_text,
    fill,
    fill_deep,
    placeholders,
)

NAMES = st.sampled_from(("name", "顧客名", "order.id", "_x-1"))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Hello {{name}}", ("name",)),
        ("{{ name }} {{\tname\n}}", ("name",)),
        ("{{b}} {{a}} {{b}}", ("b", "a")),
        ("{{顧客名}}様、{{件名}}", ("顧客名", "件名")),
        ("{{order.id}} {{order-id}} {{_x1}}", ("order.id", "order-id", "_x1")),
        ('{"user": {{user}}}', ("user",)),
        ("{{{name}}}", ("name",)),
    ],
)
def test_names_between_double_braces_are_placeholders(text: str, names: tuple[str, ...]) -> None:
    assert placeholders(text) == names


@pytest.mark.parametrize(
    "text",
    [
        '{"a": {"b": 1}}',
        '{"a":{"b":{"c":{}}}}',
        "{{}}",
        "{{1st}}",
        "{{two words}}",
        "{name}",
        "{{name}",
        "{ {name} }",
        "{{-name}}",
        "{{a+b}}",
        "{% if x %}",
        "{{ name | upper }}",
        "{{__import__('os')}}",
        "${name}",
    ],
)
def test_other_braces_are_plain_text(text: str) -> None:
    assert placeholders(text) == ()
    assert fill(text, {"name": "X", "a": "X", "b": "X"}) == text


def test_escaped_placeholder_stands_for_itself() -> None:
    text = r"Write \{{name}} for {{name}}"

    assert placeholders(text) == ("name",)
    assert fill(text, {"name": "Ada"}) == "Write {{name}} for Ada"


def test_escaped_placeholder_needs_no_value() -> None:
    assert fill(r"\{{name}}", {}) == "{{name}}"


def test_all_missing_names_are_told_at_once() -> None:
    with pytest.raises(MissingVariablesError, match="No value for 'a', 'c'") as caught:
        fill("{{c}} {{b}} {{a}}", {"b": "x"})

    assert caught.value.names == ("a", "c")


def test_value_that_nothing_uses_is_ignored() -> None:
    assert fill("Hello", {"name": "Ada"}) == "Hello"


def test_value_is_not_looked_at_again() -> None:
    assert fill("{{a}} {{b}}", {"a": "{{b}}", "b": "{{a}}"}) == "{{b}} {{a}}"


def test_backslashes_in_a_value_stay() -> None:
    assert fill("{{a}}", {"a": r"\1 \g<0> C:\n"}) == r"\1 \g<0> C:\n"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("text", "text"),
        ("", ""),
        (None, ""),
        (True, "true"),
        (3, "3"),
        (0.5, "0.5"),
        (["a", None], '["a", null]'),
        ({"名": "値"}, '{"名": "値"}'),
    ],
)
def test_values_read_as_text_or_json(value: object, text: str) -> None:
    assert as_text(value) == text  # type: ignore[arg-type]
    assert fill("<{{x}}>", {"x": value}) == f"<{text}>"  # type: ignore[dict-item]


def test_fill_deep_reaches_every_text_and_leaves_keys_alone() -> None:
    value: JsonValue = {"{{x}}": ["{{x}}", 1, None, {"k": "a{{x}}"}], "n": 2.5, "b": True}

    assert fill_deep(value, {"x": "V"}) == {"{{x}}": ["V", 1, None, {"k": "aV"}], "n": 2.5, "b": True}


def test_fill_deep_tells_missing_names() -> None:
    with pytest.raises(MissingVariablesError, match="'deep'"):
        fill_deep(["fine", {"k": "{{deep}}"}], {})


@given(st.text(alphabet=st.sampled_from("{}\\ ab1_.-あ\n")))
def test_text_without_placeholders_stays_as_it_is(text: str) -> None:
    assume(placeholders(text.replace("\\", "")) == ())  # nor escaped ones

    assert fill(text, {}) == text


@given(st.text(), st.text(), NAMES, st.text())
def test_value_is_inserted_as_it_is(before: str, after: str, name: str, value: str) -> None:
    """Around the placeholder stands anything that is no placeholder and no escape."""
    before, after = before.replace("{", "(").rstrip("\\"), after.replace("}", ")").replace("{", "(")

    assert fill(f"{before}{{{{{name}}}}}{after}", {name: value}) == f"{before}{value}{after}"


@given(st.lists(NAMES, min_size=1, max_size=5), st.data())
def test_values_never_become_placeholders(names: list[str], data: st.DataObject) -> None:
    """A value that looks like a placeholder, whole or in parts, comes out as it went in."""
    parts = st.sampled_from(("{{", "}}", "name", "顧客名", "{{name}}", r"\{{", "{", "}", " "))
    values = {name: "".join(data.draw(st.lists(parts, max_size=6))) for name in set(names)}

    filled = fill("|".join(f"{{{{{name}}}}}" for name in names), values)

    assert filled == "|".join(values[name] for name in names)


@given(st.text())
def test_names_that_are_told_are_all_that_fill_needs(text: str) -> None:
    fill(text, dict.fromkeys(placeholders(text), "x"))
