"""The command line as a person meets it: words in, and what comes out on both streams with the exit code."""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from src.cli import main

EXAMPLE = Path(__file__).parents[4] / "examples" / "support-triage"


@dataclass(frozen=True, slots=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Cli:
    """Runs commands in this process, in the folder `folder` and on the database of the environment."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self.folder, self._capture, self._patch = folder, capture, patch

    def __call__(self, *words: object, stdin: str | bytes = b"") -> Outcome:
        data = stdin.encode() if isinstance(stdin, str) else stdin
        self._patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))
        self._capture.readouterr()
        with pytest.raises(SystemExit) as left:
            main([str(word) for word in words])
        captured = self._capture.readouterr()
        assert isinstance(left.value.code, int)
        return Outcome(left.value.code, captured.out, captured.err)

    def done(self, *words: object, stdin: str | bytes = b"") -> Outcome:
        outcome = self(*words, stdin=stdin)
        assert outcome.code == 0, outcome.err
        return outcome

    def refused(self, *words: object, code: int, stdin: str | bytes = b"") -> str:
        """The one line on stderr with which the command refuses; nothing may be on stdout."""
        outcome = self(*words, stdin=stdin)
        assert (outcome.code, outcome.out) == (code, "")
        lines: Sequence[str] = outcome.err.splitlines()
        assert len(lines) == 1, outcome.err
        return lines[0]

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path
