"""JSON answers and JSON Schemas, made safe: strict parsing, no network, and no schema that runs for ever.

jsonschema-rs holds the GIL and cannot be interrupted, so its work is bounded before it begins; `pattern` is ours.
"""

import json
import threading
from functools import lru_cache
from time import perf_counter
from typing import TYPE_CHECKING, Any, NoReturn

from src.domain.evaluation.errors import BadAssertionError
from src.domain.shared.placeholders import JsonValue
from src.infrastructure.evaluation.patterns import (
    SEARCH_SECONDS,
    SearchGivenUpError,
    compile_pattern,
    is_found,
)
from src.infrastructure.evaluation.schema_effort import MAX_DEPTH, MAX_VISITS, SchemaEffort, widths_of

if TYPE_CHECKING:
    import jsonschema_rs

MAX_SCHEMA_LENGTH = 1_000_000
# One error in a branch takes 35 µs and 1.6 kB, and jsonschema-rs collects all of a failed anyOf or oneOf.
_MAX_EXPLAINED_VISITS = 50_000
# The pattern of a property's name is searched in linear time, at worst 28 µs a character.
_MAX_KEY_SEARCH = 500_000


class SchemaMismatchError(Exception):
    """The value does not fit; the message says where and why."""


class SchemaEffortError(Exception):
    """Whether the value fits cannot be found out in reasonable time."""


def parse_json(text: str) -> JsonValue:
    """Strict: no NaN or Infinity, no number too large for a float. Of a repeated key the last one counts.

    Raises ValueError with a short message, also for nesting that is too deep.
    """
    try:
        value: JsonValue = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except json.JSONDecodeError as exc:
        found = repr(text[exc.pos : exc.pos + 30]) if exc.pos < len(text) else "the end"
        raise ValueError(f"{exc.msg} at line {exc.lineno}, column {exc.colno}, found {found}") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return value


class SchemaCache:
    """Compiled schemas, by their canonical text."""

    def __init__(self, size: int = 256) -> None:
        self._compiled = lru_cache(maxsize=size)(CompiledSchema)

    def get(self, schema: dict[str, JsonValue] | bool) -> "CompiledSchema":
        """Raises BadAssertionError, its message beginning with `value: `, for a schema that cannot be used."""
        try:
            text = json.dumps(schema, sort_keys=True, allow_nan=False)
        except (ValueError, RecursionError) as exc:
            raise BadAssertionError(f"value: the schema is not JSON: {exc!s:.100}.") from None
        return self._compiled(text)


class CompiledSchema:
    """One schema, ready to judge values.

    `$ref` leads to `#/…` in the schema itself and nowhere else. The draft is what `$schema` says, else 2020-12;
    `format` is checked; `pattern` is searched like a regex assertion, names of `patternProperties` without look-around.
    """

    def __init__(self, text: str) -> None:
        import jsonschema_rs

        if len(text) > MAX_SCHEMA_LENGTH:
            raise BadAssertionError(f"value: the schema is longer than {MAX_SCHEMA_LENGTH:,} characters.")
        schema = json.loads(text)
        if len(widths_of(schema)) > MAX_DEPTH:
            raise BadAssertionError(f"value: the schema is nested deeper than {MAX_DEPTH} levels.")
        self._effort = SchemaEffort(schema)
        self._patience = _Patience()
        try:
            self._validator = jsonschema_rs.validator_for(
                schema,
                mask="value",
                offline=True,
                validate_formats=True,
                pattern_options=jsonschema_rs.RegexOptions(size_limit=1_000_000),
                keywords={"pattern": _pattern_keyword(self._patience)},
            )
        except jsonschema_rs.ValidationError as exc:
            raise BadAssertionError(f"value: the schema does not compile: {_explain(exc)}.") from None
        except ValueError as exc:  # half of a surrogate pair, or too deep for the library
            raise BadAssertionError(f"value: the schema does not compile: {exc!s:.200}.") from None

    def check(self, value: JsonValue, *, length: int) -> None:
        """`length`: of the text that `value` was parsed from.

        Raises SchemaMismatchError when the value does not fit, SchemaEffortError when that is too much to find out.
        """
        import jsonschema_rs

        visits = self._visits(value, length)
        self._patience.left = SEARCH_SECONDS
        try:
            fits = self._validator.is_valid(value)
            if not fits and visits <= _MAX_EXPLAINED_VISITS:
                self._validator.validate(value)
        except jsonschema_rs.ValidationError as exc:
            self._require_patience()
            raise SchemaMismatchError(_explain(exc)) from None
        except UnicodeEncodeError:
            raise SchemaMismatchError("it holds half of a surrogate pair") from None
        self._require_patience()
        if not fits:
            raise SchemaMismatchError("it is too large to say where")

    def _visits(self, value: JsonValue, length: int) -> int:
        widths = widths_of(value)
        if len(widths) > MAX_DEPTH:
            raise SchemaEffortError(f"not judged: the answer is nested deeper than {MAX_DEPTH} levels")
        visits = self._effort.visits(widths)
        if visits > MAX_VISITS or self._effort.key_patterns * length > _MAX_KEY_SEARCH:
            raise SchemaEffortError("not judged: the schema branches too much for an answer of this size")
        return visits

    def _require_patience(self) -> None:
        if self._patience.left <= 0:
            raise SchemaEffortError("not judged: the patterns of the schema take too long")


class _Patience(threading.local):
    """Seconds that the patterns of one check may still take together, in this thread."""

    left = SEARCH_SECONDS


def _pattern_keyword(patience: _Patience) -> "type[jsonschema_rs.KeywordValidator]":
    class PatternKeyword:
        def __init__(self, parent_schema: dict[str, Any], value: Any, schema_path: list[str | int]) -> None:
            self._text, self._pattern = value, compile_pattern(value)

        def validate(self, instance: object) -> None:
            if isinstance(instance, str) and not self._found_in(instance):
                raise ValueError(f"value does not match {self._text!r:.100}")

        def _found_in(self, text: str) -> bool:
            if patience.left <= 0:
                return False
            started = perf_counter()
            try:
                return is_found(self._pattern, text, seconds=patience.left)
            except SearchGivenUpError:
                patience.left = 0
                return False
            finally:
                patience.left -= perf_counter() - started

    return PatternKeyword


def _explain(error: "jsonschema_rs.ValidationError") -> str:
    """`$.items[0].size: 3 is less than the minimum of 5`, where the library says `value` (its mask) for the 3."""
    path = "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.instance_path)
    message = error.message.removeprefix("Failed to instantiate keyword class 'pattern': ValueError: ")
    if message.startswith("value "):
        shown = json.dumps(error.instance, ensure_ascii=False, default=str)
        message = (shown if len(shown) <= 60 else f"{shown[:60]}…") + message.removeprefix("value")
    return f"{path:.100}: {message:.200}"


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"the number {text:.20} is too large")
    return number
