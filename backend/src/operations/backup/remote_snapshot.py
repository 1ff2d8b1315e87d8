"""All of a remote database as it is at one moment.

One read transaction on one server stream, in a few requests of Hrana's `cursor`, which the server answers row by row:
whatever the size of the database, it is in nobody's memory as a whole. Writers are not kept waiting, and what they
commit meanwhile is not in the snapshot. (Measured with libsql-server 0.24: 60 MB in 1.2 s, with a reader that took 21 s
and a writer beside it, while the server stayed at 37 MB.)
"""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from pydantic import SecretStr
from pydantic_core import from_json
from sqlalchemy import make_url

from src.domain.shared.errors import UnavailableError
from src.infrastructure.shared.database.libsql.address import address_of
from src.operations.backup.errors import BackupError
from src.operations.backup.stored import COLUMNS, OBJECTS, SHADOWS, Stored, StoredTable, stored

if TYPE_CHECKING:
    import httpx2

_CHUNK = 64 * 1024
SILENCE_SECONDS = 30.0
_CONNECT_SECONDS = 5.0
_BYTES = "SELECT p.page_count * s.page_size FROM pragma_page_count p JOIN pragma_page_size s"

Row = tuple[Any, ...]


class RemoteUnavailableError(UnavailableError):
    code = "remote_unavailable"
    title = "The database does not answer"


class TokenRefusedError(BackupError):
    code = "remote_token_refused"
    title = "The database does not take the token"


@dataclass(frozen=True, slots=True)
class RemoteContents:
    """`bytes` is the size of the database, `revision` that of its migrations."""

    stored: Stored
    bytes: int
    revision: str | None


class RemoteSnapshot:
    """`contents` first, then `rows`, once. Both raise BackupError and RemoteUnavailableError."""

    def __init__(
        self, url: str, token: SecretStr | None, *, silence_seconds: float = SILENCE_SECONDS
    ) -> None:
        """`url` is libsql://host[:port][?tls=0]; the server may be silent for `silence_seconds` at a time."""
        import httpx2

        self.url = url
        self._base_url = address_of(make_url(url)).http_url
        self._baton: str | None = None
        # the server compresses at 2 MB/s, and takes a whole processor for it
        headers = {"Accept-Encoding": "identity"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token.get_secret_value()}"
        timeout = httpx2.Timeout(silence_seconds, connect=_CONNECT_SECONDS)
        # a proxy of the environment sees nothing inside TLS; without TLS it would see the token
        self._client = httpx2.Client(
            headers=headers, timeout=timeout, trust_env=self._base_url.startswith("https:")
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def contents(self) -> RemoteContents:
        found: list[list[Row]] = [[] for _ in range(5)]
        for step, row in self._run(["BEGIN DEFERRED", OBJECTS, SHADOWS, COLUMNS, _BYTES]):
            found[step].append(row)
        _, objects, shadows, columns, size = found
        is_migrated = any(row[1] == "alembic_version" for row in objects)
        return RemoteContents(
            stored(objects, shadows, columns), int(size[0][0]), self._revision() if is_migrated else None
        )

    def rows(self, contents: RemoteContents) -> Iterator[tuple[StoredTable, Row]]:
        """Every row of every table, table by table. Ends the snapshot."""
        tables = contents.stored.filled
        for step, row in self._run([*(table.select for table in tables), "COMMIT"]):
            yield tables[step], row

    def _revision(self) -> str | None:
        found = [str(row[0]) for _, row in self._run(["SELECT version_num FROM alembic_version"])]
        return found[0] if found else None

    def _run(self, statements: Sequence[str]) -> Iterator[tuple[int, Row]]:
        """Rows with the number of their statement; each statement only runs when the one before did."""
        steps: list[dict[str, Any]] = [
            {"stmt": {"sql": sql, "want_rows": True}, "condition": {"type": "ok", "step": number - 1}}
            for number, sql in enumerate(statements)
        ]
        del steps[0]["condition"]
        done = -1
        try:
            for entry in self._entries({"baton": self._baton, "batch": {"steps": steps}}):
                kind = entry.get("type")
                if kind is None:
                    self._continue_at(entry)
                elif kind == "step_begin":
                    done = int(entry["step"])
                elif kind == "row":
                    yield done, tuple(map(_decoded, entry["row"]))
                elif kind in ("step_error", "error"):
                    said = " ".join(str(entry["error"]["message"]).split())
                    raise BackupError(f"{self.url} refused to be read: {said:.300}.")
        except (ValueError, TypeError, KeyError, AttributeError) as exc:
            raise BackupError(f"{self.url} gave an answer that cannot be read ({exc!r:.200}).") from None
        if done != len(statements) - 1:
            raise RemoteUnavailableError(f"{self.url} ended its answer early. Nothing was kept; repeat it.")

    def _entries(self, body: dict[str, Any]) -> Iterator[Any]:
        import httpx2

        try:
            with self._client.stream("POST", f"{self._base_url}/v3/cursor", json=body) as response:
                if response.status_code != httpx2.codes.OK:
                    raise self._refusal(response)
                for line in _lines(response.iter_bytes(_CHUNK)):
                    yield from_json(line)
        except httpx2.DecodingError as exc:
            raise ValueError(str(exc)) from None
        except httpx2.HTTPError as exc:
            reason = str(exc) or type(exc).__name__
            raise RemoteUnavailableError(f"{self.url} does not answer ({reason}). Repeat it later.") from None

    def _refusal(self, response: "httpx2.Response") -> Exception:
        if response.status_code in (401, 403):
            return TokenRefusedError(
                f"{self.url} does not take the token (HTTP status {response.status_code}). "
                "Make a new one: autoforge turso token create"
            )
        if response.status_code == 429 or response.status_code >= 500:
            return RemoteUnavailableError(f"{self.url} answers with HTTP status {response.status_code}.")
        return BackupError(f"{self.url} is no libSQL server (HTTP status {response.status_code}).")

    def _continue_at(self, entry: dict[str, Any]) -> None:
        self._baton = entry.get("baton")
        base_url = entry.get("base_url")
        if base_url is not None:
            if urlsplit(base_url).scheme != urlsplit(self._base_url).scheme:
                raise BackupError(f"{self.url} wants to go on without TLS.")
            self._base_url = str(base_url).rstrip("/")


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Not httpx's own `iter_lines`: that also ends a line at U+2028 and its like, which texts may hold."""
    rest: list[bytes] = []
    for chunk in chunks:
        first, *more = chunk.split(b"\n")
        rest.append(first)
        if more:
            yield b"".join(rest)
            yield from more[:-1]
            rest = [more[-1]]
    if last := b"".join(rest):
        yield last


def _decoded(value: dict[str, Any]) -> object:
    kind = value["type"]
    if kind == "text":
        return value["value"]
    if kind == "null":
        return None
    if kind == "integer":
        return int(value["value"])
    if kind == "float":
        if value["value"] is None:
            raise ValueError("an infinite number, which the protocol cannot carry")
        return float(value["value"])
    if kind == "blob":
        text = str(value["base64"])
        return base64.b64decode(text + "=" * (-len(text) % 4))
    raise ValueError(f"a value of type {kind!r}")
