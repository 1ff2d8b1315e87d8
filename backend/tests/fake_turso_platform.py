"""A Turso Platform API for tests: a real HTTP server on 127.0.0.1 whose databases are real libSQL servers.

    with FakeTursoPlatform() as turso:
        ...                                         # TURSO_API_BASEURL=turso.base_url, TURSO_API_TOKEN=turso.token
        turso.lose_answer(on=("POST", "/databases"))   # the next such call is done, and its answer is lost
        assert turso.calls("POST", "/databases") == 1

Built from Turso's documentation and the source of its command line client; Turso itself was never asked. What it does
as they say: names and shapes of answers with their mixed case, status codes, `seed.name` (documentation) and
`seed.value` (client), pages, tokens that work on their own database only, keys that change when a group is rotated,
branches that are copies. Its own choices: a second group beyond the plan is refused with 402, and the past of a
database is what `remember` was called for.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

from tests.fake_turso_database import FakeDatabase
from tests.faulty_json_server import Call, FaultyJsonServer, Refused

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


class FakeTursoPlatform(FaultyJsonServer):
    def __init__(
        self,
        *,
        token: str = "platform-token-of-the-tests-0123456789",
        organization: str = "acme",
        plan: str = "scaler",
        expires_at: int = -1,
    ) -> None:
        super().__init__()
        self.token, self.organization, self.plan, self.expires_at = token, organization, plan, expires_at
        self.other_organizations: list[str] = []
        self.username: str | None = "yui"
        self.groups: dict[str, str] = {}
        self.databases: dict[str, FakeDatabase] = {}
        self.page_size = 100

    def __exit__(self, *exc_info: object) -> None:
        super().__exit__(*exc_info)
        for database in self.databases.values():
            database.close()

    def add_database(
        self, name: str, group: str = "default", location: str = "aws-ap-northeast-1", *, runs: bool = True
    ) -> FakeDatabase:
        """As if somebody had made it earlier; without `runs` there is no server behind it."""
        self.groups.setdefault(group, location)
        self.databases[name] = FakeDatabase(name, group)
        return self.databases[name].start() if runs else self.databases[name]

    @property
    def secrets(self) -> list[str]:
        """Every token that there is or was."""
        return [self.token, *(token for one in self.databases.values() for token in one.tokens)]

    # --- the API ------------------------------------------------------------------------------------------------------

    def respond(self, call: Call) -> Any:
        """What to answer, None for an empty body. Raises Refused."""
        if call.headers.get("authorization") != f"Bearer {self.token}":
            raise Refused(401, "invalid or expired auth token")
        for method, pattern, respond in self._routes():
            if method == call.method and (found := re.fullmatch(pattern, call.path)) is not None:
                return respond(call, *map(unquote, found.groups()))
        raise Refused(404, "endpoint not found")

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
        raise Refused(404, f"could not find organization {slug}")

    def _user(self, _call: Call) -> Any:
        if self.username is None:
            raise Refused(403, "this token belongs to no user")
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
            raise Refused(400, f"location {location!r} is not valid")
        if name in self.groups:
            raise Refused(409, "group already exists")
        if self.groups and self.plan not in MANY_GROUPS:
            raise Refused(402, "your plan does not allow more than one group")
        self.groups[name] = location
        return {"group": self._group(name)}

    def _rotate_group(self, _call: Call, name: str) -> None:
        if name not in self.groups:
            raise Refused(404, "group not found")
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
            raise Refused(400, "group not found")
        if _NAME.fullmatch(name) is None:
            raise Refused(422, f"database name {name!r} is not available")
        if name in self.databases:
            raise Refused(409, f"database with name {name} already exists")
        made = self._seeded(name, group, seed) if seed else FakeDatabase(name, group).start()
        self.databases[name] = made
        return {"database": {"DbId": made.id, "Hostname": made.hostname, "Name": name}}

    def _seeded(self, name: str, group: str, seed: Mapping[str, str]) -> FakeDatabase:
        if seed["type"] != "database":
            raise Refused(400, f"unknown seed type {seed['type']!r}")
        source = self._database(seed.get("name") or seed["value"])
        script, moment = source.dump(), datetime.now(UTC)
        if "timestamp" in seed:
            moment = datetime.fromisoformat(seed["timestamp"])
            kept = [dump for taken_at, dump in source.past if taken_at <= moment]
            if not kept:
                raise Refused(400, f"no backup of {source.name} at {seed['timestamp']}")
            script = kept[-1]
        made = FakeDatabase(name, group, parent=source).start()
        made.branched_at = moment
        made.run(script)
        return made

    def _database(self, name: str) -> FakeDatabase:
        if name not in self.databases:
            raise Refused(404, f"could not find database with name {name}: record not found")
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
            raise Refused(403, "delete protection is enabled")
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
            raise Refused(400, "Invalid expiration format")
        rules = (call.body or {}).get("fine_grained_permissions")
        allowed = {operation for rule in rules or [] for operation in rule["a"]}
        # the server here knows no rights on single tables; whoever may only read is at least kept from writing
        is_reader = call.query.get("authorization") == "read-only" or (allowed and allowed <= {"data_read"})
        database.minted.append({"expiration": expiration, "read_only": bool(is_reader), "permissions": rules})
        parts = {_UNITS[unit]: int(number) for number, unit in re.findall(r"(\d+)([wdhms])", expiration)}
        lives = timedelta(**parts) if parts else None
        return {"jwt": database.mint(access="ro" if is_reader else "rw", expires_in=lives)}
