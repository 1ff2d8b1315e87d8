"""One question to a server over HTTP, without any secret, bounded in time and size."""

import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import httpx2

CONNECT_SECONDS = 5.0
_ANSWER_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` is cut off after 64 KiB; `came_at` is a reading of `time.monotonic`, and so is what `seconds` counts."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float
    came_at: float
    certificate_end: datetime | None

    @property
    def date(self) -> datetime | None:
        """The server's clock, cut to the second."""
        try:
            return parsedate_to_datetime(self.headers["date"]).astimezone(UTC)
        except (KeyError, ValueError):
            return None


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """`certificate`: the server was there, and is not to be trusted for that reason."""

    reason: str
    certificate: ssl.SSLCertVerificationError | None = None


def ask(url: str, *, timeout_seconds: float) -> Answer | NoAnswer:
    """GET `url`. A redirect is an answer, and not followed."""
    import httpx2

    began = time.monotonic()
    try:
        with (
            httpx2.Client(
                timeout=httpx2.Timeout(timeout_seconds, connect=min(CONNECT_SECONDS, timeout_seconds)),
                verify=_trusted(),
                follow_redirects=False,
                trust_env=url.startswith("https:"),
                headers={"User-Agent": "autoforge verify", "Accept-Encoding": "identity"},
            ) as client,
            client.stream("GET", url) as response,
        ):
            end = _certificate_end(response)
            seconds, body = time.monotonic() - began, bytearray()
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > _ANSWER_BYTES or time.monotonic() - began > timeout_seconds:
                    break
            return Answer(
                response.status_code,
                response.headers,
                bytes(body[:_ANSWER_BYTES]),
                seconds,
                began + seconds,
                end,
            )
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as exc:
        return _no_answer(exc, urlsplit(url).netloc, timeout_seconds)


def _trusted() -> ssl.SSLContext:
    """As the database is asked: the authorities of this machine, or those that SSL_CERT_FILE names."""
    return ssl.create_default_context()


def _certificate_end(response: "httpx2.Response") -> datetime | None:
    stream = response.extensions.get("network_stream")
    secure = stream.get_extra_info("ssl_object") if stream is not None else None
    found = secure.getpeercert() if secure is not None else None
    if not found:
        return None
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(found["notAfter"])), UTC)


def _no_answer(exc: Exception, place: str, timeout_seconds: float) -> NoAnswer:
    import httpx2

    cause: BaseException | None = exc
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return NoAnswer(f"the certificate of {place} is not trusted", cause)
        cause = cause.__cause__ or cause.__context__
    if isinstance(exc, httpx2.ConnectTimeout):
        return NoAnswer(f"{place} takes no connection within {min(CONNECT_SECONDS, timeout_seconds):g} s")
    if isinstance(exc, httpx2.TimeoutException):
        return NoAnswer(f"{place} does not answer within {timeout_seconds:g} s")
    said = (str(exc).splitlines() or [""])[0][:160]
    return NoAnswer(f"{place} cannot be reached ({said or type(exc).__name__})")
