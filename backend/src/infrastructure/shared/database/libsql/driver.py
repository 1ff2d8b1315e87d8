"""Everything that we use of turso-serverless 0.1.0, much of it private to it. An upgrade is reviewed here.

Ours replaces its HTTP (no time limit, a connection for each request), its cursors and its exceptions.
"""

import json
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from turso_serverless.protocol import (  # type: ignore[import-untyped]  # the driver has no types for others
    ProtocolError,
    ServerError,
    decode_value,
    encode_value,
)
from turso_serverless.session import (  # type: ignore[import-untyped]  # the same
    Session,
    _server_error,
    normalize_url,
)

Json = dict[str, Any]


class BadAnswerError(Exception):
    """What came is no answer of the protocol."""


class StatementError(Exception):
    """The server's word on a statement that it did not do."""

    def __init__(self, message: str, code: str | None) -> None:
        super().__init__(message)
        self.message, self.code = message, code


class Result(NamedTuple):
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    affected_rows: int
    last_row_id: int | None


class DriverStream(Session):  # type: ignore[misc]  # untyped as its package
    """The driver's account of one server stream: its baton, and the address that the server wants it continued at."""

    _base_url: str
    _baton: str | None

    def __init__(self, url: str, post: Callable[[str, bytes], bytes]) -> None:
        super().__init__(url)
        self._home: str = self._base_url
        self._send = post

    @property
    def is_open(self) -> bool:
        return self._baton is not None

    def forget(self) -> None:
        """Begins anew with the next request; the server ends an abandoned stream after 10 s."""
        self._reset_stream()
        self._base_url = self._home

    def ask(self, requests: Sequence[Json]) -> list[Json]:
        """One request with the answers to each of `requests`. Raises BadAnswerError, and what `post` raises."""
        try:
            answers: list[Json] = self.execute_pipeline(list(requests), track_autocommit=False)
        except (ProtocolError, AttributeError, TypeError, RecursionError) as exc:
            raise BadAnswerError(str(exc)) from None
        return answers

    def _post(self, path: str, body: Json) -> bytes:
        encoded = json.dumps(body, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()
        return self._send(self._base_url + path, encoded)

    def _update_stream(self, baton: str | None, base_url: str | None) -> None:
        if base_url and urlsplit(normalize_url(base_url)).scheme != urlsplit(self._home).scheme:
            raise ProtocolError("the server wants to go on without TLS")
        super()._update_stream(baton, base_url)


def encode(value: object) -> Json:
    """Raises ValueError for what would arrive as another value, TypeError for what SQLite has no type for."""
    if isinstance(value, memoryview):
        value = value.tobytes()
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} cannot be stored")
    elif isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError("Python int too large to convert to SQLite INTEGER")
    encoded: Json = encode_value(value)
    return encoded


def result_of(answer: Json | None) -> Result:
    """Raises BadAnswerError, and ValueError for a number that the protocol cannot carry."""
    if answer is None:
        raise BadAnswerError("a statement was neither done nor refused")
    try:
        row_id = answer.get("last_insert_rowid")
        return Result(
            tuple(column.get("name") or "" for column in answer.get("cols") or ()),
            [tuple(map(_decode, row)) for row in answer.get("rows") or ()],
            answer.get("affected_row_count") or 0,
            None if row_id is None else int(row_id),
        )
    except (ProtocolError, AttributeError, KeyError, TypeError) as exc:
        raise BadAnswerError(str(exc)) from None


def raise_if_error(error: Json | None) -> None:
    """Raises StatementError unless `error` is None."""
    if error is not None:
        said: ServerError = _server_error(error)
        raise StatementError(str(said), said.code)


def _decode(value: Json) -> Any:
    if value["type"] == "text":  # most values are, and the driver looks at text last
        return value["value"]
    if value["type"] == "float" and value["value"] is None:
        raise ValueError("an infinite number is stored there, which the protocol cannot carry")
    return decode_value(value)
