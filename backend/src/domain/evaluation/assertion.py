"""Assertions as they are written in a suite: their shape, not how they are computed."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from src.domain.evaluation.errors import BadAssertionError
from src.domain.shared.placeholders import JsonValue, fill_deep

MAX_WEIGHT = 1_000_000.0
DEFAULT_LEVENSHTEIN_THRESHOLD = 5.0
_NOT = "not-"


class AssertionType(StrEnum):
    EQUALS = "equals"
    CONTAINS = "contains"
    ICONTAINS = "icontains"
    CONTAINS_ANY = "contains-any"
    CONTAINS_ALL = "contains-all"
    STARTS_WITH = "starts-with"
    REGEX = "regex"
    IS_JSON = "is-json"
    LEVENSHTEIN = "levenshtein"
    LATENCY = "latency"
    COST = "cost"


_TEXT_VALUE = {
    AssertionType.CONTAINS,
    AssertionType.ICONTAINS,
    AssertionType.STARTS_WITH,
    AssertionType.REGEX,
    AssertionType.LEVENSHTEIN,
}
_LIST_VALUE = {AssertionType.CONTAINS_ANY, AssertionType.CONTAINS_ALL}
_LIMITS = {AssertionType.LATENCY: "milliseconds", AssertionType.COST: "US dollars"}


@dataclass(frozen=True, slots=True)
class Assertion:
    """One check of an answer.

    `value` is what the answer is compared with; `threshold` is a distance (levenshtein), milliseconds (latency) or
    US dollars (cost); `weight` is its share of the case's score, 0 = shown but not counted.
    """

    type: AssertionType
    negated: bool = False
    value: JsonValue = None
    threshold: float | None = None
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= MAX_WEIGHT:
            raise BadAssertionError(f"weight: {self.weight!r} is not between 0 and {MAX_WEIGHT:,.0f}.")
        if self.threshold is not None and not 0 <= self.threshold < float("inf"):
            raise BadAssertionError(f"threshold: {self.threshold!r} is not a number of at least 0.")
        self._check_threshold()
        self._check_value()

    @classmethod
    def build(
        cls, type: str, *, value: JsonValue = None, threshold: float | None = None, weight: float = 1.0
    ) -> "Assertion":
        """From the written form, where `type` may begin with `not-`. Raises BadAssertionError naming the field."""
        negated = type.startswith(_NOT)
        bare = type[len(_NOT) :] if negated else type
        try:
            known = AssertionType(bare)
        except ValueError:
            raise BadAssertionError(f"type: {_unknown_type(type, bare)}") from None
        return cls(known, negated, value, threshold, weight)

    @property
    def written_type(self) -> str:
        return f"{_NOT if self.negated else ''}{self.type.value}"

    def to_mapping(self) -> dict[str, JsonValue]:
        """The written form, without what is at its default."""
        mapping: dict[str, JsonValue] = {"type": self.written_type}
        if self.value is not None:
            mapping["value"] = self.value
        if self.threshold is not None:
            mapping["threshold"] = self.threshold
        if self.weight != 1.0:
            mapping["weight"] = self.weight
        return mapping

    def filled(self, values: Mapping[str, JsonValue]) -> "Assertion":
        """With the placeholders in its value replaced. Raises MissingVariablesError."""
        value = fill_deep(self.value, values)
        if value == self.value:
            return self
        return Assertion(self.type, self.negated, value, self.threshold, self.weight)

    def _check_threshold(self) -> None:
        if self.type in _LIMITS and self.threshold is None:
            raise BadAssertionError(f"threshold: {self.written_type} needs one, in {_LIMITS[self.type]}.")
        if self.threshold is not None and self.type not in {*_LIMITS, AssertionType.LEVENSHTEIN}:
            raise BadAssertionError(
                f"threshold: {self.written_type} has none (a case's own threshold stands beside its assertions)."
            )

    def _check_value(self) -> None:
        if self.type in _LIMITS:
            if self.value is not None:
                raise BadAssertionError(f"value: {self.written_type} has none; its limit is `threshold`.")
        elif self.type is AssertionType.IS_JSON:
            if not isinstance(self.value, dict | bool | None):
                raise BadAssertionError("value: is-json takes a JSON Schema (a mapping) or nothing.")
        elif self.type in _LIST_VALUE:
            items = self.value
            if not isinstance(items, list) or not items or not all(isinstance(i, str) and i for i in items):
                raise BadAssertionError(
                    f"value: {self.written_type} takes a list of texts, at least one, none empty."
                )
        elif self.type in _TEXT_VALUE:
            if not isinstance(self.value, str) or not (self.value or self.type is AssertionType.LEVENSHTEIN):
                raise BadAssertionError(f"value: {self.written_type} takes a text, not {self.value!r:.60}.")
        elif self.value is None:
            raise BadAssertionError(f"value: {self.written_type} needs one.")


def _unknown_type(written: str, bare: str) -> str:
    known = [kind.value for kind in AssertionType]
    near = difflib.get_close_matches(bare, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}."
    return f"unknown assertion {written!r:.60}; {hint}"
