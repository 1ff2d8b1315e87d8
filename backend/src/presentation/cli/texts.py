"""Texts and values that a command is given: from a file, an option or standard input."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from src.domain.shared.placeholders import JsonValue
from src.presentation.cli.errors import InputError
from src.presentation.cli.output import say

FileOption = Annotated[
    Path | None, typer.Option("--file", "-f", help="File with the text; - is standard input.")
]
ContentOption = Annotated[str | None, typer.Option("--content", help="The text itself.")]

_MOST_BYTES = 4_000_000  # more than any text that can be stored: the rule about its size then says so


def read_text(file: Path | None, content: str | None) -> str:
    """The text of exactly one source; without either it is standard input's. One line end at its end is dropped."""
    if content is not None:
        if file is not None:
            raise InputError("Give --file or --content, not both.")
        return content
    if file is not None and str(file) != "-":
        return _decoded(read_bytes(file), str(file))
    if sys.stdin.isatty():
        if file is None:
            raise InputError("No text: give --file FILE or --content TEXT, or pipe it in.")
        say("Reading standard input; end it with Ctrl-D.")
    return _decoded(sys.stdin.buffer.read(_MOST_BYTES), "standard input")


def read_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES)
    except OSError as exc:
        raise InputError(f"{path}: {exc.strerror}.") from exc


def read_mapping(path: Path) -> dict[str, Any]:
    """The JSON or YAML mapping in a file."""
    value = read_structure(path)
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise InputError(f"{path}: takes a mapping of names to values.")
    return value


def read_structure(path: Path) -> Any:
    """What a JSON or YAML file (of which JSON is a part) holds."""
    import yaml

    try:
        return yaml.safe_load(_decoded(read_bytes(path), str(path)))
    except (yaml.YAMLError, RecursionError) as exc:
        mark = getattr(exc, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise InputError(
            f"{path}{where}: {getattr(exc, 'problem', None) or 'not readable as JSON or YAML'}."
        ) from exc


def read_assignments(assignments: Sequence[str]) -> Mapping[str, str]:
    """`name=value` options. A name that comes twice takes the last value."""
    pairs = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals or not name:
            raise InputError(f"{assignment!r:.80} is not of the form name=value.")
        pairs[name] = value
    return pairs


def as_json_value(text: str) -> JsonValue:
    """A number, true, false, null, list or mapping where `text` is JSON; else the text itself."""
    try:
        value: JsonValue = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return text
    return value


def _refuse(constant: str) -> JsonValue:
    raise ValueError(constant)


def _decoded(data: bytes, label: str) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise InputError(f"{label}: byte {exc.start + 1} is no UTF-8.") from exc
    return text.removesuffix("\n").removesuffix("\r")
