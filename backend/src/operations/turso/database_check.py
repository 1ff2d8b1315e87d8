"""Whether a database takes a token, found out with a query over Hrana, libSQL's protocol on HTTP."""

from pydantic import SecretStr

from src.operations.http import Answer, HttpService, NoAnswerError
from src.operations.turso.errors import TokenRefusedError, TursoUnavailableError
from src.operations.turso.platform import TursoPlatform
from src.operations.turso.records import Database, http_url

_QUERY = {"requests": [{"type": "execute", "stmt": {"sql": "SELECT 1"}}, {"type": "close"}]}


def require_accepted(platform: TursoPlatform, database: Database, token: SecretStr) -> None:
    """Raises TokenRefusedError when the database says no, TursoUnavailableError when it does not answer."""
    service = HttpService(
        http_url(database.url), token, timeout_seconds=platform.timeout_seconds, sleep=platform.sleep
    )
    try:
        answer = service.request("POST", "/v2/pipeline", repeatable=True, body=_QUERY)
    except NoAnswerError as exc:
        raise TursoUnavailableError(
            f"The database {database.name!r} does not answer: {exc}. Repeat in a moment."
        ) from None
    finally:
        service.close()
    said = f"HTTP {answer.status}: {service.said(answer)}"
    # 404: to a token of another database it says that its own does not exist
    if answer.status in (401, 403, 404):
        raise TokenRefusedError(f"The database {database.name!r} does not take the token ({said}).")
    if not _answers_one(answer):
        raise TursoUnavailableError(
            f"The database {database.name!r} does not answer a query as it should ({said}). Repeat in a moment."
        )


def is_accepted(platform: TursoPlatform, database: Database, token: SecretStr) -> bool:
    """Raises TursoUnavailableError when the database does not answer."""
    try:
        require_accepted(platform, database, token)
    except TokenRefusedError:
        return False
    return True


def _answers_one(answer: Answer) -> bool:
    if not answer.is_success:
        return False
    try:
        row = answer.json["results"][0]["response"]["result"]["rows"][0]
    except (ValueError, KeyError, IndexError, TypeError):
        return False
    return bool(row == [{"type": "integer", "value": "1"}])
