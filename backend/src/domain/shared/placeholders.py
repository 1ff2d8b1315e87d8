"""`{{name}}` placeholders: found and filled by one regular expression, never evaluated.

Only `{{` name `}}` is a placeholder, where a name is letters (of any language, without combining marks), digits, `_`,
`.` and `-`, not beginning with a digit. Every other brace is plain text, so JSON in a prompt needs no escaping;
`\\{{name}}` stands for a literal `{{name}}`. A value is inserted as it is and not looked at again: none can inject a
placeholder.
"""

import json
import re
from collections.abc import Iterable, Mapping

from src.domain.shared.errors import RuleViolationError

JsonValue = str | int | float | bool | None | list["JsonValue"] | dict[str, "JsonValue"]

_PLACEHOLDER = re.compile(r"(\\?)\{\{\s*([^\W\d][\w.\-]*)\s*\}\}")


class MissingVariablesError(RuleViolationError):
    code = "missing_variables"
    title = "Variables are missing"

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(sorted(names))
        super().__init__(f"No value for {_listed(self.names)}. Give one for each placeholder.")


class UnknownVariablesError(RuleViolationError):
    code = "unknown_variables"
    title = "Unknown variables"

    def __init__(self, names: Iterable[str], known: Iterable[str]) -> None:
        self.names = tuple(sorted(names))
        super().__init__(f"Unknown: {_listed(self.names)}. The text uses {_listed(known) or 'no variables'}.")


def placeholders(text: str) -> tuple[str, ...]:
    """Names used in `text`, each once, in order of appearance."""
    return tuple(dict.fromkeys(m[2] for m in _PLACEHOLDER.finditer(text) if not m[1]))


def fill(text: str, values: Mapping[str, JsonValue]) -> str:
    """`text` with every placeholder replaced; values that nothing uses are ignored.

    Raises MissingVariablesError naming all that have no value.
    """
    missing = set[str]()

    def value_of(match: re.Match[str]) -> str:
        if match[1]:
            return match[0][1:]
        if match[2] not in values:
            missing.add(match[2])
            return ""
        return as_text(values[match[2]])

    filled = _PLACEHOLDER.sub(value_of, text)
    if missing:
        raise MissingVariablesError(missing)
    return filled


def fill_deep(value: JsonValue, values: Mapping[str, JsonValue]) -> JsonValue:
    """A JSON value with `fill` applied to every string in it (keys are left alone)."""
    if isinstance(value, str):
        return fill(value, values)
    if isinstance(value, list):
        return [fill_deep(item, values) for item in value]
    if isinstance(value, dict):
        return {key: fill_deep(item, values) for key, item in value.items()}
    return value


def as_text(value: JsonValue) -> str:
    """How a value reads inside a text: text as it is, nothing for null, JSON for the rest."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names)
