"""What a use case cannot help: the database behind its ports does not do what it is asked."""

from src.domain.shared.errors import DomainError, UnavailableError

RETRY_SECONDS = 1


class DatabaseUnavailableError(UnavailableError):
    """Nothing was changed; the same may succeed a little later. `retry_after` is in whole seconds."""

    code = "database_unavailable"
    title = "The database does not answer"

    def __init__(self, reason: str, *, retry_after: float | None = None) -> None:
        super().__init__(
            f"The database cannot be asked now ({reason}). Nothing was changed; repeat it in a moment."
        )
        self.retry_after = RETRY_SECONDS if retry_after is None else max(RETRY_SECONDS, round(retry_after))


class DatabaseRefusedTokenError(DomainError):
    code = "database_token_refused"
    title = "The database refuses our token"

    def __init__(self, status: int) -> None:
        super().__init__(
            f"The database refuses the server's token (HTTP {status}). Nothing was changed. "
            "Whoever runs the server must renew TURSO_AUTH_TOKEN: autoforge turso token rotate"
        )


class OutcomeUnknownError(DomainError):
    """It was being committed when the connection broke: it is done wholly, or not at all."""

    code = "commit_outcome_unknown"
    title = "It is not known whether this was done"

    def __init__(self) -> None:
        super().__init__(
            "The database was told to commit and its answer never came: the change is stored wholly, or not at all. "
            "Look before you repeat it, or it may be done twice."
        )
