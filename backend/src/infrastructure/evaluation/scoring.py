"""Assertions judged with libraries. What each means is promptfoo's reading of it; all are exact, none asks a model."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from src.application.evaluation.ports import Answer
from src.domain.evaluation.assertion import DEFAULT_LEVENSHTEIN_THRESHOLD, Assertion, AssertionType
from src.domain.evaluation.errors import BadAssertionError
from src.domain.evaluation.score import AssertionResult
from src.domain.shared.placeholders import JsonValue, as_text
from src.infrastructure.evaluation.json_schema import (
    SchemaCache,
    SchemaEffortError,
    SchemaMismatchError,
    parse_json,
)
from src.infrastructure.evaluation.patterns import SearchGivenUpError, compile_pattern, is_found

# Cells of the distance matrix; 64 of them take about 3.5 ns, all of them half a second.
_MAX_EDIT_CELLS = 10_000_000_000
_SHOWN = 60


class _Finding(NamedTuple):
    """`holds`: what the assertion claims, before its `not-`; None: nobody can tell, which fails either way.

    `claim` names what is claimed and `detail` what was found instead.
    """

    holds: bool | None
    claim: str = ""
    detail: str = ""


_Judge = Callable[[Assertion, Answer], _Finding]


class _Verb(NamedTuple):
    """How a finding is put into words."""

    does: str
    does_not: str


_CONTAINS = _Verb("contains", "does not contain")
_IS = _Verb("is", "is not")
_STAYS = _Verb("stays", "does not stay")


class LibraryScorer:
    """A Scorer. It may be shared by threads; compiled patterns and schemas are kept."""

    def __init__(self) -> None:
        self._patterns = lru_cache(maxsize=512)(compile_pattern)
        self._schemas = SchemaCache()
        self._kinds: Mapping[AssertionType, tuple[_Judge, _Verb]] = {
            AssertionType.EQUALS: (_equals, _Verb("equals", "does not equal")),
            AssertionType.CONTAINS: (_contains, _CONTAINS),
            AssertionType.ICONTAINS: (_icontains, _CONTAINS),
            AssertionType.CONTAINS_ANY: (_contains_any, _CONTAINS),
            AssertionType.CONTAINS_ALL: (_contains_all, _CONTAINS),
            AssertionType.STARTS_WITH: (_starts_with, _Verb("starts with", "does not start with")),
            AssertionType.REGEX: (self._matches, _Verb("matches", "does not match")),
            AssertionType.IS_JSON: (self._is_json, _IS),
            AssertionType.LEVENSHTEIN: (_is_near, _IS),
            AssertionType.LATENCY: (_is_fast, _STAYS),
            AssertionType.COST: (_is_cheap, _STAYS),
        }

    def check(self, assertion: Assertion) -> None:
        """`assertion` has its placeholders filled: `{{name}}` is no regular expression."""
        if assertion.type is AssertionType.REGEX:
            try:
                self._patterns(_text(assertion))
            except ValueError as exc:
                raise BadAssertionError(f"value: not a regular expression: {exc}.") from None
        elif assertion.type is AssertionType.IS_JSON and isinstance(assertion.value, dict | bool):
            self._schemas.get(assertion.value)

    def score(self, assertion: Assertion, answer: Answer) -> AssertionResult:
        judge, verb = self._kinds[assertion.type]
        finding = judge(assertion, answer)
        passed = finding.holds is not None and finding.holds is not assertion.negated
        return AssertionResult(
            type=assertion.written_type,
            passed=passed,
            score=1.0 if passed else 0.0,
            reason=_reason(finding, verb),
            weight=assertion.weight,
        )

    def _matches(self, assertion: Assertion, answer: Answer) -> _Finding:
        text = _text(assertion)
        claim = f"/{_cut(text)}/"
        try:
            found = is_found(self._patterns(text), answer.text)
        except ValueError as exc:
            return _Finding(None, detail=f"not a regular expression: {exc}")
        except SearchGivenUpError as exc:
            return _Finding(None, detail=f"not judged: {claim} {exc}")
        return _Finding(found, claim, "" if found else f"got {_quoted(answer.text)}")

    def _is_json(self, assertion: Assertion, answer: Answer) -> _Finding:
        schema = assertion.value
        claim = "JSON that fits the schema" if isinstance(schema, dict | bool) else "JSON"
        try:
            value = parse_json(answer.text)
            if isinstance(schema, dict | bool):
                self._schemas.get(schema).check(value, length=len(answer.text))
        except SchemaMismatchError as exc:
            return _Finding(False, claim, str(exc))
        except ValueError as exc:
            return _Finding(False, "JSON", str(exc))
        except (BadAssertionError, SchemaEffortError) as exc:
            return _Finding(None, detail=str(exc).removeprefix("value: "))
        return _Finding(True, claim)


def _equals(assertion: Assertion, answer: Answer) -> _Finding:
    value = assertion.value
    if isinstance(value, dict | list):
        return _equals_json(value, answer.text)
    text = as_text(value)
    holds = answer.text == text
    return _Finding(holds, _quoted(text), "" if holds else f"got {_quoted(answer.text)}")


def _equals_json(value: JsonValue, text: str) -> _Finding:
    claim = f"the JSON {_cut(as_text(value))}"
    try:
        holds = _same(value, parse_json(text))
    except ValueError as exc:
        return _Finding(False, claim, str(exc))
    return _Finding(holds, claim, "" if holds else f"got {_cut(text)}")


def _same(left: JsonValue, right: JsonValue) -> bool:
    """Equal as JSON: 1 is 1.0 and the order of keys is nothing, but true is not 1, as it is to Python."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(item, right[key]) for key, item in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    return isinstance(left, bool) is isinstance(right, bool) and left == right


def _contains(assertion: Assertion, answer: Answer) -> _Finding:
    text = _text(assertion)
    return _Finding(text in answer.text, _quoted(text))


def _icontains(assertion: Assertion, answer: Answer) -> _Finding:
    text = _text(assertion)
    return _Finding(text.casefold() in answer.text.casefold(), f"{_quoted(text)} in upper or lower case")


def _contains_any(assertion: Assertion, answer: Answer) -> _Finding:
    texts = _texts(assertion)
    found = next((text for text in texts if text in answer.text), None)
    return _Finding(found is not None, f"any of {_listed(texts)}", f"found {_quoted(found)}" if found else "")


def _contains_all(assertion: Assertion, answer: Answer) -> _Finding:
    texts = _texts(assertion)
    missing = [text for text in texts if text not in answer.text]
    return _Finding(not missing, f"all of {_listed(texts)}", f"missing {_listed(missing)}" if missing else "")


def _starts_with(assertion: Assertion, answer: Answer) -> _Finding:
    text = _text(assertion)
    holds = answer.text.startswith(text)
    return _Finding(holds, _quoted(text), "" if holds else f"got {_quoted(answer.text)}")


def _is_near(assertion: Assertion, answer: Answer) -> _Finding:
    from rapidfuzz.distance import Levenshtein

    text, threshold = _text(assertion), assertion.threshold
    threshold = DEFAULT_LEVENSHTEIN_THRESHOLD if threshold is None else threshold
    claim = f"within {threshold:g} edits of {_quoted(text)}"
    shorter, longer = sorted((len(text), len(answer.text)))
    limit = int(min(threshold, longer))  # no distance is greater than the longer text
    if longer - shorter <= limit and longer * min(shorter, 2 * limit + 1) > _MAX_EDIT_CELLS:
        return _Finding(
            None, detail=f"not judged: too long to count edits: {shorter:,} and {longer:,} characters"
        )
    distance = Levenshtein.distance(text, answer.text, score_cutoff=limit)
    return _Finding(distance <= limit, claim, f"{distance if distance <= limit else f'over {limit}'} needed")


def _is_fast(assertion: Assertion, answer: Answer) -> _Finding:
    limit, taken = assertion.threshold or 0.0, answer.latency_ms
    return _Finding(taken <= limit, f"within {limit:,g} ms", f"took {taken:,.1f} ms")


def _is_cheap(assertion: Assertion, answer: Answer) -> _Finding:
    limit, cost = assertion.threshold or 0.0, answer.cost_usd
    if cost is None:
        return _Finding(None, detail="cost unknown: the model has no known price, or told no token counts")
    return _Finding(cost <= limit, f"within ${limit:.6g}", f"cost ${cost:.6g}")


def _reason(finding: _Finding, verb: _Verb) -> str:
    """What is the case, whether it was wished for or not."""
    if finding.holds is None:
        return finding.detail
    sentence = f"{verb.does if finding.holds else verb.does_not} {finding.claim}"
    return f"{sentence}; {finding.detail}" if finding.detail else sentence


def _text(assertion: Assertion) -> str:
    return as_text(assertion.value)


def _texts(assertion: Assertion) -> Sequence[str]:
    return [as_text(item) for item in assertion.value] if isinstance(assertion.value, list) else []


def _quoted(text: str) -> str:
    return repr(text) if len(text) <= _SHOWN else f"{text[:_SHOWN]!r}…"


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _listed(texts: Sequence[str]) -> str:
    shown = ", ".join(_quoted(text) for text in texts[:3])
    return shown if len(texts) <= 3 else f"{shown} and {len(texts) - 3} more"
