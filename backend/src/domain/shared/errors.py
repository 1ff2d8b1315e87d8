"""The errors that rules raise. Each has a stable `code`, which becomes part of the problem type on the wire.

DomainError
├── NotFoundError            what was asked for is not in the workspace
├── ConflictError            the state of a row forbids it
│   ├── StaleVersionError    the caller's copy of the row is old
│   └── ConcurrentUpdateError  somebody else changed the row in between
├── RuleViolationError       a value breaks a rule
└── UnavailableError         an outside service does not answer as it should; later it may
"""

from typing import ClassVar


class DomainError(Exception):
    """Something that a user can understand and act on. The message names the offending value."""

    code: ClassVar[str] = "domain_error"
    title: ClassVar[str] = "The request cannot be done"


class NotFoundError(DomainError):
    code = "not_found"
    title = "Not found"


class ConflictError(DomainError):
    code = "conflict"
    title = "Conflict"


class RuleViolationError(DomainError):
    code = "rule_violation"
    title = "A rule is broken"


class UnavailableError(DomainError):
    code = "unavailable"
    title = "An outside service does not answer"


class StaleVersionError(ConflictError):
    code = "stale_version"
    title = "The row has changed since you read it"

    def __init__(self, expected: int, actual: int) -> None:
        super().__init__(
            f"You sent If-Match for row version {expected}, the row is at {actual}. "
            "Read it again and repeat the change."
        )


class ConcurrentUpdateError(ConflictError):
    code = "concurrent_update"
    title = "Changed by somebody else at the same time"

    def __init__(self) -> None:
        super().__init__(
            "Somebody else changed this row at the same time. Read it again and repeat the change."
        )


def require_row_version(actual: int, expected: int | None) -> None:
    """Raises StaleVersionError unless `expected` is None (no precondition) or equals `actual`."""
    if expected is not None and expected != actual:
        raise StaleVersionError(expected, actual)
