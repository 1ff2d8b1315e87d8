"""One case as a file gives it, checked field by field and made into a TestCase."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from src.domain.evaluation.assertion import Assertion
from src.domain.evaluation.errors import BadAssertionError, SuiteFileError
from src.domain.evaluation.suite import TestCase
from src.domain.shared.errors import RuleViolationError
from src.domain.shared.placeholders import JsonValue, MissingVariablesError
from src.infrastructure.shared.input_files.located import Field

CASE_KEYS = ("name", "variables", "expected", "threshold", "assertions")
_ASSERTION_KEYS = ("type", "value", "threshold", "weight")

# Raises BadAssertionError for an assertion, its placeholders filled, that can never work.
AssertionCheck = Callable[[Assertion], None]


class CaseRecord(NamedTuple):
    """The fields of one case that are given; `prefix` and a key make the path of a field that is not."""

    file: str
    line: int
    prefix: str
    fields: Mapping[str, Field]

    @classmethod
    def of(cls, record: Field) -> "CaseRecord":
        prefix = f"{record.path}." if record.path else ""
        return cls(record.file, record.line, prefix, record.mapping(CASE_KEYS))

    def place(self, key: str) -> Field:
        return self.fields.get(key) or Field(None, self.file, self.line, f"{self.prefix}{key}")


@dataclass(frozen=True, slots=True)
class Defaults:
    """What every case begins with. The `varying` assertions use a case's variables, so each case checks them anew."""

    variables: Mapping[str, JsonValue] = field(default_factory=dict)
    assertions: tuple[Assertion, ...] = ()
    varying: tuple[tuple[Assertion, str], ...] = ()


def read_defaults(place: Field, check: AssertionCheck | None) -> Defaults:
    fields = place.mapping(("variables", "assertions"))
    variables = fields["variables"].free_mapping() if "variables" in fields else {}
    written = fields["assertions"].items() if "assertions" in fields else []
    assertions, varying = [], []
    for item in written:
        assertion = _assertion(item)
        assertions.append(assertion)
        try:
            filled = assertion.filled({})
        except MissingVariablesError:
            varying.append((assertion, item.path))
        else:
            _apply(check, filled, item)
    return Defaults(variables, tuple(assertions), tuple(varying))


class CaseBuilder:
    """Turns the records of one walk over a suite into cases; remembers their names, which must differ."""

    def __init__(self, defaults: Defaults, check: AssertionCheck | None) -> None:
        self.count = 0
        self._defaults = defaults
        self._check = check
        self._lines_of_names: dict[str, int] = {}

    def build(self, record: CaseRecord) -> TestCase:
        """Raises SuiteFileError naming the field that is wrong."""
        self.count += 1
        fields = record.fields
        name = self._name(record)
        variables = fields["variables"].free_mapping() if "variables" in fields else {}
        threshold = fields["threshold"].number() if "threshold" in fields else None
        expected = fields["expected"].text() if "expected" in fields else None
        own = self._own_assertions(fields)
        try:
            case = TestCase(
                name=name,
                variables={**self._defaults.variables, **variables},
                assertions=(*self._defaults.assertions, *(assertion for assertion, _ in own)),
                expected=expected,
                threshold=threshold,
                origin=f"{record.file}, line {record.line}",
            )
        except RuleViolationError as exc:
            key, _, reason = str(exc).partition(": ")
            raise record.place(key).error(reason) from exc
        self._try_assertions(case, own, record)
        return case

    def _name(self, record: CaseRecord) -> str:
        given = "name" in record.fields
        name = record.fields["name"].text() if given else f"case-{self.count:04d}"
        if name in self._lines_of_names:
            kind = "the name" if given else "the case has no name, and"
            first = self._lines_of_names[name]
            raise record.place("name").error(f"{kind} {name!r:.60} is taken by the case on line {first}.")
        self._lines_of_names[name] = record.line
        return name

    def _own_assertions(self, fields: Mapping[str, Field]) -> list[tuple[Assertion, Field]]:
        written = fields["assertions"].items() if "assertions" in fields else []
        if not written and not self._defaults.assertions and "expected" in fields:
            return [(_EQUALS_EXPECTED, fields["expected"])]
        return [(_assertion(item), item) for item in written]

    def _try_assertions(self, case: TestCase, own: list[tuple[Assertion, Field]], record: CaseRecord) -> None:
        scope = case.scope
        for assertion, place in own:
            _try(assertion, place, scope, self._check)
        for assertion, path in self._defaults.varying:
            place = Field(None, record.file, record.line, path)
            try:
                _try(assertion, place, scope, self._check)
            except SuiteFileError as exc:
                reason = f"{exc.reason} (in case {case.name!r:.60})"
                raise SuiteFileError(reason, file=exc.file, line=exc.line, field=exc.field) from exc


def _assertion(place: Field) -> Assertion:
    fields = place.mapping(_ASSERTION_KEYS)
    if "type" not in fields:
        raise place.child("type").error("is missing; it names the assertion, such as equals or contains.")
    try:
        return Assertion.build(
            fields["type"].text(),
            value=fields["value"].plain() if "value" in fields else None,
            threshold=fields["threshold"].number() if "threshold" in fields else None,
            weight=fields["weight"].number() if "weight" in fields else 1.0,
        )
    except BadAssertionError as exc:
        raise _placed(exc, place) from exc


def _try(
    assertion: Assertion, place: Field, scope: Mapping[str, JsonValue], check: AssertionCheck | None
) -> None:
    value = assertion.value
    try:
        # Most have nothing to fill, and building an equal assertion anew is a third of the time a case takes.
        filled = assertion if isinstance(value, str) and "{{" not in value else assertion.filled(scope)
    except MissingVariablesError as exc:
        raise place.child("value").error(str(exc)) from exc
    except BadAssertionError as exc:
        raise _placed(exc, place) from exc
    _apply(check, filled, place)


def _apply(check: AssertionCheck | None, filled: Assertion, place: Field) -> None:
    if check is None:
        return
    try:
        check(filled)
    except BadAssertionError as exc:
        raise _placed(exc, place) from exc


def _placed(exc: BadAssertionError, place: Field) -> SuiteFileError:
    key, found, reason = str(exc).partition(": ")
    if found and key in _ASSERTION_KEYS:
        return place.child(key).error(reason)
    return place.error(str(exc))


_EQUALS_EXPECTED = Assertion.build("equals", value="{{expected}}")
