"""The text of .env files: read as python-dotenv does, written so that every other reader of such files agrees."""

import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

# Everything else is quoted: spaces, quotes, `#` and `$` mean something to one reader or another.
_BARE = re.compile(r"[\w@%+=:,./-]+")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# The end of a key in base64 that lost its quotes must not pass for a name, and be shown.
_END_OF_KEY = re.compile(r"[^='\"]*==+")


class UnwritableValueError(ValueError):
    """No .env file can hold the value. The message says why, and nothing of it."""


@dataclass(frozen=True, slots=True)
class Line:
    """One assignment, at line `number`, or what should have been one: `trouble` says what is wrong with it."""

    number: int
    name: str
    value: str
    trouble: str | None = None


def lines(text: str) -> Iterator[Line]:
    """The assignments of a file; comments and empty lines are passed over. `${…}` is not interpolated."""
    from dotenv.parser import parse_stream

    for found in parse_stream(io.StringIO(text)):
        blank = len(found.original.string) - len(found.original.string.lstrip())
        number = found.original.line + found.original.string[:blank].count("\n")
        if found.error:
            yield Line(number, "", "", "is not of the form NAME=value, or a quote does not end")
        elif found.key is None:
            continue
        elif not _NAME.fullmatch(found.key) or _END_OF_KEY.fullmatch(found.original.string.strip()):
            yield Line(number, "", "", "does not begin with a name; names are of A-Z, 0-9 and _")
        elif found.value is None:
            yield Line(number, found.key, "", "has a name without `=`")
        else:
            yield Line(number, found.key, found.value)


def read(path: Path) -> dict[str, str]:
    """The values of a file, by upper-case name; a file that cannot be read says nothing."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    return {name.upper(): value for name, value in values(text).items()}


def values(text: str) -> dict[str, str]:
    """What the assignments of `text` say, the last one of a name winning; the empty ones are left out."""
    return {name: value for name, value in _assigned(text).items() if value}


@lru_cache(maxsize=4)
def _assigned(text: str) -> Mapping[str, str]:
    """At start the same files are asked for their values several times; python-dotenv takes 3 ms to read a full one."""
    return {line.name: line.value for line in lines(text) if line.trouble is None}


def assignment(name: str, value: str) -> str:
    """The line, or the lines, that say so. Raises UnwritableValueError."""
    if "\0" in value:
        raise UnwritableValueError("it holds a NUL character")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise UnwritableValueError("it is not UTF-8") from None
    return f"{name}={_written(value)}\n"


def _written(value: str) -> str:
    is_end_of_key = value != "" and not value.strip("=")
    if not value or (_BARE.fullmatch(value) and not is_end_of_key):
        return value
    escaped = value.replace("\\", "\\\\")
    if "\r" in value:  # a plain one would be read as the end of a line, and come back as \n
        escaped = escaped.replace('"', '\\"').replace("\r", "\\r").replace("\n", "\\n")
        return f'"{escaped}"'
    return "'" + escaped.replace("'", "\\'") + "'"
