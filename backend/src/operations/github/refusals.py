"""Status codes of the GitHub API as sentences: what happened, what GitHub says of it, and the way out."""

from datetime import UTC, datetime

from src.operations.github.errors import GithubRefusedError, GithubUnavailableError
from src.operations.http import TOO_MANY, Answer, HttpService, NoAnswerError

_RIGHTS = (
    "A fine-grained token needs the repository permissions Environments and Administration (write), Actions and "
    "Secrets (read), a classic one the scope repo, and its owner must administer the repository."
)
_MEANINGS = {
    401: (
        "GitHub does not accept GITHUB_TOKEN",
        "Make a new one (Settings, Developer settings) and set GITHUB_TOKEN.",
    ),
    403: ("GITHUB_TOKEN has no right to do it", _RIGHTS),
    404: ("GitHub shows no such thing to this token", f"Check GITHUB_REPOSITORY. {_RIGHTS}"),
    422: ("GitHub cannot do it as asked", "Check what it says and repeat."),
}
_UNKNOWN = "Whether it was done is not known; repeat it, and what is done already is found."


def no_answer(what: str, exc: NoAnswerError, *, changes: bool) -> GithubUnavailableError:
    """`changes`: the request was to change something."""
    unknown = f"{_UNKNOWN} " if changes and exc.was_sent else ""
    return GithubUnavailableError(
        f"Cannot {what}: {exc}. {unknown}Check the network and GITHUB_API_URL, and repeat."
    )


def refusal(
    what: str, answer: Answer, service: HttpService, *, changes: bool
) -> GithubRefusedError | GithubUnavailableError:
    """What an answer that is no success means."""
    reason = service.said(answer)
    said = f"HTTP {answer.status}: {reason}"
    if _counts_too_many(answer):
        return GithubUnavailableError(
            f"Cannot {what}: GitHub counts too many requests ({said}). {_patience(answer)}"
        )
    if answer.status >= 500:
        unknown = f"{_UNKNOWN} " if changes else ""
        return GithubUnavailableError(
            f"Cannot {what}: GitHub has a fault of its own ({said}). {unknown}"
            "That should pass: repeat in a few minutes."
        )
    if 300 <= answer.status < 400:
        return GithubRefusedError(
            f"Cannot {what}: the repository has moved, and the token is not sent after it. "
            "Set GITHUB_REPOSITORY to its new name.",
            status=answer.status,
            said=reason,
        )
    # "not found" in words that are not GitHub's comes from something else that listens at that address
    if answer.status == 404 and not _is_github(answer):
        return garbage(what, service, said)
    meaning, way_out = _MEANINGS.get(answer.status, ("GitHub refuses it", "Check what it says and repeat."))
    return GithubRefusedError(
        f"Cannot {what}: {meaning} ({said}). {way_out}", status=answer.status, said=reason
    )


def garbage(what: str, service: HttpService, said: str) -> GithubUnavailableError:
    """An answer that cannot be read; `said` is its beginning, already cleaned."""
    return GithubUnavailableError(
        f"Cannot {what}: {service.place} answered something that is not GitHub's API ({said}). "
        "Check GITHUB_API_URL, and repeat in a few minutes."
    )


def _counts_too_many(answer: Answer) -> bool:
    if answer.status == TOO_MANY:
        return True
    return answer.status == 403 and (
        "retry-after" in answer.headers or answer.headers.get("x-ratelimit-remaining") == "0"
    )


def _patience(answer: Answer) -> str:
    try:
        again = datetime.fromtimestamp(int(answer.headers["x-ratelimit-reset"]), UTC)
    except (KeyError, ValueError, OverflowError, OSError):
        return "Wait a minute and repeat."
    return f"Repeat after {again:%H:%M} UTC."


def _is_github(answer: Answer) -> bool:
    try:
        found = answer.json
    except ValueError:
        return False
    return isinstance(found, dict) and "message" in found
