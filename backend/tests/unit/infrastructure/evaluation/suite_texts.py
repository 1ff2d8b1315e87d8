"""Suites written in tests, and what reading them gives."""

from pathlib import Path
from textwrap import dedent

import pytest

from src.application.services import SuiteMedia
from src.domain.evaluation.errors import SuiteFileError
from src.domain.evaluation.suite import TestCase
from src.infrastructure.evaluation.suite_files.suite_file import SuiteFile, parse_suite


def written(folder: Path, name: str, content: str) -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8", newline="")
    return path


def parse(text: str | bytes, media: SuiteMedia = "yaml") -> SuiteFile:
    body = text if isinstance(text, bytes) else dedent(text).encode()
    return parse_suite(body, media=media, label="suite", name=None if media == "yaml" else "s")


def cases_of(text: str | bytes, media: SuiteMedia = "yaml") -> list[TestCase]:
    return list(parse(text, media).cases())


def error_of(text: str | bytes, media: SuiteMedia = "yaml") -> SuiteFileError:
    with pytest.raises(SuiteFileError) as caught:
        cases_of(text, media)
    assert caught.value.file == "suite"
    return caught.value


def with_case(*lines: str) -> str:
    """A suite whose only case has these lines; the first of them is line 3 of the file."""
    return "name: s\ncases:\n  - " + "\n    ".join(lines) + "\n"
