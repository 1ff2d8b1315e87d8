"""Status codes of the Platform API as sentences: what happened, what Turso says of it, and the way out."""

from src.operations.http import TOO_MANY, Answer, HttpService, NoAnswerError
from src.operations.turso.errors import OutcomeUnknownError, TursoRefusedError, TursoUnavailableError

_MEANINGS = {
    400: (
        "Turso cannot use the request",
        "Check names, group and location: autoforge turso list, autoforge turso locations.",
    ),
    401: (
        "Turso does not accept TURSO_API_TOKEN",
        "Make a new one (turso auth api-tokens mint NAME, or the dashboard) and set TURSO_API_TOKEN.",
    ),
    402: (
        "the plan of the organization does not include it",
        "Look at the subscription in Turso's dashboard; a plan with one group works with --group default.",
    ),
    403: (
        "TURSO_API_TOKEN has no right to do it",
        "Check the organization (autoforge turso whoami, TURSO_ORGANIZATION), or take a token of somebody who may.",
    ),
    404: (
        "Turso knows no such thing in this organization",
        "See what is there (autoforge turso list), and whose token it is (autoforge turso whoami).",
    ),
    409: ("Turso has one already", "See what is there (autoforge turso list), or choose another name."),
    422: ("the name is not available", "Choose another name."),
    TOO_MANY: ("Turso counts too many requests", "Wait a minute and repeat."),
}
_PASSES = "That should pass: repeat in a few minutes."
UNKNOWN = "Whether it was done is not known; repeat it, and what is done already is found."


def no_answer(what: str, exc: NoAnswerError, *, changes: bool) -> TursoUnavailableError:
    """`changes`: the request was to change something."""
    way_out = (
        "Check the network and TURSO_API_BASEURL, and repeat; TURSO_API_TIMEOUT_SECONDS gives it longer."
    )
    if changes and exc.was_sent:
        return OutcomeUnknownError(f"Cannot {what}: {exc}. {UNKNOWN} {way_out}")
    return TursoUnavailableError(f"Cannot {what}: {exc}. {way_out}")


def refusal(
    what: str, answer: Answer, service: HttpService, *, changes: bool
) -> TursoRefusedError | TursoUnavailableError:
    """What an answer that is no success means."""
    said = f"HTTP {answer.status}: {service.said(answer)}"
    if answer.status >= 500:
        message = f"Cannot {what}: Turso has a fault of its own ({said})."
        if changes:
            return OutcomeUnknownError(f"{message} {UNKNOWN} {_PASSES}")
        return TursoUnavailableError(f"{message} {_PASSES}")
    # "not found" in words that are not Turso's comes from something else that listens at that address
    if answer.status < 400 or (answer.status == 404 and not _is_turso(answer)):
        return garbage(what, service, said, changes=changes)
    meaning, way_out = _MEANINGS.get(answer.status, ("Turso refuses it", "Check the request and repeat."))
    message = f"Cannot {what}: {meaning} ({said}). {way_out}"
    if answer.status == TOO_MANY:
        return TursoUnavailableError(message)
    return TursoRefusedError(message, status=answer.status)


def _is_turso(answer: Answer) -> bool:
    try:
        found = answer.json
    except ValueError:
        return False
    return isinstance(found, dict) and "error" in found


def garbage(what: str, service: HttpService, said: str, *, changes: bool) -> TursoUnavailableError:
    """A success that cannot be read; `said` is its beginning, already cleaned."""
    message = f"Cannot {what}: {service.place} answered something that is not Turso's Platform API ({said})."
    way_out = "Check TURSO_API_BASEURL, and repeat in a few minutes."
    if changes:
        return OutcomeUnknownError(f"{message} {UNKNOWN} {way_out}")
    return TursoUnavailableError(f"{message} {way_out}")
