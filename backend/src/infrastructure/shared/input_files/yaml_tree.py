"""YAML into plain values with line numbers, from the parser's events.

`yaml.compose` is not used: its C version ends the whole process on deep nesting (PyYAML 6.0.3, 500,000 times `[`).

Only what every YAML reader reads alike is taken. A plain scalar that is something else to YAML 1.1 than to YAML 1.2
(`yes`, `NO`, `012`, `12:30`, `1e5`, a date) is an error that says to quote it; so are merge keys and tags but `!!str`.
"""

import re
from dataclasses import dataclass
from math import isfinite

import yaml

from src.domain.evaluation.errors import SuiteFileError
from src.domain.shared.placeholders import JsonValue
from src.infrastructure.shared.input_files.located import (
    MAX_DEPTH,
    UNSTORABLE,
    Field,
    LinedList,
    LinedMap,
    kind_of,
)

MAX_NODES = 2_000_000  # aliases counted as what they stand for
_STR_TAG = "tag:yaml.org,2002:str"
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")  # YAML 1.1, section 5.1
_CONSTANTS: dict[str, bool | None] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("null", "Null", "NULL", "~", ""), None),
}
_DISPUTED_BOOL = re.compile("yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF")
_INTEGER = re.compile("[-+]?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+][0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_DISPUTED_NUMBER = re.compile(
    r"[-+]?(?:0[0-9_]+|0x[0-9a-fA-F_]+|0o[0-7_]+|0b[01_]+|[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?"
    r"|[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?)"
)
_DATE = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}"
    r"(?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::?[0-9]{2})?))?"
)
_MAY_BE_NO_TEXT = frozenset("-+.0123456789~nNtTfFyYoO")


def read_yaml(text: str, *, file: str, first_line: int = 1) -> Field:
    """The only document of `text`, whose first line is number `first_line` of `file`; null when there is none.

    Raises SuiteFileError naming line and field.
    """
    if found := _CONTROL.search(text):
        line = text.count("\n", 0, found.start()) + first_line
        raise SuiteFileError(f"holds the control character {found[0]!r}.", file=file, line=line)
    loader: type[yaml.SafeLoader | yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    builder = _Builder(file, first_line)
    try:
        for event in yaml.parse(text, Loader=loader):
            builder.take(event)
    except yaml.MarkedYAMLError as exc:
        raise _broken(exc, file, first_line) from exc
    return builder.root


def _broken(exc: yaml.MarkedYAMLError, file: str, first_line: int) -> SuiteFileError:
    mark = exc.problem_mark or exc.context_mark
    begun = f", begun on line {exc.context_mark.line + first_line}" if exc.context_mark else ""
    context = f" ({exc.context}{begun})" if exc.context else ""
    line = mark.line + first_line if mark else None
    return SuiteFileError(f"broken YAML: {exc.problem}{context}.", file=file, line=line)


@dataclass(slots=True)
class _Open:
    """A collection whose end has not come yet. `height` is that of the tallest thing in it so far."""

    value: LinedMap | LinedList
    line: int
    anchor: str | None
    nodes_before: int
    key: str | None = None
    height: int = 0


@dataclass(frozen=True, slots=True)
class _Anchored:
    """What an alias repeats, and how many nodes and levels that adds."""

    value: JsonValue
    nodes: int
    height: int


class _Builder:
    def __init__(self, file: str, first_line: int) -> None:
        self.root = Field(None, file, first_line)
        self._documents = 0
        self._nodes = 0
        self._stack: list[_Open] = []
        self._anchors: dict[str, _Anchored | None] = {}  # None: not complete yet

    def take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._start(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._end()
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise self._error(event, "a second document begins here; there can be only one.")

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        self._count(event, 1)
        if event.tag not in (None, _STR_TAG):
            raise self._error(event, f"the tag {event.tag!r:.60} is not supported; only !!str is.")
        frame = self._stack[-1] if self._stack else None
        if isinstance(frame, _Open) and isinstance(frame.value, LinedMap) and frame.key is None:
            self._key(event, frame, frame.value)
            return
        value = self._resolved(event)
        if event.anchor:
            self._anchors[event.anchor] = _Anchored(value, 1, 0)
        self._put(value, self._line(event))

    def _key(self, event: yaml.ScalarEvent, frame: _Open, mapping: LinedMap) -> None:
        key = self._resolved(event)
        if not isinstance(key, str):
            raise self._error(event, f"a key is a text, not {kind_of(key)}; quote it.")
        if key == "<<" and event.implicit[0]:
            raise self._error(
                event, "merge keys (<<) are not supported; put what cases share under `defaults`."
            )
        frame.key = key
        if key in mapping.lines:
            raise self._error(event, f"the key {key!r:.60} stands twice, first on line {mapping.lines[key]}.")
        mapping.lines[key] = self._line(event)
        if event.anchor:
            self._anchors[event.anchor] = _Anchored(key, 1, 0)

    def _start(self, event: yaml.CollectionStartEvent) -> None:
        self._count(event, 1)
        self._refuse_as_key(event)
        if event.tag is not None:
            raise self._error(event, f"the tag {event.tag!r:.60} is not supported; only !!str is.")
        if len(self._stack) >= MAX_DEPTH:
            raise self._error(event, f"nested more than {MAX_DEPTH} levels deep.")
        if event.anchor:
            self._anchors[event.anchor] = None
        value = LinedMap() if isinstance(event, yaml.MappingStartEvent) else LinedList()
        self._stack.append(_Open(value, self._line(event), event.anchor, self._nodes - 1))

    def _end(self) -> None:
        done = self._stack.pop()
        if done.anchor:
            self._anchors[done.anchor] = _Anchored(
                done.value, self._nodes - done.nodes_before, done.height + 1
            )
        self._put(done.value, done.line, done.height + 1)

    def _alias(self, event: yaml.AliasEvent) -> None:
        self._refuse_as_key(event)
        if event.anchor not in self._anchors:
            raise self._error(event, f"the alias *{event.anchor} has no anchor before it.")
        target = self._anchors[event.anchor]
        if target is None:
            raise self._error(event, f"the alias *{event.anchor} stands inside of what it refers to.")
        if len(self._stack) + target.height > MAX_DEPTH:
            raise self._error(event, f"nested more than {MAX_DEPTH} levels deep.")
        self._count(event, target.nodes)
        self._put(target.value, self._line(event), target.height)

    def _put(self, value: JsonValue, line: int, height: int = 0) -> None:
        if not self._stack:
            self.root = self.root._replace(value=value)
            return
        frame = self._stack[-1]
        frame.height = max(frame.height, height)
        if isinstance(frame.value, LinedList):
            frame.value.append(value)
            frame.value.lines.append(line)
        elif frame.key is not None:
            frame.value[frame.key] = value
            frame.key = None

    def _resolved(self, event: yaml.ScalarEvent) -> JsonValue:
        text: str = event.value
        if not event.implicit[0]:
            if UNSTORABLE.search(text):
                raise self._error(event, "the text holds a NUL character or half of a surrogate pair.")
            return text
        if text and text[0] not in _MAY_BE_NO_TEXT:
            return text
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        if _INTEGER.fullmatch(text) or _FLOAT.fullmatch(text):
            return self._number(event)
        if reason := _why_unclear(text):
            raise self._error(event, f'{text[:60]} {reason} quote it: "{text[:60]}".')
        return text

    def _number(self, event: yaml.ScalarEvent) -> int | float:
        try:
            number = int(event.value) if _INTEGER.fullmatch(event.value) else float(event.value)
        except ValueError:  # Python reads no integer of more than 4,300 digits
            number = float("inf")
        if isinstance(number, float) and not isfinite(number):
            raise self._error(event, f"{event.value:.60} is too big for a number.")
        return number

    def _count(self, event: yaml.Event, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            raise self._error(
                event,
                f"the file has more than {MAX_NODES:,} values; put the cases into a .jsonl or .csv file.",
            )

    def _refuse_as_key(self, event: yaml.Event) -> None:
        if self._stack and isinstance(self._stack[-1].value, LinedMap) and self._stack[-1].key is None:
            raise self._error(event, "a key is a text; a placeholder such as {{name}} must stand in quotes.")

    def _error(self, event: yaml.Event, message: str) -> SuiteFileError:
        return SuiteFileError(
            message, file=self.root.file, line=self._line(event), field=self._path() or None
        )

    def _line(self, event: yaml.Event) -> int:
        return (event.start_mark.line if event.start_mark else 0) + self.root.line

    def _path(self) -> str:
        path = ""
        for frame in self._stack:
            if isinstance(frame.value, LinedList):
                path += f"[{len(frame.value)}]"
            elif frame.key is not None:
                path += f".{frame.key:.60}" if path else f"{frame.key:.60}"
        return path


def _why_unclear(text: str) -> str | None:
    if _DISPUTED_BOOL.fullmatch(text):
        return "is a bool to some readers of YAML and a text to others; write true or false, or"
    if _DATE.fullmatch(text):
        return "is a date in YAML, not a text;"
    if _NOT_FINITE.fullmatch(text):
        return "is no finite number; if it is a text,"
    if _DISPUTED_NUMBER.fullmatch(text):
        return "is a number to some readers of YAML and a text to others; write it in plain decimal, or"
    return None
