"""A database of the fake Turso platform: a real libSQL server, and what the platform knows of it."""

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.libsql_server import LibsqlServer


class FakeDatabase(LibsqlServer):
    """A database with what the platform knows of it. Its key is its own, so no other database's token opens it."""

    def __init__(self, name: str, group: str, *, parent: "FakeDatabase | None" = None) -> None:
        super().__init__()
        self.name, self.group, self.id = name, group, str(uuid.uuid4())
        self.parent, self.branched_at = parent, datetime.now(UTC)
        self.configuration: dict[str, Any] = {
            "size_limit": "0",
            "allow_attach": False,
            "block_reads": False,
            "block_writes": False,
            "delete_protection": False,
            "allowed_ips": ["203.0.113.7"],
            "allowed_aws_vpc_ids": [],
        }
        self.tokens: list[str] = []
        self.minted: list[Mapping[str, Any]] = []
        self.past: list[tuple[datetime, str]] = []

    @property
    def hostname(self) -> str:
        return f"{self.host}:{self.port}"

    def mint(self, *, access: str, expires_in: timedelta | None) -> str:
        now = datetime.now(UTC)
        claims: dict[str, Any] = {"a": access, "iat": now, "rid": self.id}
        if expires_in is not None:
            claims["exp"] = now + expires_in
        self.tokens.append(jwt.encode(claims, self._key, algorithm="EdDSA"))
        return self.tokens[-1]

    def change_key(self) -> None:
        """Every token of before is refused from now on; the port stays the same."""
        self._key = Ed25519PrivateKey.generate()
        self.stop()
        self.start()

    def run(self, sql: str) -> None:
        """Runs a script of statements."""
        answer = self._ask(
            "POST", "/v2/pipeline", {"requests": [{"type": "sequence", "sql": sql}, {"type": "close"}]}
        )
        result = json.loads(answer)["results"][0]
        assert result["type"] == "ok", result

    def column(self, sql: str) -> list[Any]:
        """The first column of a query."""
        request = {"requests": [{"type": "execute", "stmt": {"sql": sql}}, {"type": "close"}]}
        result = json.loads(self._ask("POST", "/v2/pipeline", request))["results"][0]
        assert result["type"] == "ok", result
        return [row[0].get("value") for row in result["response"]["result"]["rows"]]

    def dump(self) -> str:
        return self._ask("GET", "/dump").decode()

    def remember(self) -> datetime:
        """Keeps the present, so that it can be restored; the moment after which it holds."""
        now = datetime.now(UTC)
        self.past.append((now, self.dump()))
        return now

    def _ask(self, method: str, path: str, body: Any = None) -> bytes:
        connection = HTTPConnection(self.host, self.port, timeout=30)
        try:
            headers = {"Authorization": f"Bearer {self.token()}", "Content-Type": "application/json"}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            said = answer.read()
            assert answer.status == 200, said
            return said
        finally:
            connection.close()
