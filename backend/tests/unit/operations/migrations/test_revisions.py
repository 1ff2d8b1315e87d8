"""Where a migration stands in the chain is read from the head of its file, whatever its steps look like."""

from pathlib import Path

import pytest

from src.operations.migrations.revisions import Revision, read_chain

_HEAD = '"""Add notes\n\nMore about it.\n"""\nfrom functools import cache\n\nrevision = "a1"\ndown_revision = None\n'


@pytest.mark.parametrize(
    "steps",
    ["", "\n\ndef upgrade() -> None: ...\n", "\n\n@cache\ndef helper(): ...\n", "\n\nclass Helper: ...\n"],
    ids=["none", "function", "decorated function", "class"],
)
def test_head_is_read_and_the_steps_are_not(tmp_path: Path, steps: str) -> None:
    (tmp_path / "a1.py").write_text(f"{_HEAD}{steps}{'    not read: ((' if steps else ''}", encoding="utf-8")

    assert read_chain([tmp_path]) == (Revision("a1", None, "Add notes"),)
