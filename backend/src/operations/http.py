"""HTTP to one address with one bearer token: bounded in time and size, repeating only what is safe to repeat."""

import json
import math
import random
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from src.core.config.settings.base import SettingsError

if TYPE_CHECKING:
    import ssl

    import httpx2

MAX_ANSWER_BYTES = 10 * 1024 * 1024
MAX_CONNECT_SECONDS = 5.0
MAX_ATTEMPTS = 4
TOO_MANY = 429
_SHOWN_CHARACTERS = 160
# Whatever looks like a JSON web token, of whomever.
_TOKEN = re.compile(r"eyJ[\w-]{5,}(\.[\w-]*){0,2}")

Sleep = Callable[[float], None]


class NoAnswerError(Exception):
    """No answer came, for the reason in the message; `was_sent`: the request may have reached the other side."""

    def __init__(self, reason: str, *, was_sent: bool) -> None:
        super().__init__(reason)
        self.was_sent = was_sent


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def json(self) -> Any:
        """The body with the keys of all objects in lower case, None for an empty one. Raises ValueError."""
        if not self.body.strip():
            return None
        try:
            return _lowered(json.loads(self.body.decode()))
        except RecursionError:
            raise ValueError("nested too deep") from None


class HttpService:
    """The service at `base_url`. Redirects are not followed, so that the token goes nowhere else; no message holds it.

    A repeatable request is sent again, after a pause with jitter, when no answer comes, on 429 and on 5xx, within twice
    `timeout_seconds`; another one only when it certainly was not taken.
    """

    def __init__(
        self,
        base_url: str,
        token: SecretStr,
        *,
        timeout_seconds: float,
        sleep: Sleep = time.sleep,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """`headers` go with every request. Raises SettingsError for a token that cannot stand in a header."""
        self._base_url, self._timeout, self._sleep = base_url, timeout_seconds, sleep
        self._headers = dict(headers or {})
        self._token = SecretStr(token.get_secret_value().strip())
        plain = self._token.get_secret_value()
        if not (plain.isascii() and plain.isprintable()):
            raise SettingsError(
                "A token holds a character that tokens do not have, such as a line break. Set it anew."
            )
        self._opened: httpx2.Client | None = None

    @property
    def place(self) -> str:
        return urlsplit(self._base_url).netloc

    @property
    def timeout_seconds(self) -> float:
        return self._timeout

    def request(
        self,
        method: str,
        path: str,
        *,
        repeatable: bool,
        query: Mapping[str, str] | None = None,
        body: object = None,
    ) -> Answer:
        """The last answer, whatever its status. Raises NoAnswerError."""
        deadline = time.monotonic() + 2 * self._timeout
        for attempt in range(1, MAX_ATTEMPTS):
            outcome = self._attempt(method, path, query, body)
            if not _may_repeat(outcome, repeatable):
                break
            pause = random.uniform(0.5, 1) * self._timeout / 80 * 2**attempt  # noqa: S311 - jitter is no secret
            if isinstance(outcome, Answer):
                pause = max(pause, _retry_after(outcome))
            if time.monotonic() + pause > deadline:
                break
            self._sleep(pause)
        else:
            outcome = self._attempt(method, path, query, body)
        if isinstance(outcome, NoAnswerError):
            raise outcome
        return outcome

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def cleaned(self, text: str) -> str:
        """Words of the other side: without tokens, on one line, without control characters, shortened."""
        if plain := self._token.get_secret_value():
            text = text.replace(plain, "[token]")
        text = _TOKEN.sub("[token]", text)
        line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
        return line if len(line) <= _SHOWN_CHARACTERS else f"{line[:_SHOWN_CHARACTERS]}…"

    def said(self, answer: Answer) -> str:
        """The reason that an error answer gives, or the beginning of whatever it holds."""
        found: Any = None
        with suppress(ValueError):
            found = answer.json
        given = [found.get("error"), found.get("message")] if isinstance(found, dict) else []
        whole = answer.body[:4096].decode(errors="replace")
        text = next((reason for reason in given if isinstance(reason, str)), whole)
        return self.cleaned(text) or "no reason given"

    @property
    def _client(self) -> "httpx2.Client":
        if self._opened is None:
            import httpx2

            self._opened = httpx2.Client(
                headers={
                    "Authorization": f"Bearer {self._token.get_secret_value()}",
                    "Accept": "application/json",
                    "User-Agent": "autoforge",
                    **self._headers,
                },
                timeout=httpx2.Timeout(self._timeout, connect=min(MAX_CONNECT_SECONDS, self._timeout)),
                verify=_tls(),
                follow_redirects=False,
                # a proxy of the environment sees nothing inside TLS; without TLS it would see the token
                trust_env=self._base_url.startswith("https:"),
            )
        return self._opened

    def _attempt(
        self, method: str, path: str, query: Mapping[str, str] | None, body: object
    ) -> Answer | NoAnswerError:
        try:
            return self._exchange(method, path, query, body)
        except NoAnswerError as exc:
            return exc

    def _exchange(self, method: str, path: str, query: Mapping[str, str] | None, body: object) -> Answer:
        import httpx2

        deadline, received = time.monotonic() + self._timeout, bytearray()
        url = f"{self._base_url}{path}"
        try:
            with self._client.stream(method, url, params=query, json=body) as response:
                for chunk in response.iter_bytes():
                    received += chunk
                    if time.monotonic() > deadline:
                        raise NoAnswerError(self._too_slow(), was_sent=True)
                    if len(received) > MAX_ANSWER_BYTES:
                        raise NoAnswerError(f"{self.place} answered more than 10 MiB", was_sent=True)
                return Answer(response.status_code, response.headers, bytes(received))
        except (httpx2.HTTPError, httpx2.InvalidURL) as exc:
            raise self._failure(exc) from None

    def _failure(self, exc: Exception) -> NoAnswerError:
        import httpx2

        if isinstance(exc, httpx2.ConnectTimeout | httpx2.PoolTimeout):
            waited = min(MAX_CONNECT_SECONDS, self._timeout)
            return NoAnswerError(f"{self.place} took no connection within {waited:g} s", was_sent=False)
        if isinstance(exc, httpx2.TimeoutException):
            return NoAnswerError(self._too_slow(), was_sent=True)
        if isinstance(exc, httpx2.ConnectError):
            return NoAnswerError(
                f"{self.place} cannot be reached ({self.cleaned(str(exc)) or 'no reason given'})",
                was_sent=False,
            )
        if isinstance(exc, httpx2.ProxyError):
            return NoAnswerError(f"the proxy does not let through to {self.place}", was_sent=False)
        if isinstance(exc, httpx2.RemoteProtocolError | httpx2.DecodingError | httpx2.NetworkError):
            return NoAnswerError(f"the connection to {self.place} broke off", was_sent=True)
        return NoAnswerError(f"{self.place} is no address to connect to", was_sent=False)

    def _too_slow(self) -> str:
        return f"{self.place} did not answer within {self._timeout:g} s"


@cache
def _tls() -> "ssl.SSLContext":
    """Certificates are checked. Loading those of the system takes 40 ms, so it is done once."""
    import httpx2

    return httpx2.create_ssl_context()


def _may_repeat(outcome: Answer | NoAnswerError, repeatable: bool) -> bool:
    if isinstance(outcome, NoAnswerError):
        return repeatable or not outcome.was_sent
    return outcome.status == TOO_MANY or (repeatable and outcome.status >= 500)


def _lowered(value: Any) -> Any:
    """Turso's own client reads keys whatever their case: its answers mix `DbId`, `group` and `primaryRegion`."""
    if isinstance(value, dict):
        return {key.lower(): _lowered(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_lowered(inner) for inner in value]
    return value


def _retry_after(answer: Answer) -> float:
    try:
        seconds = float(answer.headers.get("retry-after", "0"))
    except ValueError:
        return 0.0
    return seconds if math.isfinite(seconds) and seconds > 0 else 0.0
