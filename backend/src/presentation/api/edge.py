"""What every response passes last: a request id, headers for browsers, and an answer when nothing else has one."""

import logging
import re
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from src.presentation.api.problems import internal_error, too_large

_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
log = logging.getLogger(__name__)


class EdgeMiddleware:
    """The only place that answers an unknown exception: it is logged with the request id, which the client gets too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        is_started = is_replaced = False

        async def send_ours(message: Message) -> None:
            nonlocal is_started
            if message["type"] == "http.response.start":
                is_started = True
                _add_headers(message, request_id)
            await send(message)

        async def send_checked(message: Message) -> None:
            nonlocal is_replaced
            if message["type"] == "http.response.start" and _is_plain_413(message):
                is_replaced = True  # Starlette's limit on bodies answers in plain text, past every handler
                await too_large(scope)(scope, receive, send_ours)
            elif not is_replaced:
                await send_ours(message)

        try:
            await self._app(scope, receive, send_checked)
        except Exception:
            log.exception("request %s: %s %r failed", request_id, scope["method"], scope["path"])
            if is_started:
                raise  # the server cuts the connection: half an answer must not look like a whole one
            await internal_error(scope)(scope, receive, send_ours)


def _request_id(scope: Scope) -> str:
    given = Headers(scope=scope).get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else uuid4().hex


def _add_headers(message: Message, request_id: str) -> None:
    headers = MutableHeaders(raw=message["headers"])
    headers["x-request-id"] = request_id
    headers["x-content-type-options"] = "nosniff"
    headers["referrer-policy"] = "no-referrer"
    headers.setdefault(
        "cache-control", "no-cache"
    )  # caches may keep it, and ask with its ETag before each use


def _is_plain_413(message: Message) -> bool:
    content_type = Headers(raw=message["headers"]).get("content-type", "")
    return message["status"] == 413 and content_type.startswith("text/plain")
