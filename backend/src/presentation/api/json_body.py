"""Strict JSON bodies: what no text column, no JSON reader and no rule of ours could make sense of stops here."""

import json
import re
from collections import Counter
from collections.abc import Callable, Coroutine
from math import isfinite
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from src.presentation.api.problems import RequestRefusedError

MAX_DEPTH = 100
MAX_INTEGER = 2**63 - 1  # what SQLite and most readers of JSON can hold
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class JsonRoute(APIRoute):
    """A route whose body, if it has one, is strict JSON and says so in its Content-Type."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        if self.body_field is None:
            return handle

        async def handle_strictly(request: Request) -> Response:
            _require_json(request.headers.get("content-type"))
            return await handle(_StrictRequest(request.scope, request.receive))

        return handle_strictly


class _StrictRequest(Request):
    async def json(self) -> Any:
        return parse_json(await self.body())


def parse_json(raw: bytes) -> Any:
    """Raises RequestRefusedError (400): broken JSON, a key that stands twice in an object, NaN and Infinity, numbers
    that are too big, NUL and half surrogate pairs in texts, nesting beyond 100 levels.
    """
    try:
        text = raw.decode()
        value = _DECODER.decode(text)
    except UnicodeDecodeError as exc:
        raise _malformed(f"Byte {exc.start + 1} is no UTF-8.") from exc
    except json.JSONDecodeError as exc:
        raise _malformed(f"{exc.msg} (line {exc.lineno}, column {exc.colno}).") from exc
    except RecursionError as exc:
        raise _malformed(_TOO_DEEP) from exc
    except ValueError as exc:  # from the hooks below
        raise _malformed(str(exc)) from exc
    # Escapes and deep nesting are rare, and a walk over every value is not cheap.
    if "\\u" in text or text.count("[") + text.count("{") > MAX_DEPTH:
        _require_storable(value, 1)
    return value


def _require_storable(value: Any, depth: int) -> None:
    if isinstance(value, str):
        if _UNSTORABLE.search(value):
            raise _malformed("A text holds a NUL character or half of a surrogate pair.")
    elif isinstance(value, list | dict) and depth > MAX_DEPTH:
        raise _malformed(_TOO_DEEP)
    elif isinstance(value, list):
        for item in value:
            _require_storable(item, depth + 1)
    elif isinstance(value, dict):
        for key, item in value.items():
            _require_storable(key, depth + 1)
            _require_storable(item, depth + 1)


def _require_json(content_type: str | None) -> None:
    media = (content_type or "").partition(";")[0].strip().lower()
    if media != "application/json" and not (media.startswith("application/") and media.endswith("+json")):
        sent = f"not {media!r:.80}" if media else "and it has none"
        raise unsupported_media(f"The body must have the Content-Type application/json, {sent}.")


def unsupported_media(detail: str) -> RequestRefusedError:
    return RequestRefusedError(415, "unsupported_media_type", "The body is of another kind", detail)


def _malformed(detail: str) -> RequestRefusedError:
    return RequestRefusedError(400, "malformed_json", "The body is no JSON that can be used", detail)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"The key {twice!r:.60} stands twice in one object.")
    return mapping


def _integer(literal: str) -> int:
    if len(literal) <= 20 and abs(number := int(literal)) <= MAX_INTEGER:
        return number
    raise ValueError(f"The number {literal:.30} is too big.")


def _finite(literal: str) -> float:
    number = float(literal)
    if not isfinite(number):
        raise ValueError(f"The number {literal:.30} is too big.")
    return number


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON number.")


_TOO_DEEP = f"It is nested more than {MAX_DEPTH} levels deep."
_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=_integer, parse_float=_finite, parse_constant=_no_constant
)
