"""What can come instead of what was asked of GitHub. Every message says what happened, and the way out.

GithubRefusedError      it understood and said no; `status` is the HTTP status, `said` its own words
GithubUnavailableError  it does not answer, counts too many requests, or has a fault of its own; later it may do
SecretsInputError       an option or value that would not do. Refused before anything is sent
"""

from src.domain.shared.errors import DomainError, RuleViolationError, UnavailableError


class GithubRefusedError(DomainError):
    code = "github_refused"
    title = "GitHub refused"

    def __init__(self, message: str, *, status: int, said: str) -> None:
        super().__init__(message)
        self.status, self.said = status, said


class GithubUnavailableError(UnavailableError):
    code = "github_unavailable"
    title = "GitHub does not answer"


class SecretsInputError(RuleViolationError):
    code = "secrets_input"
    title = "The values cannot be sent"
