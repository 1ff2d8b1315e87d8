"""The examples in docs/migrations.md, as migrations that can be linted and run."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parents[5] / "docs"
PAGE, JAPANESE_PAGE = DOCS / "migrations.md", DOCS / "migrations.ja.md"

_BLOCK = re.compile(r"^```(?P<language>\w+) (?P<words>[^\n]+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_IMPORTS = "import sqlalchemy as sa\nfrom alembic import op\n"
_UPGRADE = 'def upgrade() -> None:\n    op.create_index("idx_prompts_title", "prompts", ["title"])\n'
_DOWNGRADE = 'def downgrade() -> None:\n    op.drop_index("idx_prompts_title", "prompts")\n'
_NO_DOWNGRADE = 'def downgrade() -> None:\n    raise NotImplementedError("the page leaves it out")\n'


@dataclass(frozen=True, slots=True)
class Example:
    """`words` stand behind the language: "recipe rename-column 1", "wrong AFM101", "right"."""

    language: str
    words: tuple[str, ...]
    text: str
    line: int


def examples(kind: str, page: Path = PAGE) -> Iterator[Example]:
    """All examples of one kind: "recipe", "wrong" or "right"."""
    page_text = page.read_text(encoding="utf-8")
    for found in _BLOCK.finditer(page_text):
        words = tuple(found["words"].split())
        if words[0] == kind:
            yield Example(
                found["language"], words, found["text"], page_text.count("\n", 0, found.start()) + 1
            )


def recipes() -> dict[str, list[str]]:
    """The steps of each recipe, by its name."""
    found: dict[str, list[str]] = {}
    for example in examples("recipe"):
        _, name, number = example.words
        steps = found.setdefault(name, [])
        assert int(number) == len(steps) + 1, f"line {example.line}: step {number} is out of order"
        steps.append(example.text)
    return found


def whole(text: str, revision: str = "0002", parent: str = "0001") -> str:
    """A migration around an example, with what the page leaves out."""
    is_docstring = text.startswith('"""')
    ids = [
        f"{name} = {value!r}\n"
        for name, value in (("revision", revision), ("down_revision", parent))
        if not re.search(rf"^{name} =", text, re.MULTILINE)
    ]
    head = [text] if is_docstring else ['"""An example"""\n', text]
    functions = []
    if "def upgrade(" not in text:
        functions.append(_UPGRADE)
    if "def downgrade(" not in text:
        functions.append(_DOWNGRADE if functions else _NO_DOWNGRADE)
    return "\n".join([head[0], _IMPORTS, *ids, *head[1:], *functions])


def write_chain(folder: Path, steps: Sequence[str]) -> list[str]:
    """Writes the steps as migrations after our first; returns their revisions."""
    folder.mkdir()
    revisions = [f"9{number:03}" for number in range(1, len(steps) + 1)]
    for revision, parent, text in zip(revisions, ("0001", *revisions), steps, strict=False):
        path = folder / f"20270101_{revision}_step.py"
        path.write_text(whole(text, revision, parent), encoding="utf-8")
    return revisions
