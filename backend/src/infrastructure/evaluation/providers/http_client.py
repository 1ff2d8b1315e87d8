"""POSTs to one address over libcurl: connections that are kept, answers that end, and what broke when none came."""

import asyncio
import errno
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, quote, urlunsplit

import pycurl

MAX_CONNECT_SECONDS = 10.0
# CURLOPT_QUICK_EXIT, for which pycurl 7.49 has no name: closing does not wait for a host name that is being looked up.
_QUICK_EXIT = 322
# Codes of libcurl that pycurl 7.49 has no names for.
_WEIRD_SERVER_REPLY, _TOO_LARGE = 8, 100
# An unsupported protocol is HTTP/0.9 to libcurl, or anything that does not begin as HTTP does.
_NOT_HTTP = {pycurl.E_UNSUPPORTED_PROTOCOL, _WEIRD_SERVER_REPLY, _TOO_LARGE}
_BROKEN_OFF = {
    pycurl.E_BAD_CONTENT_ENCODING,
    pycurl.E_GOT_NOTHING,
    pycurl.E_PARTIAL_FILE,
    pycurl.E_RECV_ERROR,
    pycurl.E_SEND_ERROR,
    pycurl.E_WRITE_ERROR,
}
_URL_CHARACTERS = "/%:@!$&'()*+,;=~?"


class ConnectError(Exception):
    """There is no connection; the message says why. `is_passing`: trying again may help."""

    def __init__(self, reason: str, *, is_passing: bool) -> None:
        super().__init__(reason)
        self.is_passing = is_passing


class BrokenOffError(Exception):
    """The connection ended before the answer did."""


class NotHttpError(Exception):
    """What came is no HTTP; the message says why."""


class TooLargeError(Exception):
    """The answer is longer than the limit."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes of a body, unpacked: of an answer, which may not be longer, and of a refusal, which is cut there."""

    answer: int
    refusal: int


@dataclass(slots=True)
class HttpAnswer:
    """`body` is unpacked; `lines` are status line and headers as they came, those of hints before the answer too."""

    limits: Limits
    lines: list[bytes] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)
    status: int = 0
    is_cut: bool = False

    @property
    def headers(self) -> dict[str, str]:
        """Names are in lower case; of a repeated one the last counts."""
        found: dict[str, str] = {}
        for line in self.lines:
            name, colon, value = line.decode("latin-1").partition(":")
            if colon:
                found[name.strip().lower()] = value.strip()
        return found

    @property
    def is_refusal(self) -> bool:
        return not 200 <= self.status < 300

    @property
    def has_whole_head(self) -> bool:
        return any(not line.strip() for line in reversed(self.lines))

    def take(self, chunk: bytes) -> int | None:
        """What libcurl has read of the body; 0 makes it end the transfer."""
        self.body += chunk
        if len(self.body) <= self.limits.refusal:
            return None
        begin = next(line for line in reversed(self.lines) if line.startswith(b"HTTP/"))
        self.status = int(begin.split()[1])  # libcurl cannot be asked while it calls
        limit = self.limits.refusal if self.is_refusal else self.limits.answer
        self.is_cut = len(self.body) > limit
        del self.body[limit:]
        return 0 if self.is_cut else None


class HttpClient:
    """Connections to one address, `concurrency` at the most. They belong to the event loop that asks first.

    Nothing of the environment is looked at but OpenSSL's SSL_CERT_FILE and SSL_CERT_DIR; redirects are answers.
    """

    def __init__(
        self, url: SplitResult, headers: Mapping[str, str], *, concurrency: int, limits: Limits
    ) -> None:
        self._url, self._limits = url, limits
        # Without the empty Expect, libcurl asks a server first whether it may send more than 1 MB.
        self._headers = [*(f"{name}: {value}" for name, value in headers.items()), "Expect:"]
        self._slots = asyncio.Semaphore(concurrency)
        self._handing_on = asyncio.Lock()
        self._idle: list[pycurl.Curl] = []
        self._transfers = pycurl.AsyncCurlMulti()
        self._transfers.setopt(pycurl.M_MAXCONNECTS, concurrency)

    async def post(self, payload: bytes, *, timeout_seconds: float) -> HttpAnswer:
        """Raises ConnectError, TimeoutError, BrokenOffError, NotHttpError, TooLargeError."""
        answer = HttpAnswer(self._limits)
        async with self._slots:
            call = self._idle.pop() if self._idle else self._opened()
            call.setopt(pycurl.POSTFIELDS, payload)
            call.setopt(pycurl.TIMEOUT_MS, _milliseconds(timeout_seconds))
            connect_seconds = min(MAX_CONNECT_SECONDS, timeout_seconds)
            call.setopt(pycurl.CONNECTTIMEOUT_MS, _milliseconds(connect_seconds))
            call.setopt(pycurl.WRITEFUNCTION, answer.take)
            call.setopt(pycurl.HEADERFUNCTION, answer.lines.append)
            # One that is cancelled is dropped: libcurl lets go of it a moment later.
            error = await self._performed(call)
            self._idle.append(call)
            answer.status = call.getinfo(pycurl.RESPONSE_CODE)
            if error is not None and not answer.is_cut:
                raise _named(error, call, connect_seconds)
        async with self._handing_on:
            # Answers that came together are handed on one by one, a round of the loop each: what one caller asks next
            # is under way before the next caller begins to judge. All at once, they would all ask late, and together.
            await asyncio.sleep(0)
        if not answer.has_whole_head:
            raise BrokenOffError("the connection ended within the headers")  # a success to libcurl
        if answer.is_cut and not answer.is_refusal:
            raise TooLargeError
        return answer

    async def aclose(self) -> None:
        await self._transfers.aclose()
        for call in self._idle:
            call.close()
        self._idle.clear()

    async def _performed(self, call: pycurl.Curl) -> pycurl.error | None:
        try:
            await self._transfers.perform(call)
        except pycurl.error as exc:
            return exc
        return None

    def _opened(self) -> pycurl.Curl:
        path, query = (quote(part, safe=_URL_CHARACTERS) for part in (self._url.path, self._url.query))
        call = pycurl.Curl()
        call.setopt(pycurl.URL, urlunsplit(self._url._replace(path=path, query=query)).encode())
        call.setopt(pycurl.HTTPHEADER, self._headers)
        call.setopt(pycurl.ACCEPT_ENCODING, "gzip")
        call.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
        call.setopt(pycurl.PROXY, "")
        call.setopt(pycurl.TCP_KEEPALIVE, 1)  # a model may think for minutes: some networks forget the silent
        call.setopt(pycurl.NOSIGNAL, 1)
        call.setopt(_QUICK_EXIT, 1)
        if self._url.scheme == "https":
            _trust(call)
        return call


def _trust(call: pycurl.Curl) -> None:
    """The certificates that the rest of the application trusts; libcurl would look at its own places only."""
    places = ssl.get_default_verify_paths()
    if places.cafile:
        call.setopt(pycurl.CAINFO, places.cafile)
    elif places.capath:
        call.unsetopt(pycurl.CAINFO)  # beside a folder, libcurl would read its file anew for each connection
        call.setopt(pycurl.CAPATH, places.capath)


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))  # libcurl takes 0 for no limit


def _named(error: pycurl.error, call: pycurl.Curl, connect_seconds: float) -> Exception:
    """What broke, told by libcurl's code and by how far the call had come."""
    code, said = error.args if len(error.args) == 2 else (0, str(error))
    number = call.getinfo(pycurl.OS_ERRNO)
    if code == pycurl.E_OPERATION_TIMEDOUT:
        if call.getinfo(pycurl.PRETRANSFER_TIME) > 0:
            return TimeoutError()
        return ConnectError(f"no answer within {connect_seconds:g} s", is_passing=True)
    if code in _NOT_HTTP:
        return NotHttpError(said)
    if code in _BROKEN_OFF:
        return BrokenOffError(said)
    if code == pycurl.E_COULDNT_CONNECT:
        return ConnectError(os.strerror(number) if number else said, is_passing=True)
    if code == pycurl.E_COULDNT_RESOLVE_HOST:
        return ConnectError("its name is unknown, or there is no network", is_passing=True)
    # The number may be left from another address of the host, so it decides only where it can mean one thing.
    return ConnectError(said, is_passing=number == errno.ECONNRESET)
