from src.domain.shared.errors import RuleViolationError


class InputError(RuleViolationError):
    """An option, argument or input file that cannot be used. The message begins with its name."""

    code = "input"
    title = "The input cannot be used"
