"""A test suite as it comes in a JSON body, made into cases of the domain."""

from collections.abc import Iterator

from src.application.evaluation.ports import Scorer
from src.domain.evaluation.assertion import Assertion
from src.domain.evaluation.suite import TestCase
from src.domain.shared.errors import RuleViolationError
from src.presentation.api.problems import FieldError, fields_refused
from src.presentation.api.v1.suite_schemas import AssertionIn, CaseIn, SuiteCreate

MAX_ERRORS = 20
_EQUALS_EXPECTED = AssertionIn(type="equals", value="{{expected}}")


class JsonSuite:
    """A SuiteSource whose cases are all checked, so that one answer names everything that is wrong (up to 20 places).

    Raises RequestValidationError.
    """

    def __init__(self, body: SuiteCreate, scorer: Scorer) -> None:
        self.name, self.description, self.threshold = body.name, body.description, body.threshold
        self._scorer = scorer
        self._errors: list[FieldError] = []
        self._names: dict[str, int] = {}
        self._cases = [self._case(index, case) for index, case in enumerate(body.cases)]
        if self._errors:
            raise fields_refused(self._errors[:MAX_ERRORS])

    def cases(self) -> Iterator[TestCase]:
        return (case for case in self._cases if case is not None)

    def _case(self, index: int, case: CaseIn) -> TestCase | None:
        place: tuple[str | int, ...] = ("body", "cases", index)
        name = f"case-{index + 1:04d}" if case.name is None else case.name
        if (first := self._names.setdefault(name, index)) != index:
            self._refuse((*place, "name"), "taken", f"Case {first} has the name {name!r:.60} already")
        written = case.assertions or ([] if case.expected is None else [_EQUALS_EXPECTED])
        assertions = [self._assertion((*place, "assertions", i), entry) for i, entry in enumerate(written)]
        try:
            built = TestCase(
                name=name,
                variables=case.variables,
                assertions=tuple(assertion for assertion in assertions if assertion is not None),
                expected=case.expected,
                threshold=case.threshold,
                origin=f"cases[{index}]",
            )
        except RuleViolationError as exc:
            if None not in assertions:  # else the case is wrong because an assertion is
                self._refuse_field(place, exc)
            return None
        for i, assertion in enumerate(assertions):
            if assertion is not None:
                self._try((*place, "assertions", i), assertion, built)
        return built

    def _assertion(self, place: tuple[str | int, ...], entry: AssertionIn) -> Assertion | None:
        try:
            return Assertion.build(
                entry.type, value=entry.value, threshold=entry.threshold, weight=entry.weight
            )
        except RuleViolationError as exc:
            self._refuse_field(place, exc)
            return None

    def _try(self, place: tuple[str | int, ...], assertion: Assertion, case: TestCase) -> None:
        try:
            self._scorer.check(assertion.filled(case.scope))
        except RuleViolationError as exc:
            self._refuse_field(place, exc)

    def _refuse_field(self, place: tuple[str | int, ...], exc: RuleViolationError) -> None:
        """Rules say "field: what is wrong" where it is one field that breaks them."""
        field, found, reason = str(exc).partition(": ")
        if found and field.isidentifier():
            self._refuse((*place, field), exc.code, reason)
        else:
            self._refuse(place, exc.code, str(exc))

    def _refuse(self, place: tuple[str | int, ...], type: str, msg: str) -> None:
        self._errors.append(FieldError(loc=list(place), type=type, msg=msg))
