"""What the providers that speak HTTP share: one client, checked answers, and errors that say what to do."""

import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import SplitResult, urlsplit, urlunsplit

from src.application.evaluation.ports import Completion, ProviderError, ProviderSetupError
from src.domain.shared.placeholders import JsonValue
from src.infrastructure.evaluation.providers.http_client import (
    BrokenOffError,
    ConnectError,
    HttpAnswer,
    HttpClient,
    Limits,
    NotHttpError,
    TooLargeError,
)

MAX_ANSWER_BYTES = 10 * 1024 * 1024
_LIMITS = Limits(answer=MAX_ANSWER_BYTES, refusal=64 * 1024)
_RETRYABLE = {408, 409, 429}
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")  # no database takes NUL, no UTF-8 half of a surrogate pair


class UnexpectedShapeError(Exception):
    """The answer is JSON, but not what the protocol promises."""


class EmptyAnswerError(Exception):
    """The model gave no text; the message holds the reason as the protocol names it."""


class ChatEndpoint:
    """A chat API at one address. Its connections belong to the event loop that asks first.

    Proxies and .netrc of the environment are not looked at: a key goes to `base_url` and nowhere else, so redirects are
    not followed either. No message of an error holds the key, or the query of the address.
    """

    def __init__(
        self, base_url: str, path: str, headers: Mapping[str, str], *, api_key: str | None, concurrency: int
    ) -> None:
        """`path` comes below the base URL. Raises ProviderSetupError for an address that is none, or one with a
        password in it.
        """
        base = _checked_address(base_url)
        self._url = base._replace(path=base.path.rstrip("/") + path)
        self._shown = urlunsplit(self._url._replace(query=""))
        self._headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "User-Agent": "autoforge",
            **headers,
        }
        self._api_key, self._concurrency = api_key, concurrency
        self._client: HttpClient | None = None

    async def ask(
        self,
        body: Mapping[str, JsonValue],
        *,
        timeout_seconds: float,
        read: Callable[[JsonValue], Completion],
    ) -> Completion:
        """POSTs `body`; `read` takes the answer, or raises UnexpectedShapeError or EmptyAnswerError.

        Raises ProviderError.
        """
        try:
            payload = json.dumps(body, allow_nan=False).encode()
        except (TypeError, ValueError, RecursionError) as exc:
            raise ProviderError(f"the parameters are not JSON: {exc!s:.100}") from None
        answer = await self._post(payload, timeout_seconds)
        if answer.is_refusal:
            raise self._refused(answer)
        return self._read(bytes(answer.body), read)

    async def aclose(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _post(self, payload: bytes, timeout_seconds: float) -> HttpAnswer:
        if self._client is None:
            self._client = HttpClient(self._url, self._headers, concurrency=self._concurrency, limits=_LIMITS)
        try:
            return await self._client.post(payload, timeout_seconds=timeout_seconds)
        except ConnectError as exc:
            raise self._unreachable(self._cleaned(str(exc), 200), retryable=exc.is_passing) from exc
        except TimeoutError as exc:
            raise ProviderError(f"no answer within {timeout_seconds:g} s", retryable=True) from exc
        except BrokenOffError as exc:
            raise ProviderError(f"the connection to {self._place} broke off", retryable=True) from exc
        except TooLargeError as exc:
            limit = MAX_ANSWER_BYTES // 2**20
            raise ProviderError(f"{self._place} answered more than {limit} MiB") from exc
        except NotHttpError as exc:
            said = self._cleaned(str(exc), 120)
            raise ProviderError(f"{self._place} does not speak HTTP: {said}") from exc

    def _unreachable(self, reason: str, *, retryable: bool = True) -> ProviderError:
        return ProviderError(
            f"cannot connect to {self._place}: {reason}", retryable=retryable, unreachable=True
        )

    def _refused(self, answer: HttpAnswer) -> ProviderError:
        status, headers, said = answer.status, answer.headers, self._said(bytes(answer.body))
        if 300 <= status < 400:
            target = self._cleaned(_plain_address(headers.get("location", "")), 200)
            said = f"it redirects to {target!r}, and redirects are not followed; correct the base_url"
        retryable = _is_retryable(status)
        return ProviderError(
            f"HTTP {status} from {self._shown}: {said}",
            retryable=retryable,
            retry_after=_retry_after(headers) if retryable else None,
        )

    def _read(self, raw: bytes, read: Callable[[JsonValue], Completion]) -> Completion:
        try:
            answer: JsonValue = json.loads(raw.decode())
        except (ValueError, RecursionError):
            raise self._garbage(raw) from None
        error = answer.get("error") if isinstance(answer, dict) else None
        if error and isinstance(answer, dict) and not {"choices", "content"} & answer.keys():
            code = error.get("code") if isinstance(error, dict) else None
            retryable = isinstance(code, int) and _is_retryable(code)
            said = f"{self._shown} answered with an error: {self._said(raw)}"
            raise ProviderError(said, retryable=retryable)
        try:
            return read(answer)
        except UnexpectedShapeError:
            raise self._garbage(raw) from None
        except EmptyAnswerError as exc:
            raise ProviderError(f"empty answer ({self._cleaned(str(exc), 60)})") from None

    def _garbage(self, raw: bytes) -> ProviderError:
        begin = self._cleaned(raw[:4096].decode(errors="replace"), 120)
        return ProviderError(f"{self._shown} answered something that is not a chat completion: {begin!r}")

    def _said(self, raw: bytes) -> str:
        """The provider's own words, wherever it puts them."""
        text = raw.decode(errors="replace")
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            found = None
        for key in ("error", "message", "detail"):
            inner = found.get(key) if isinstance(found, dict) else None
            found = inner or found
        return self._cleaned(found if isinstance(found, str) else text, 300) or "(no message)"

    def _cleaned(self, text: str, limit: int) -> str:
        """Without the key, on one line, without control characters (terminals obey those), shortened."""
        if self._api_key:
            text = text.replace(self._api_key, "[key]")
        line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
        return line if len(line) <= limit else f"{line[:limit]}…"

    @property
    def _place(self) -> str:
        host, port = (
            self._url.hostname or "",
            self._url.port or (443 if self._url.scheme == "https" else 80),
        )
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def storable(text: str) -> str:
    """Models do answer NUL characters and halves of surrogate pairs; each becomes U+FFFD."""
    return _UNSTORABLE.sub("\ufffd", text)


def token_count(usage: JsonValue, key: str) -> int | None:
    value = usage.get(key) if isinstance(usage, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def checked_key(api_key: str | None) -> str | None:
    """None for an empty one. Raises ProviderSetupError for what cannot stand in an HTTP header."""
    key = (api_key or "").strip()
    if not (key.isascii() and key.isprintable()):
        raise ProviderSetupError("The API key holds a character that keys do not have, such as a line break.")
    return key or None


def require_unreserved(parameters: Mapping[str, JsonValue], reserved: frozenset[str]) -> None:
    """Raises ProviderError naming the parameters that the run itself decides."""
    if taken := sorted(parameters.keys() & reserved):
        raise ProviderError(f"parameters: {', '.join(taken)} cannot be set there; the run decides it")


def _checked_address(base_url: str) -> SplitResult:
    try:
        parts = urlsplit(base_url.strip())
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
            raise ValueError
    except ValueError:
        raise ProviderSetupError(
            "base_url: takes an http or https address, such as https://api.openai.com/v1."
        ) from None
    if "@" in parts.netloc:
        raise ProviderSetupError("base_url: holds a user name or password; give a key as API key instead.")
    return parts._replace(fragment="")


def _plain_address(url: str) -> str:
    """Without user name, password and query."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "?"
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment=""))


def _is_retryable(status: int) -> bool:
    return status in _RETRYABLE or 500 <= status < 600


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, out of `retry-after-ms`, or `Retry-After` as seconds or as a date; None when there is none to read."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * unit
        except ValueError:
            continue
        if math.isfinite(seconds):
            return max(0.0, seconds)
    try:
        date = parsedate_to_datetime(headers.get("retry-after", ""))
    except ValueError:
        return None
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (date - datetime.now(UTC)).total_seconds())
