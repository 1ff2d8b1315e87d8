"""The TestSuite aggregate: cases with assertions. A suite never changes; changed cases are a new version of it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from src.domain.evaluation.assertion import Assertion
from src.domain.shared.errors import RuleViolationError
from src.domain.shared.ids import Principal, SuiteId, UserId, WorkspaceId, new_id
from src.domain.shared.placeholders import JsonValue

MAX_NAME_LENGTH = 255
_CANONICAL = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class TestCase:
    """An input and what is checked of the answer to it.

    `variables` fill the prompt's placeholders; `expected` is the wished-for answer and may be used as `{{expected}}` in
    assertions. `origin` tells where the case was read ("suite.yaml, line 12") and is no part of it.
    """

    __test__ = False  # pytest: not a test class

    name: str
    variables: Mapping[str, JsonValue]
    assertions: tuple[Assertion, ...]
    expected: str | None = None
    threshold: float | None = None
    origin: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if not self.name.strip() or len(self.name) > MAX_NAME_LENGTH:
            raise RuleViolationError(
                f"name: a case name has 1 to {MAX_NAME_LENGTH} characters, not {len(self.name)}."
            )
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise RuleViolationError(f"threshold: {self.threshold!r} is not between 0 and 1.")
        if not self.assertions:
            raise RuleViolationError(
                "assertions: the case checks nothing; give it an assertion or an `expected` text."
            )

    @property
    def scope(self) -> dict[str, JsonValue]:
        """What an assertion's placeholders may use: the variables and, unless one has that name, `expected`."""
        return (
            {"expected": self.expected, **self.variables}
            if self.expected is not None
            else dict(self.variables)
        )

    def to_mapping(self) -> dict[str, JsonValue]:
        return {
            "name": self.name,
            "variables": dict(self.variables),
            "expected": self.expected,
            "threshold": self.threshold,
            "assertions": [assertion.to_mapping() for assertion in self.assertions],
        }


@dataclass(eq=False, slots=True, kw_only=True)
class TestSuite:
    """Head of one version of a suite. `threshold` is the least pass rate of a run that meets it."""

    __test__ = False

    id: SuiteId
    workspace_id: WorkspaceId
    user_id: UserId
    name: str
    version: int
    description: str | None
    threshold: float
    case_count: int
    content_hash: str
    created_at: datetime
    updated_at: datetime
    superseded_at: datetime | None = None
    row_version: int = 0

    @classmethod
    def create(
        cls,
        *,
        name: str,
        version: int,
        description: str | None,
        threshold: float,
        case_count: int,
        content_hash: str,
        by: Principal,
        now: datetime,
    ) -> "TestSuite":
        require_suite_header(name, threshold)
        if case_count < 1:
            raise RuleViolationError(f"Suite {name!r} has no cases.")
        return cls(
            id=SuiteId(new_id()),
            workspace_id=by.workspace_id,
            user_id=by.user_id,
            name=name,
            version=version,
            description=description,
            threshold=threshold,
            case_count=case_count,
            content_hash=content_hash,
            created_at=now,
            updated_at=now,
        )

    def supersede(self, *, now: datetime) -> None:
        """A newer version of the suite took its place; its evaluations still refer to it."""
        self.superseded_at = self.updated_at = now


def require_suite_header(name: str, threshold: float) -> None:
    if not name.strip() or len(name) > MAX_NAME_LENGTH:
        raise RuleViolationError(
            f"name: a suite name has 1 to {MAX_NAME_LENGTH} characters, not {len(name)}."
        )
    if not 0 <= threshold <= 1:
        raise RuleViolationError(f"threshold: {threshold!r} is no pass rate between 0 and 1.")


class SuiteHash:
    """SHA-256 over the threshold and the cases in order, fed one at a time so that a huge suite needs no memory."""

    def __init__(self, threshold: float) -> None:
        self._digest = hashlib.sha256(json.dumps({"threshold": threshold}).encode())
        self.fed_bytes = 0

    def add(self, case: TestCase) -> None:
        canonical = _CANONICAL.encode(case.to_mapping()).encode()
        self._digest.update(b"\n" + canonical)
        self.fed_bytes += len(canonical)

    def hexdigest(self) -> str:
        return self._digest.hexdigest()
