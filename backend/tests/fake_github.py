"""The part of the GitHub REST API that environments need: a real HTTP server on 127.0.0.1 that opens sealed boxes.

    with FakeGithub() as github:
        ...                                        # GITHUB_API_URL=github.base_url, GITHUB_TOKEN=github.token
        assert github.value("staging", "STAGING_X") == "…"

Built from GitHub's documentation; GitHub itself was never asked. As it says: names and shapes of answers, status codes,
pages, keys that change, plans that refuse rules. Its own choices: the words of refusals, and a clock in which every
change takes a second.
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, SealedBox

from tests.faulty_json_server import Call, FaultyJsonServer, Refused, Reply

NO_PLAN = "Failed to create the environment protection rule. Please ensure the billing plan supports {}."
_MOST_BYTES = 48 * 1024


@dataclass
class FakeValue:
    value: str
    updated_at: datetime


@dataclass
class FakeEnvironment:
    wait_timer: int = 0
    reviewers: list[dict[str, Any]] = field(default_factory=list)
    prevent_self_review: bool = False
    policy: dict[str, bool] | None = None
    refs: dict[int, tuple[str, str]] = field(default_factory=dict)
    secrets: dict[str, FakeValue] = field(default_factory=dict)
    variables: dict[str, FakeValue] = field(default_factory=dict)

    @property
    def ref_names(self) -> set[str]:
        return {f"{kind} {name}" for name, kind in self.refs.values()}


class FakeGithub(FaultyJsonServer):
    """`private` repositories need a `plan`: "free" has no environments there, "team" no reviewers, "enterprise" all."""

    def __init__(self, *, token: str = "github-token-of-the-tests-0123456789", repository: str = "acme/app"):
        super().__init__()
        self.token, self.repository = token, repository
        self.private, self.plan, self.may_administer = False, "free", True
        self.repository_secrets: dict[str, FakeValue] = {}
        self.may_see_repository_secrets = True
        self.environments: dict[str, FakeEnvironment] = {}
        self.users = {"yui": 7, "ken": 8, "mia": 9}
        self.clock = datetime.now(UTC).replace(microsecond=0)
        self.page_size = 100
        self.keys = [PrivateKey.generate()]
        self.rotates_key_after_reading = 0
        self._ids = 100

    # --- what a test looks at or prepares -----------------------------------------------------------------------------

    def value(self, environment: str, name: str) -> str:
        """Of a secret, as the workflow would see it."""
        return self.environments[environment].secrets[name].value

    def set_by_somebody(self, environment: str, name: str, value: str, *, days_ago: int = 0) -> None:
        self.environments.setdefault(environment, FakeEnvironment()).secrets[name] = FakeValue(
            value, self._tick() - timedelta(days=days_ago)
        )

    def add_ref(self, environment: str, name: str, kind: str) -> None:
        self._ids += 1
        self.environments[environment].refs[self._ids] = (name, kind)

    @property
    def sent_secrets(self) -> list[str]:
        """Names of the secrets that were put, in their order, whatever became of it."""
        found = (re.search(r"/secrets/([^/]+)$", call.path) for call in self.seen if call.method == "PUT")
        return [one[1] for one in found if one is not None]

    # --- the API ------------------------------------------------------------------------------------------------------

    def error_body(self, refused: Refused) -> Any:
        return {"message": refused.error, "documentation_url": "https://docs.github.com/rest"}

    def respond(self, call: Call) -> Any:
        if call.headers.get("authorization") != f"Bearer {self.token}":
            raise Refused(401, "Bad credentials")
        if "user-agent" not in call.headers or call.headers.get("accept") != "application/vnd.github+json":
            raise Refused(403, "Request forbidden by administrative rules.")
        for method, pattern, respond in self._routes():
            if method == call.method and (found := re.fullmatch(pattern, call.path)) is not None:
                return respond(call, *map(unquote, found.groups()))
        raise Refused(404, "Not Found")

    def _routes(self) -> list[tuple[str, str, Callable[..., Any]]]:
        r = f"/repos/{re.escape(self.repository)}"
        e = f"{r}/environments/([^/]+)"
        return [
            ("GET", r, self._repository),
            ("GET", f"{r}/actions/secrets", self._list_repository_secrets),
            ("GET", "/users/([^/]+)", self._user),
            ("GET", e, self._environment),
            ("PUT", e, self._set_environment),
            ("GET", f"{e}/deployment-branch-policies", self._list_refs),
            ("POST", f"{e}/deployment-branch-policies", self._add_ref),
            ("DELETE", f"{e}/deployment-branch-policies/([0-9]+)", self._remove_ref),
            (
                "GET",
                f"{e}/secrets",
                lambda call, env: self._list(call, self._of(env).secrets, "secrets", 100),
            ),
            ("GET", f"{e}/secrets/public-key", self._public_key),
            ("GET", f"{e}/secrets/([^/]+)", lambda _, env, name: _shown(self._of(env).secrets, name)),
            ("PUT", f"{e}/secrets/([^/]+)", self._put_secret),
            ("GET", f"{e}/variables", self._list_variables),
            ("POST", f"{e}/variables", self._add_variable),
            (
                "GET",
                f"{e}/variables/([^/]+)",
                lambda _, env, name: _shown(self._of(env).variables, name, open=True),
            ),
            ("PATCH", f"{e}/variables/([^/]+)", self._change_variable),
        ]

    def _repository(self, _call: Call) -> Any:
        return {
            "full_name": self.repository,
            "private": self.private,
            "permissions": {"admin": self.may_administer, "push": True},
        }

    def _user(self, _call: Call, login: str) -> Any:
        if login not in self.users:
            raise Refused(404, "Not Found")
        return {"login": login, "id": self.users[login], "type": "User"}

    def _of(self, name: str) -> FakeEnvironment:
        if name not in self.environments:
            raise Refused(404, "Not Found")
        return self.environments[name]

    def _environment(self, _call: Call, name: str) -> Any:
        found = self._of(name)
        rules: list[dict[str, Any]] = []
        if found.wait_timer:
            rules.append({"id": 1, "type": "wait_timer", "wait_timer": found.wait_timer})
        if found.reviewers:
            logins = {number: login for login, number in self.users.items()}
            people = [
                {"type": one["type"], "reviewer": {"id": one["id"], "login": logins[one["id"]]}}
                if one["type"] == "User"
                else {"type": "Team", "reviewer": {"id": one["id"], "slug": f"team-{one['id']}"}}
                for one in found.reviewers
            ]
            strict = found.prevent_self_review
            rules.append({"type": "required_reviewers", "prevent_self_review": strict, "reviewers": people})
        if found.policy is not None:
            rules.append({"id": 3, "type": "branch_policy"})
        return {"id": 1, "name": name, "protection_rules": rules, "deployment_branch_policy": found.policy}

    def _set_environment(self, call: Call, name: str) -> Any:
        self._require_admin()
        body, has_all = call.body or {}, not self.private or self.plan == "enterprise"
        if self.private and self.plan == "free":
            raise Refused(422, NO_PLAN.format("environment"))
        for key, rule in (("reviewers", "required reviewers"), ("wait_timer", "wait timer")):
            if body.get(key) and not has_all:
                raise Refused(422, NO_PLAN.format(rule))
        if len(body.get("reviewers") or []) > 6:
            raise Refused(422, "Too many reviewers")
        found = self.environments.setdefault(name, FakeEnvironment())
        # all rules are replaced: what is not sent is gone
        found.wait_timer, found.reviewers = body.get("wait_timer", 0), body.get("reviewers") or []
        found.prevent_self_review = body.get("prevent_self_review", False)
        found.policy = body.get("deployment_branch_policy")
        if found.policy is None or not found.policy["custom_branch_policies"]:
            found.refs.clear()
        return self._environment(call, name)

    def _list_refs(self, call: Call, name: str) -> Any:
        listed = [{"id": key, "name": ref, "type": kind} for key, (ref, kind) in self._of(name).refs.items()]
        return self._page(call, listed, "branch_policies", 100)

    def _add_ref(self, call: Call, name: str) -> Any:
        self._require_admin()
        found = self._of(name)
        if found.policy is None or not found.policy["custom_branch_policies"]:
            raise Refused(404, "Not Found")
        wanted = (call.body["name"], call.body["type"])
        if wanted in found.refs.values():
            raise Refused(303, "See Other")
        self.add_ref(name, *wanted)
        return {"id": self._ids, "name": wanted[0], "type": wanted[1]}

    def _remove_ref(self, _call: Call, name: str, key: str) -> Any:
        self._require_admin()
        if self._of(name).refs.pop(int(key), None) is None:
            raise Refused(404, "Not Found")
        return Reply(204)

    def _list(
        self, call: Call, values: dict[str, FakeValue], key: str, most: int, *, open: bool = False
    ) -> Any:
        return self._page(call, [_shown(values, name, open=open) for name in sorted(values)], key, most)

    def _page(self, call: Call, listed: list[Any], key: str, most: int) -> Any:
        size = min(int(call.query.get("per_page", "30")), most, self.page_size)
        begin = (int(call.query.get("page", "1")) - 1) * size
        return {"total_count": len(listed), key: listed[begin : begin + size]}

    def _public_key(self, _call: Call, name: str) -> Any:
        self._of(name)
        said = {"key_id": str(len(self.keys)), "key": b64encode(bytes(self.keys[-1].public_key)).decode()}
        if self.rotates_key_after_reading:
            self.rotates_key_after_reading -= 1
            self.keys.append(PrivateKey.generate())
        return said

    def _put_secret(self, call: Call, name: str, secret: str) -> Any:
        found = self._of(name)
        if re.fullmatch("[A-Z_][A-Z0-9_]*", secret) is None or secret.startswith("GITHUB_"):
            raise Refused(422, "Secret names can only contain alphanumeric characters")
        if call.body["key_id"] != str(len(self.keys)):
            raise Refused(422, "Bad request - key_id is not that of the current key")
        try:
            value = SealedBox(self.keys[-1]).decrypt(b64decode(call.body["encrypted_value"])).decode()
        except CryptoError:
            raise Refused(422, "Bad request - the value could not be opened") from None
        if len(value.encode()) > _MOST_BYTES:
            raise Refused(422, "Secret value is too large")
        is_new = secret not in found.secrets
        found.secrets[secret] = FakeValue(value, self._tick())
        return Reply(201, {}) if is_new else Reply(204)

    def _list_repository_secrets(self, call: Call) -> Any:
        if not self.may_see_repository_secrets:
            raise Refused(403, "Resource not accessible by personal access token")
        return self._list(call, self.repository_secrets, "secrets", 100)

    def _list_variables(self, call: Call, name: str) -> Any:
        return self._list(call, self._of(name).variables, "variables", 30, open=True)

    def _add_variable(self, call: Call, name: str) -> Any:
        variables = self._of(name).variables
        if call.body["name"] in variables:
            raise Refused(409, "Already exists - Variable already exists")
        variables[call.body["name"]] = FakeValue(call.body["value"], self._tick())
        return Reply(201, {})

    def _change_variable(self, call: Call, name: str, variable: str) -> Any:
        variables = self._of(name).variables
        if variable not in variables:
            raise Refused(404, "Not Found")
        variables[variable] = FakeValue(call.body["value"], self._tick())
        return Reply(204)

    def _require_admin(self) -> None:
        if not self.may_administer:
            raise Refused(403, "Resource not accessible by personal access token")

    def _tick(self) -> datetime:
        self.clock += timedelta(seconds=1)
        return self.clock


def _shown(values: dict[str, FakeValue], name: str, *, open: bool = False) -> Any:
    if name not in values:
        raise Refused(404, "Not Found")
    moment = values[name].updated_at.isoformat().replace("+00:00", "Z")
    said = {"name": name, "created_at": moment, "updated_at": moment}
    return {**said, "value": values[name].value} if open else said
