"""A Turso Platform API for tests: a real HTTP server on 127.0.0.1 whose databases are real libSQL servers.

    with FakeTursoPlatform() as turso:
        ...                                         # TURSO_API_BASEURL=turso.base_url, TURSO_API_TOKEN=turso.token
        turso.lose_answer("POST", "/databases")     # the next such call is done, and its answer is lost
        assert turso.calls("POST", "/databases") == 1

Built from Turso's documentation and the source of its command line client; Turso itself was never asked. What it does
as they say: names and shapes of answers with their mixed case, status codes, `seed.name` (documentation) and
`seed.value` (client), pages, tokens that work on their own database only, keys that change when a group is rotated,
branches that are copies. Its own choices: a second group beyond the plan is refused with 402, and the past of a
database is what `remember` was called for.
"""

import json
import re
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self
from urllib.parse import parse_qs, unquote, urlsplit

from tests.fake_turso_database import FakeDatabase

LOCATIONS = {
    "aws-ap-northeast-1": "AWS AP NorthEast (Tokyo)",
    "aws-ap-south-1": "AWS AP South (Mumbai)",
    "aws-eu-west-1": "AWS EU West (Ireland)",
    "aws-us-east-1": "AWS US East (Virginia)",
    "aws-us-east-2": "AWS US East (Ohio)",
    "aws-us-west-2": "AWS US West (Oregon)",
}
MANY_GROUPS = ("scaler", "pro", "enterprise")
_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_NAME = re.compile("[a-z0-9-]{1,64}")
Kind = Literal["answer", "hang", "drop", "lose", "drip"]


class _Refused(Exception):  # noqa: N818 - an answer, not an error of the fake
    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status, self.error = status, error


@dataclass
class _Fault:
    kind: Kind
    method: str
    path: str
    times: int | None
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any


class FakeTursoPlatform:
    def __init__(
        self,
        *,
        token: str = "platform-token-of-the-tests-0123456789",
        organization: str = "acme",
        plan: str = "scaler",
        expires_at: int = -1,
    ) -> None:
        self.token, self.organization, self.plan, self.expires_at = token, organization, plan, expires_at
        self.other_organizations: list[str] = []
        self.username: str | None = "yui"
        self.groups: dict[str, str] = {}
        self.databases: dict[str, FakeDatabase] = {}
        self.page_size = 100
        self.seen: list[Call] = []
        self._faults: list[_Fault] = []
        self._healed = threading.Event()
        self._lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def calls(self, method: str, path: str = "") -> int:
        """How many calls came whose path ends so."""
        return sum(call.method == method and call.path.endswith(path) for call in self.seen)

    @property
    def changes(self) -> list[str]:
        """Method and path of all calls that were to change something, in their order."""
        return [f"{call.method} {call.path}" for call in self.seen if call.method != "GET"]

    # --- what goes wrong ----------------------------------------------------------------------------------------------

    def answer(
        self,
        status: int,
        body: bytes = b'{"error": "said so"}',
        *,
        on: tuple[str, str] = ("", ""),
        times: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Answers calls whose method and end of path are `on` with this, doing nothing."""
        self._faults.append(_Fault("answer", *on, times, status, body, headers or {}))

    def hang(self, *, on: tuple[str, str] = ("", ""), times: int | None = None) -> None:
        """Never answers, and does nothing."""
        self._faults.append(_Fault("hang", *on, times))

    def drop(self, *, on: tuple[str, str] = ("", ""), times: int | None = None) -> None:
        """Closes the connection, and does nothing."""
        self._faults.append(_Fault("drop", *on, times))

    def drip(self, *, on: tuple[str, str] = ("", ""), times: int | None = None) -> None:
        """Answers a byte each 20 ms, without an end, and does nothing."""
        self._faults.append(_Fault("drip", *on, times))

    def lose_answer(self, *, on: tuple[str, str], times: int | None = 1, status: int = 0) -> None:
        """Does what was asked, and closes the connection, or answers with `status` and garbage."""
        self._faults.append(_Fault("lose", *on, times, status, b"<html>oops"))

    def heal(self) -> None:
        self._faults.clear()
        self._healed.set()
        self._healed = threading.Event()

    # --- life ---------------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="fake-turso", daemon=True
        ).start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.heal()
        self._server.shutdown()
        self._server.server_close()
        for database in self.databases.values():
            database.close()

    def add_database(
        self, name: str, group: str = "default", location: str = "aws-ap-northeast-1"
    ) -> FakeDatabase:
        """As if somebody had made it earlier."""
        self.groups.setdefault(group, location)
        self.databases[name] = FakeDatabase(name, group).start()
        return self.databases[name]

    # --- the API ------------------------------------------------------------------------------------------------------

    def respond(self, call: Call) -> Any:
        """What to answer, None for an empty body. Raises _Refused."""
        if call.headers.get("authorization") != f"Bearer {self.token}":
            raise _Refused(401, "invalid or expired auth token")
        for method, pattern, respond in self._routes():
            if method == call.method and (found := re.fullmatch(pattern, call.path)) is not None:
                return respond(call, *map(unquote, found.groups()))
        raise _Refused(404, "endpoint not found")

    def _routes(self) -> list[tuple[str, str, Callable[..., Any]]]:
        o = f"/v1/organizations/{re.escape(self.organization)}"
        return [
            ("GET", "/v1/auth/validate", lambda _: {"exp": self.expires_at}),
            ("GET", "/v1/user", self._user),
            ("GET", "/v1/locations", lambda _: {"locations": LOCATIONS}),
            ("GET", "/v1/organizations", self._organizations),
            ("GET", o, lambda _: {"organization": self._organization(self.organization)}),
            ("GET", f"{o}/groups", lambda _: {"groups": [self._group(name) for name in self.groups]}),
            ("POST", f"{o}/groups", self._create_group),
            ("POST", f"{o}/groups/([^/]+)/auth/rotate", self._rotate_group),
            ("GET", f"{o}/databases", self._list),
            ("POST", f"{o}/databases", self._create),
            (
                "GET",
                f"{o}/databases/([^/]+)",
                lambda _, name: {"database": self._shown(self._database(name))},
            ),
            ("DELETE", f"{o}/databases/([^/]+)", self._delete),
            (
                "GET",
                f"{o}/databases/([^/]+)/configuration",
                lambda _, name: self._database(name).configuration,
            ),
            ("PATCH", f"{o}/databases/([^/]+)/configuration", self._configure),
            ("POST", f"{o}/databases/([^/]+)/auth/tokens", self._mint),
            ("POST", f"{o}/databases/([^/]+)/auth/rotate", lambda _, name: self._database(name).change_key()),
            ("GET", "/v1/organizations/([^/]+)(?:/.*)?", self._no_organization),
        ]

    def _no_organization(self, _call: Call, slug: str) -> Any:
        raise _Refused(404, f"could not find organization {slug}")

    def _user(self, _call: Call) -> Any:
        if self.username is None:
            raise _Refused(403, "this token belongs to no user")
        return {"user": {"username": self.username, "plan": self.plan, "mfa": False}}

    def _organizations(self, _call: Call) -> Any:
        return [self._organization(slug) for slug in (self.organization, *self.other_organizations)]

    def _organization(self, slug: str) -> Any:
        return {"name": slug.title(), "slug": slug, "type": "team", "plan_id": self.plan, "overages": False}

    def _group(self, name: str) -> Any:
        place = self.groups[name]
        return {
            "name": name,
            "uuid": name,
            "primary": place,
            "locations": [place],
            "delete_protection": False,
        }

    def _create_group(self, call: Call) -> Any:
        name, location = call.body["name"], call.body["location"]
        if location not in LOCATIONS:
            raise _Refused(400, f"location {location!r} is not valid")
        if name in self.groups:
            raise _Refused(409, "group already exists")
        if self.groups and self.plan not in MANY_GROUPS:
            raise _Refused(402, "your plan does not allow more than one group")
        self.groups[name] = location
        return {"group": self._group(name)}

    def _rotate_group(self, _call: Call, name: str) -> None:
        if name not in self.groups:
            raise _Refused(404, "group not found")
        for database in self.databases.values():
            if database.group == name:
                database.change_key()

    def _list(self, call: Call) -> Any:
        names = sorted(
            name for name, one in self.databases.items() if call.query.get("group") in (None, one.group)
        )
        begin = names.index(call.query["cursor"]) if "cursor" in call.query else 0
        page, rest = names[begin : begin + self.page_size], names[begin + self.page_size :]
        listed = [self._shown(self.databases[name]) for name in page]
        return {"databases": listed, "pagination": {"next": rest[0] if rest else None}}

    def _create(self, call: Call) -> Any:
        name, group, seed = call.body["name"], call.body["group"], call.body.get("seed")
        if group not in self.groups:
            raise _Refused(400, "group not found")
        if _NAME.fullmatch(name) is None:
            raise _Refused(422, f"database name {name!r} is not available")
        if name in self.databases:
            raise _Refused(409, f"database with name {name} already exists")
        made = self._seeded(name, group, seed) if seed else FakeDatabase(name, group).start()
        self.databases[name] = made
        return {"database": {"DbId": made.id, "Hostname": made.hostname, "Name": name}}

    def _seeded(self, name: str, group: str, seed: Mapping[str, str]) -> FakeDatabase:
        if seed["type"] != "database":
            raise _Refused(400, f"unknown seed type {seed['type']!r}")
        source = self._database(seed.get("name") or seed["value"])
        script, moment = source.dump(), datetime.now(UTC)
        if "timestamp" in seed:
            moment = datetime.fromisoformat(seed["timestamp"])
            kept = [dump for taken_at, dump in source.past if taken_at <= moment]
            if not kept:
                raise _Refused(400, f"no backup of {source.name} at {seed['timestamp']}")
            script = kept[-1]
        made = FakeDatabase(name, group, parent=source).start()
        made.branched_at = moment
        made.run(script)
        return made

    def _database(self, name: str) -> FakeDatabase:
        if name not in self.databases:
            raise _Refused(404, f"could not find database with name {name}: record not found")
        return self.databases[name]

    def _shown(self, database: FakeDatabase) -> Any:
        place, parent = self.groups[database.group], database.parent
        branched_at = database.branched_at.isoformat(timespec="microseconds").replace("+00:00", "Z")
        return {
            "Name": database.name,
            "DbId": database.id,
            "Hostname": database.hostname,
            "block_reads": database.configuration["block_reads"],
            "block_writes": database.configuration["block_writes"],
            "regions": [place],
            "primaryRegion": place,
            "group": database.group,
            "delete_protection": database.configuration["delete_protection"],
            "parent": parent and {"id": parent.id, "name": parent.name, "branched_at": branched_at},
        }

    def _delete(self, _call: Call, name: str) -> Any:
        database = self._database(name)
        if database.configuration["delete_protection"]:
            raise _Refused(403, "delete protection is enabled")
        database.close()
        del self.databases[name]
        return {"database": name}

    def _configure(self, call: Call, name: str) -> Any:
        configuration = self._database(name).configuration
        for key, value in call.body.items():
            configuration[key] = [] if value is None and key.startswith("allowed_") else value
        return configuration

    def _mint(self, call: Call, name: str) -> Any:
        database, expiration = self._database(name), call.query.get("expiration", "never")
        if re.fullmatch(r"never|(\d+[wdhms])+", expiration) is None:
            raise _Refused(400, "Invalid expiration format")
        rules = (call.body or {}).get("fine_grained_permissions")
        allowed = {operation for rule in rules or [] for operation in rule["a"]}
        # the server here knows no rights on single tables; whoever may only read is at least kept from writing
        is_reader = call.query.get("authorization") == "read-only" or (allowed and allowed <= {"data_read"})
        database.minted.append({"expiration": expiration, "read_only": bool(is_reader), "permissions": rules})
        parts = {_UNITS[unit]: int(number) for number, unit in re.findall(r"(\d+)([wdhms])", expiration)}
        lives = timedelta(**parts) if parts else None
        return {"jwt": database.mint(access="ro" if is_reader else "rw", expires_in=lives)}

    # --- HTTP ---------------------------------------------------------------------------------------------------------

    def take_fault(self, call: Call) -> _Fault | None:
        with self._lock:
            for fault in self._faults:
                if fault.method in ("", call.method) and call.path.endswith(fault.path) and fault.times != 0:
                    if fault.times is not None:
                        fault.times -= 1
                    return fault
        return None

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        call = _read_call(handler)
        self.seen.append(call)
        fault = self.take_fault(call)
        if fault is not None and fault.kind != "lose":
            self._fail(handler, fault)
            return
        try:
            with self._lock:
                said = self.respond(call)
            status, body = 200, b"" if said is None else json.dumps(said).encode()
        except _Refused as refused:
            status, body = refused.status, json.dumps({"error": refused.error}).encode()
        if fault is None:
            _send(handler, status, body, {"Content-Type": "application/json"})
        elif fault.status:
            _send(handler, fault.status, fault.body, fault.headers)
        else:
            _hang_up(handler)

    def _fail(self, handler: BaseHTTPRequestHandler, fault: _Fault) -> None:
        if fault.kind == "answer":
            _send(handler, fault.status, fault.body, fault.headers)
            return
        healed = self._healed
        if fault.kind == "drip":
            with suppress(OSError):
                handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
                while not healed.wait(0.02):
                    handler.wfile.write(b" ")
        elif fault.kind == "hang":
            healed.wait(60)
        _hang_up(handler)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        platform = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                platform.serve(self)

            do_GET = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Nothing is written down: the headers hold tokens."""

        return Handler


def _read_call(handler: BaseHTTPRequestHandler) -> Call:
    parts = urlsplit(handler.path)
    raw = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
    return Call(
        handler.command,
        parts.path,
        {name: values[-1] for name, values in parse_qs(parts.query).items()},
        {name.lower(): value for name, value in handler.headers.items()},
        json.loads(raw) if raw else None,
    )


def _send(handler: BaseHTTPRequestHandler, status: int, body: bytes, headers: Mapping[str, str]) -> None:
    handler.send_response(status)
    for name, value in {**headers, "Content-Length": str(len(body))}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def _hang_up(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True
    with suppress(OSError):
        handler.connection.shutdown(socket.SHUT_RDWR)
