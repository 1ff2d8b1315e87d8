from src.domain.shared.errors import ConflictError, NotFoundError, RuleViolationError


class SuiteNotFoundError(NotFoundError):
    code = "suite_not_found"
    title = "Test suite not found"

    def __init__(self, key: str) -> None:
        super().__init__(f"There is no test suite {key!r} in this workspace.")


class EvaluationNotFoundError(NotFoundError):
    code = "evaluation_not_found"
    title = "Evaluation not found"

    def __init__(self, key: str) -> None:
        super().__init__(f"There is no evaluation {key!r} in this workspace.")


class EvaluationStateError(ConflictError):
    code = "evaluation_state"
    title = "The evaluation's state forbids it"


class LeaseLostError(ConflictError):
    """The run was cancelled or taken over: whoever sees this must stop writing."""

    code = "lease_lost"
    title = "The run belongs to somebody else"


class BadAssertionError(RuleViolationError):
    code = "bad_assertion"
    title = "An assertion cannot work"


class SuiteFileError(RuleViolationError):
    """A suite file that cannot be loaded: says in which file, line and field, and what is wrong there."""

    code = "suite_file"
    title = "The suite file cannot be loaded"

    def __init__(self, message: str, *, file: str, line: int | None = None, field: str | None = None) -> None:
        self.file, self.line, self.field, self.reason = file, line, field, message
        where = file if line is None else f"{file}, line {line}"
        super().__init__(f"{where}: {field}: {message}" if field else f"{where}: {message}")
