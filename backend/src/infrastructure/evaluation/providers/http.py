"""What the providers that speak HTTP share: one pooled session, bounded answers, and errors that say what to do."""

import json
import math
import os
import re
import sys
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib import import_module
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit, urlunsplit

from src.application.evaluation.ports import Completion, ProviderError, ProviderSetupError
from src.domain.shared.placeholders import JsonValue

if TYPE_CHECKING:
    import aiohttp

MAX_ANSWER_BYTES = 10 * 1024 * 1024
MAX_CONNECT_SECONDS = 10.0
_MAX_ERROR_BYTES = 64 * 1024
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
        self, base_url: str, headers: Mapping[str, str], *, api_key: str | None, concurrency: int
    ) -> None:
        """Raises ProviderSetupError for an address that is none, or one with a password in it."""
        self._base = _checked_address(base_url)
        self._headers = {"Content-Type": "application/json", "Accept": "application/json", **headers}
        self._api_key, self._concurrency = api_key, concurrency
        self._session: aiohttp.ClientSession | None = None
        _begin_loading_aiohttp()

    async def ask(
        self,
        path: str,
        body: Mapping[str, JsonValue],
        *,
        timeout_seconds: float,
        read: Callable[[JsonValue], Completion],
    ) -> Completion:
        """POSTs `body` to `path` below the base URL; `read` takes the answer, or raises UnexpectedShapeError or
        EmptyAnswerError. Raises ProviderError.
        """
        try:
            payload = json.dumps(body, allow_nan=False).encode()
        except (TypeError, ValueError, RecursionError) as exc:
            raise ProviderError(f"the parameters are not JSON: {exc!s:.100}") from None
        status, headers, raw = await self._post(path, payload, timeout_seconds)
        if not 200 <= status < 300:
            raise self._refused(status, headers, raw, path)
        return self._read(raw, path, read)

    async def aclose(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _post(
        self, path: str, payload: bytes, timeout_seconds: float
    ) -> tuple[int, Mapping[str, str], bytes]:
        import aiohttp

        limits = aiohttp.ClientTimeout(
            total=timeout_seconds, sock_connect=min(MAX_CONNECT_SECONDS, timeout_seconds)
        )
        url = _joined(self._base, path)
        try:
            async with self._opened().post(
                url, data=payload, timeout=limits, allow_redirects=False
            ) as response:
                return response.status, response.headers, await self._body(response)
        except (aiohttp.ClientError, OSError, UnicodeError) as exc:  # UnicodeError: of a host name
            raise self._failure(exc, timeout_seconds) from exc

    def _opened(self) -> "aiohttp.ClientSession":
        import aiohttp

        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._concurrency),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=self._headers,
                trust_env=False,
            )
        return self._session

    async def _body(self, response: "aiohttp.ClientResponse") -> bytes:
        """All of an answer; the beginning of a refusal."""
        succeeded = 200 <= response.status < 300
        limit, body = MAX_ANSWER_BYTES if succeeded else _MAX_ERROR_BYTES, bytearray()
        async for chunk in response.content.iter_chunked(64 * 1024):
            body += chunk
            if len(body) > limit:
                if succeeded:
                    raise ProviderError(f"{self._place} answered more than {limit // 2**20} MiB")
                break
        return bytes(body)

    def _failure(self, exc: Exception, timeout_seconds: float) -> ProviderError:
        """What broke between us, in words. No text of aiohttp: it may hold the whole address."""
        import aiohttp

        if isinstance(exc, aiohttp.ConnectionTimeoutError):
            waited = min(MAX_CONNECT_SECONDS, timeout_seconds)
            return self._unreachable(f"no answer within {waited:g} s")
        if isinstance(exc, TimeoutError):
            return ProviderError(f"no answer within {timeout_seconds:g} s", retryable=True)
        if isinstance(exc, aiohttp.ClientConnectorCertificateError):
            return self._unreachable(self._cleaned(str(exc.certificate_error), 200), retryable=False)
        if isinstance(exc, aiohttp.ClientSSLError):
            return self._unreachable(self._cleaned(str(exc.os_error), 200), retryable=False)
        if isinstance(exc, aiohttp.ClientConnectorError):
            number, said = exc.os_error.errno, exc.os_error.strerror
            return self._unreachable(os.strerror(number) if number and number > 0 else said or "unknown host")
        if isinstance(exc, OSError | aiohttp.ClientConnectionError | aiohttp.ClientPayloadError):
            return ProviderError(f"the connection to {self._place} broke off", retryable=True)
        if isinstance(exc, aiohttp.ClientResponseError):
            return ProviderError(f"{self._place} does not speak HTTP: {self._cleaned(exc.message, 120)}")
        return ProviderError(f"{self._place} is no address to connect to ({type(exc).__name__})")

    def _unreachable(self, reason: str, *, retryable: bool = True) -> ProviderError:
        return ProviderError(
            f"cannot connect to {self._place}: {reason}", retryable=retryable, unreachable=True
        )

    def _refused(self, status: int, headers: Mapping[str, str], raw: bytes, path: str) -> ProviderError:
        said = self._said(raw)
        if 300 <= status < 400:
            target = self._cleaned(_plain_address(headers.get("Location", "")), 200)
            said = f"it redirects to {target!r}, and redirects are not followed; correct the base_url"
        retryable = _is_retryable(status)
        return ProviderError(
            f"HTTP {status} from {self._shown(path)}: {said}",
            retryable=retryable,
            retry_after=_retry_after(headers) if retryable else None,
        )

    def _read(self, raw: bytes, path: str, read: Callable[[JsonValue], Completion]) -> Completion:
        try:
            answer: JsonValue = json.loads(raw.decode())
        except (ValueError, RecursionError):
            raise self._garbage(raw, path) from None
        error = answer.get("error") if isinstance(answer, dict) else None
        if error and isinstance(answer, dict) and not {"choices", "content"} & answer.keys():
            code = error.get("code") if isinstance(error, dict) else None
            retryable = isinstance(code, int) and _is_retryable(code)
            said = f"{self._shown(path)} answered with an error: {self._said(raw)}"
            raise ProviderError(said, retryable=retryable)
        try:
            return read(answer)
        except UnexpectedShapeError:
            raise self._garbage(raw, path) from None
        except EmptyAnswerError as exc:
            raise ProviderError(f"empty answer ({self._cleaned(str(exc), 60)})") from None

    def _garbage(self, raw: bytes, path: str) -> ProviderError:
        begin = self._cleaned(raw[:4096].decode(errors="replace"), 120)
        return ProviderError(
            f"{self._shown(path)} answered something that is not a chat completion: {begin!r}"
        )

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

    def _shown(self, path: str) -> str:
        return _joined(self._base._replace(query=""), path)

    @property
    def _place(self) -> str:
        host, port = (
            self._base.hostname or "",
            self._base.port or (443 if self._base.scheme == "https" else 80),
        )
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _begin_loading_aiohttp() -> None:
    """In a thread: it takes 0.2 s, half of which OpenSSL reads certificates while others may compute."""
    if "aiohttp" not in sys.modules:
        threading.Thread(target=import_module, args=("aiohttp",)).start()


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


def _joined(base: SplitResult, path: str) -> str:
    return urlunsplit(base._replace(path=base.path.rstrip("/") + path))


def _is_retryable(status: int) -> bool:
    return status in _RETRYABLE or 500 <= status < 600


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, out of `retry-after-ms`, or `Retry-After` as seconds or as a date; None when there is none to read."""
    for name, unit in (("retry-after-ms", 0.001), ("Retry-After", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * unit
        except ValueError:
            continue
        if math.isfinite(seconds):
            return max(0.0, seconds)
    try:
        date = parsedate_to_datetime(headers.get("Retry-After", ""))
    except ValueError:
        return None
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (date - datetime.now(UTC)).total_seconds())
