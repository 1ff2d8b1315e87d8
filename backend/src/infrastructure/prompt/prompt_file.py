"""Prompts as text files, with an optional YAML front matter.

    ---
    title: Support triage
    system_message: You sort messages.
    ---
    Sort this message: {{message}}

The front matter begins on the first line and ends at the next line that is `---` alone; a blank line right after it is
no part of the text. A first line `---` always begins a front matter, so that a mistake in one never becomes part of a
prompt: a text that begins with `---` itself stands after an empty front matter (two lines `---`). Line ends stay as
they are, but for the last one, which is dropped.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from src.domain.evaluation.errors import SuiteFileError
from src.domain.prompt.prompt import MAX_CONTENT_BYTES, PromptContent
from src.domain.shared.errors import RuleViolationError
from src.infrastructure.shared.input_files.source import Source

MAX_FILE_BYTES = (
    2 * MAX_CONTENT_BYTES + 100_000
)  # the largest text, the largest system message, and the YAML around
_FRONT_MATTER = re.compile(
    r"---[ \t]*\r?\n(?P<yaml>.*?)^---[ \t]*(?:\r?\n(?:\r?\n)?|\Z)", re.DOTALL | re.MULTILINE
)
_BEGINS_FRONT_MATTER = re.compile(r"---[ \t]*(?:\r?\n|\Z)")
_LAST_LINE_END = re.compile(r"\r?\n\Z")


@dataclass(frozen=True, slots=True)
class PromptFile:
    content: PromptContent
    title: str | None


def read_prompt_file(path: Path) -> PromptFile:
    """Raises RuleViolationError naming the file, the line where one is known, and what is wrong."""
    label = str(path)
    try:
        text = Source(label, path).text(max_bytes=MAX_FILE_BYTES)
        front = _FRONT_MATTER.match(text)
        if front is None and _BEGINS_FRONT_MATTER.match(text):
            raise RuleViolationError(
                f"{label}, line 1: a line '---' begins a front matter, and no second one ends it; "
                "a text that begins with '---' stands after two lines '---'."
            )
        title, system_message = _front_matter(front["yaml"], label) if front else (None, None)
    except SuiteFileError as exc:
        raise RuleViolationError(str(exc)) from exc
    body = text[front.end() :] if front else text
    try:
        return PromptFile(PromptContent(_LAST_LINE_END.sub("", body), system_message), title)
    except RuleViolationError as exc:
        raise RuleViolationError(f"{label}: {exc}") from exc


def _front_matter(text: str, file: str) -> tuple[str | None, str | None]:
    # Loads PyYAML, which most prompt files and the start of the command line tool do not need.
    from src.infrastructure.shared.input_files.yaml_tree import read_yaml

    root = read_yaml(text, file=file, first_line=2)
    fields = root.mapping(("title", "system_message")) if root.value is not None else {}
    title, system_message = (
        fields[key].text() if key in fields else "" for key in ("title", "system_message")
    )
    return title or None, system_message or None
