"""Strict JSON: no duplicate keys, no NaN or Infinity, no lone surrogates, nothing nested without end."""

import json
from collections import Counter
from math import isfinite

from src.domain.shared.placeholders import JsonValue
from src.infrastructure.shared.input_files.located import MAX_DEPTH, UNSTORABLE, Field


def parse_json(text: str, place: Field) -> JsonValue:
    """Raises SuiteFileError at `place`."""
    try:
        value: JsonValue = _DECODER.decode(text)
    except json.JSONDecodeError as exc:
        raise place.error(f"broken JSON: {exc.msg} (column {exc.colno}).") from exc
    except RecursionError as exc:
        raise place.error(_TOO_DEEP) from exc
    except ValueError as exc:  # from the hooks below, or an integer of more than 4,300 digits
        raise place.error(f"unusable JSON: {exc}.") from exc
    # Escapes and deep nesting are rare, and a walk over every value is not cheap.
    if "\\u" in text or text.count("[") + text.count("{") > MAX_DEPTH:
        _require_storable(value, place, 1)
    return value


def _require_storable(value: JsonValue, place: Field, depth: int) -> None:
    if depth > MAX_DEPTH + 1:
        raise place.error(_TOO_DEEP)
    if isinstance(value, str):
        if UNSTORABLE.search(value):
            raise place.error("a text holds a NUL character or half of a surrogate pair.")
    elif isinstance(value, list):
        for item in value:
            _require_storable(item, place, depth + 1)
    elif isinstance(value, dict):
        for key, item in value.items():
            _require_storable(key, place, depth + 1)
            _require_storable(item, place, depth + 1)


def _unique(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"the key {twice!r:.60} stands twice in one object")
    return mapping


def _finite(literal: str) -> float:
    number = float(literal)
    if not isfinite(number):
        raise ValueError(f"{literal:.60} is too big for a number")
    return number


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


_TOO_DEEP = f"nested more than {MAX_DEPTH} levels deep."
_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_float=_finite, parse_constant=_no_constant)
