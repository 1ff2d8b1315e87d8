"""What can come instead of what was asked of Turso. Every message says what happened, and the way out.

TursoRefusedError           it understood and said no; `status` is the HTTP status
TursoUnavailableError       it does not answer, or has a fault of its own; later it may do
└── OutcomeUnknownError     the same to a call that changes something: it may be done or not
NoSuchDatabaseError         the organization has no database of that name
NameTakenError              the name is that of another database
GroupElsewhereError         a group is not in the location that was asked for
TursoInputError             a name, place or time that Turso would not take
TokenRefusedError           a database does not take a token
SecretNotKeptError          a secret could not be put where it should go
InvalidationNotConfirmedError  killing every token of a group was not confirmed in full
"""

from collections.abc import Sequence

from src.domain.shared.errors import (
    ConflictError,
    DomainError,
    NotFoundError,
    RuleViolationError,
    UnavailableError,
)


class TursoRefusedError(DomainError):
    code = "turso_refused"
    title = "Turso refused"

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class TursoUnavailableError(UnavailableError):
    code = "turso_unavailable"
    title = "Turso does not answer"


class OutcomeUnknownError(TursoUnavailableError):
    code = "turso_outcome_unknown"
    title = "Turso did not say whether it was done"


class TokenRefusedError(DomainError):
    code = "turso_token_refused"
    title = "The database does not take the token"


class SecretNotKeptError(DomainError):
    code = "secret_not_kept"
    title = "The secret could not be put where it should go"


class NoSuchDatabaseError(NotFoundError):
    code = "turso_no_such_database"
    title = "There is no such database at Turso"

    def __init__(self, name: str, organization: str) -> None:
        super().__init__(
            f"There is no database {name!r} in the organization {organization!r}. See: autoforge turso list"
        )


class NameTakenError(ConflictError):
    code = "turso_name_taken"
    title = "There is another database of that name"


class GroupElsewhereError(ConflictError):
    code = "turso_group_elsewhere"
    title = "The group is in another place"


class TursoInputError(RuleViolationError):
    """A name, place, time or option that Turso would not take. Refused before anything is sent."""

    code = "turso_input"
    title = "Turso would not take this"


class InvalidationNotConfirmedError(DomainError):
    """`group` is the name of the group, `databases` are all in it: their tokens die together."""

    code = "turso_invalidation_not_confirmed"
    title = "Every token of a group would die"

    def __init__(self, group: str, databases: Sequence[str]) -> None:
        super().__init__(
            f"Every token of these databases (group {group!r}) would stop working at once: {', '.join(databases)}."
        )
        self.group, self.databases = group, tuple(databases)
