"""The pages show commands with what they printed: those commands exist, with these options, in both languages."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from src.cli import app

DOCS = Path(__file__).parents[3] / "docs"
PAGES = [path for path in sorted(DOCS.rglob("*.md")) if "$ autoforge " in path.read_text(encoding="utf-8")]
_COMMAND = re.compile(r"^\$ (?:[A-Z_]+=\S+ )*autoforge (?P<words>.*)$", re.MULTILINE)
_ENDS = ("|", ";", ">", "2>&1", "2>/dev/null", "&&")


def commands_in(page: Path) -> Iterator[list[str]]:
    for found in _COMMAND.finditer(page.read_text(encoding="utf-8")):
        words = shlex.split(found["words"])
        end = next((index for index, word in enumerate(words) if word in _ENDS), len(words))
        yield words[:end]


def problem_with(words: list[str]) -> str | None:
    command: Any = typer.main.get_command(app)
    context = command.make_context("autoforge", [], resilient_parsing=True)
    rest = list(words)
    while rest and hasattr(command, "get_command"):
        name = rest.pop(0)
        if (command := command.get_command(context, name)) is None:
            return f"there is no command {name}"
        context = command.make_context(name, [], parent=context, resilient_parsing=True)
    known = {option for parameter in command.params for option in parameter.opts}
    unknown = [word for word in rest if re.match(r"--?[a-z]", word) and word not in known]
    return f"no option {', '.join(unknown)}" if unknown else None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_commands_that_a_page_shows_exist(page: Path) -> None:
    wrong = {" ".join(words): found for words in commands_in(page) if (found := problem_with(words))}

    assert wrong == {}


@pytest.mark.parametrize("words", [["db", "upgrad"], ["db", "upgrade", "--envy", "staging"], ["tursi"]])
def test_wrong_command_would_be_noticed(words: list[str]) -> None:
    assert problem_with(words) is not None


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if not page.name.endswith(".ja.md")],
    ids=lambda page: str(page.relative_to(DOCS)),
)
def test_japanese_page_shows_the_same_commands(page: Path) -> None:
    japanese = page.with_name(f"{page.stem}.ja.md")
    if japanese.exists():
        assert list(commands_in(japanese)) == list(commands_in(page))
