import pytest

from tests.integration.cli.harness import Cli


def test_template_declares_what_it_uses_when_nothing_is_declared(cli: Cli) -> None:
    file = cli.write("mail.txt", "Dear {{name}},\n{{text}}\n")

    created = cli.done("template", "create", "mail", "--file", file)

    assert created.out == "Created template mail with 2 variables.\n"
    template = cli.done("template", "show", "mail", "--json").json
    assert [v["name"] for v in template["variables"]] == ["name", "text"]
    assert template["category"] == "general"


def test_instantiating_fills_values_by_their_declared_types(cli: Cli) -> None:
    variables = cli.write(
        "variables.yaml",
        "- {name: who}\n- {name: count, type: integer}\n- {name: tone, default: 丁寧, description: 口調}\n",
    )
    values = cli.write("values.json", '{"who": "Aki", "count": 1}')
    cli.done("template", "create", "t", "--content", "{{who}} {{count}} {{tone}}", "--variables", variables)

    filled = cli.done("template", "instantiate", "t", "--values", values, "--set", "count=3")
    as_json = cli.done("template", "instantiate", "t", "--values", values, "--set", "who=7", "--json")

    assert filled.out == "Aki 3 丁寧\n"
    assert as_json.json == {"text": "7 1 丁寧"}
    shown = cli.done("template", "show", "t").out
    assert "口調" in shown
    assert "2 times" in shown


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--set", "who"], "not of the form name=value"),
        (["--set", "who=x", "--set", "other=y"], "Unknown: 'other'"),
        ([], "No value for 'who'"),
        (["--values", "absent.json"], "absent.json"),
    ],
)
def test_values_that_do_not_fit_are_refused(cli: Cli, words: list[str], said: str) -> None:
    cli.done("template", "create", "t", "--content", "{{who}}")
    assert said in cli.refused("template", "instantiate", "t", *words, code=2)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("who: string", "takes a list"),
        ("- [who]", "variable 1: a variable is a mapping"),
        ("- {name: who, kind: x}", "unknown key 'kind'"),
        ("- {name: who, type: date}", "type: 'date' is none of string"),
        ("- {name: who, required: 1}", "required: takes true or false"),
        ("- {name: who\n", "line 1: expected"),
        ("- {name: other}", "Used but not declared: who"),
    ],
)
def test_declarations_that_are_wrong_are_refused(cli: Cli, text: str, said: str) -> None:
    file = cli.write("variables.yaml", text)
    assert said in cli.refused("template", "create", "t", "--content", "{{who}}", "--variables", file, code=2)


def test_template_is_listed_and_deleted_with_yes_only(cli: Cli) -> None:
    cli.done("template", "create", "t", "--content", "{{who}}", "--category", "mail")

    assert "mail" in cli.done("template", "list").out
    assert cli.done("template", "list", "--category", "other", "--json").json == {"items": []}
    assert "repeat with --yes" in cli.refused("template", "delete", "t", code=3)
    cli.done("template", "delete", "t", "--yes")
    assert "no template 't'" in cli.refused("template", "show", "t", code=1)
    assert "autoforge template create" in cli.done("template", "list").err
