"""docs/migrations.md against the linter: what it calls wrong is found, what it calls right is not."""

import re

import pytest

from src.operations.migrations.lint.lint import check
from src.operations.migrations.lint.rule import RULES
from src.operations.migrations.revisions import VERSIONS
from tests.integration.operations.migrations.recipe_page import (
    JAPANESE_PAGE,
    PAGE,
    Example,
    examples,
    recipes,
    whole,
)

OURS = {path.name: path.read_bytes() for path in VERSIONS.glob("*.py")}


def codes_of(source: str, name: str | None = None) -> list[str]:
    """What is found in a migration beside ours."""
    revision = re.search(r"^revision = ['\"](\w+)['\"]$", source, re.MULTILINE)
    name = name or f"20261201_{revision[1] if revision else '0002'}_an_example.py"
    return sorted({found.code for found in check({**OURS, name: source.encode()}) if found.path == name})


def of(examples: list[Example], language: str) -> list[object]:
    chosen = [example for example in examples if example.language == language]
    return [pytest.param(example, id=f"line-{example.line}") for example in chosen]


@pytest.mark.parametrize("example", of(list(examples("wrong")), "python"))
def test_wrong_example_has_the_finding_that_it_shows_and_no_other(example: Example) -> None:
    assert codes_of(whole(example.text)) == [example.words[1]]


@pytest.mark.parametrize("example", of(list(examples("right")), "python"))
def test_right_example_is_clean(example: Example) -> None:
    assert codes_of(whole(example.text)) == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (name, list(example.words[1:]))
        for kind in ("wrong", "right")
        for example in examples(kind)
        if example.language == "text"
        for name in example.text.split()
    ],
)
def test_names_of_files_are_as_the_page_says(name: str, expected: list[str]) -> None:
    assert codes_of(whole(""), name) == expected


@pytest.mark.parametrize("steps", [pytest.param(steps, id=name) for name, steps in recipes().items()])
def test_recipe_is_clean(steps: list[str]) -> None:
    chain = {
        f"20270101_{number:04}_step.py": whole(text, f"{number:04}", f"{number - 1:04}").encode()
        for number, text in enumerate(steps, start=2)
    }

    assert check(OURS | chain) == []


def test_every_rule_has_its_section_with_a_wrong_and_a_right_example() -> None:
    headings = re.findall(r"^### (AFM\d+ [\w-]+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    sections = re.split(r"^### AFM", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]

    assert headings == [f"{rule.code} {rule.name}" for rule in RULES.values()]
    assert [text[:3] for text in sections if f" wrong AFM{text[:3]}\n" not in text] == []
    assert [text[:3] for text in sections if " right\n" not in text] == []


def test_links_inside_the_pages_lead_somewhere() -> None:
    for page in (PAGE, JAPANESE_PAGE):
        text = page.read_text(encoding="utf-8")
        headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
        anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}

        assert set(re.findall(r"\]\(#([^)]+)\)", text)) - anchors == set(), page.name


def test_japanese_page_has_the_same_examples_and_rules() -> None:
    for kind in ("recipe", "wrong", "right"):
        english, japanese = list(examples(kind)), list(examples(kind, JAPANESE_PAGE))
        assert [(found.words, found.text) for found in japanese] == [
            (found.words, found.text) for found in english
        ]
    sections = re.findall(r"^### (AFM.+)$", JAPANESE_PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sections == [f"{rule.code} {rule.name}" for rule in RULES.values()]
