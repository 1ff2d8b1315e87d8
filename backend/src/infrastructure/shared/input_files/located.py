"""Values of a suite file with the place where each was written, so that every error can name it."""

import difflib
import re
from collections.abc import Collection
from typing import NamedTuple, overload

from src.domain.evaluation.errors import SuiteFileError
from src.domain.shared.placeholders import JsonValue

MAX_DEPTH = 100
UNSTORABLE = re.compile("[\0\ud800-\udfff]")  # NUL and lone surrogates: no UTF-8, or no text to a database


class LinedMap(dict[str, JsonValue]):
    """A mapping that knows on which line each of its keys stands."""

    __slots__ = ("lines",)

    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[str, int] = {}


class LinedList(list[JsonValue]):
    """A list that knows on which line each of its items begins."""

    __slots__ = ("lines",)

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[int] = []


class Field(NamedTuple):
    """A value, its line (from 1) and its path in the file, such as `cases[3].assertions[0].type`."""

    value: JsonValue
    file: str
    line: int
    path: str = ""

    def error(self, message: str) -> SuiteFileError:
        return SuiteFileError(message, file=self.file, line=self.line, field=self.path or None)

    def child(self, key: str) -> "Field":
        """The value under `key`, null when there is none."""
        value = self.value
        line = value.lines.get(key, self.line) if isinstance(value, LinedMap) else self.line
        found = value.get(key) if isinstance(value, dict) else None
        return Field(found, self.file, line, f"{self.path}.{key:.60}" if self.path else f"{key:.60}")

    def mapping(self, known: Collection[str]) -> dict[str, "Field"]:
        """Its entries; null counts as not given. A key that is not `known` is an error."""
        value, file, line, path = self
        if not isinstance(value, dict):
            raise self.error(f"takes a mapping with {_listed(known)}, not {kind_of(value)}.")
        for key in value:
            if key not in known:
                raise self.child(key).error(f"unknown key; {suggestion(key, known)}")
        lines = value.lines if isinstance(value, LinedMap) else {}
        prefix = f"{path}." if path else ""
        return {
            key: Field(item, file, lines.get(key, line), prefix + key)
            for key, item in value.items()
            if item is not None
        }

    def free_mapping(self) -> dict[str, JsonValue]:
        """Its entries, whatever their names and values."""
        if not isinstance(self.value, dict):
            raise self.error(f"takes a mapping of names to values, not {kind_of(self.value)}.")
        return _without_lines(self.value)

    def plain(self) -> JsonValue:
        """The value for use outside of this package, where nothing knows of lines."""
        return _without_lines(self.value)

    def items(self) -> list["Field"]:
        value, file, line, path = self
        if not isinstance(value, list):
            raise self.error(f"takes a list, not {kind_of(value)}.")
        lines = value.lines if isinstance(value, LinedList) else [line] * len(value)
        return [Field(item, file, lines[index], f"{path}[{index}]") for index, item in enumerate(value)]

    def text(self) -> str:
        value = self.value
        if isinstance(value, str):
            return value
        quote = f'; quote it: "{_spelled(value)}"' if isinstance(value, bool | int | float) else ""
        raise self.error(f"takes a text, not {kind_of(value)}{quote}.")

    def number(self) -> float:
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            raise self.error(f"takes a number, not {kind_of(self.value)}.")
        try:
            return float(self.value)
        except OverflowError as exc:
            raise self.error("the number is too big.") from exc

    def integer(self) -> int:
        if isinstance(self.value, bool) or not isinstance(self.value, int):
            raise self.error(f"takes a whole number, not {kind_of(self.value)}.")
        return self.value


@overload
def _without_lines(value: dict[str, JsonValue]) -> dict[str, JsonValue]: ...
@overload
def _without_lines(value: JsonValue) -> JsonValue: ...
def _without_lines(value: JsonValue) -> JsonValue:
    if isinstance(value, LinedMap):
        return {key: _without_lines(item) for key, item in value.items()}
    if isinstance(value, LinedList):
        return [_without_lines(item) for item in value]
    return value


def suggestion(key: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(key[:60].lower(), known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known are {_listed(known)}."


def kind_of(value: JsonValue) -> str:
    """What a value is, in the words of an error message."""
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    if isinstance(value, str):
        return f"the text {value!r:.60}"
    if value is None:
        return "nothing"
    return f"the {'bool' if isinstance(value, bool) else 'number'} {_spelled(value)}"


def _spelled(value: bool | int | float) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value!r:.60}"


def _listed(names: Collection[str]) -> str:
    return ", ".join(names)
