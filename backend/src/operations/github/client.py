"""A client of the GitHub REST API for one environment of one repository, https://docs.github.com/rest.

Everything that it changes may be repeated: what is there already is found, or set once more to the same.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote

from pydantic import SecretStr

from src.operations.github import records, refusals
from src.operations.github.errors import GithubRefusedError
from src.operations.github.records import (
    Environment,
    Kind,
    PublicKey,
    RefRule,
    Repository,
    Reviewer,
    Stored,
)
from src.operations.github.sealing import seal
from src.operations.http import Answer, HttpService, NoAnswerError, Sleep

TIMEOUT_SECONDS = 20.0
_HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
_MOST_PAGES = 100
# GitHub gives at most 30 variables a page, and 100 of everything else.
_PAGE_SIZES = {"variables": 30}

T = TypeVar("T")


class GithubEnvironment:
    """The environment `name` of `repository` ("owner/name"). Raises GithubRefusedError, GithubUnavailableError."""

    def __init__(
        self,
        base_url: str,
        token: SecretStr,
        repository: str,
        name: str,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        sleep: Sleep = time.sleep,
    ) -> None:
        """Raises SettingsError for a token that cannot stand in a header."""
        self.repository_name, self.name = repository, name
        self._service = HttpService(
            base_url, token, timeout_seconds=timeout_seconds, sleep=sleep, headers=_HEADERS
        )
        self._repository_path = f"/repos/{'/'.join(quote(part, safe='') for part in repository.split('/'))}"
        self._path = f"{self._repository_path}/environments/{quote(name, safe='')}"
        self._key: PublicKey | None = None

    def close(self) -> None:
        self._service.close()

    # --- the environment and its rules --------------------------------------------------------------------------------

    def repository(self) -> Repository:
        what = f"read the repository {self.repository_name}"
        return self._get(what, self._repository_path, records.read_repository)

    def repository_secrets(self) -> tuple[str, ...]:
        """Names of the secrets beside the environments; none when the token may not see them."""
        what, path = (
            f"list the secrets of the repository {self.repository_name}",
            f"{self._repository_path}/actions/secrets",
        )
        try:
            return tuple(one.name for one in self._list(what, path, "secrets", records.read_stored))
        except GithubRefusedError as exc:
            if exc.status not in (403, 404):
                raise
            return ()

    def find_environment(self) -> Environment | None:
        """None when there is no such environment; ask for the repository first, which is as absent to a wrong token."""
        what = f"read the environment {self.name}"
        return self._unless_absent(lambda: self._get(what, self._path, records.read_environment))

    def set_environment(self, rules: Mapping[str, Any]) -> None:
        """Makes the environment if need be; `rules` are all that it then has, but for branches and tags."""
        self._change(f"set the rules of the environment {self.name}", "PUT", self._path, body=dict(rules))

    def ref_rules(self) -> tuple[RefRule, ...]:
        what = f"list the branches and tags of the environment {self.name}"
        path = f"{self._path}/deployment-branch-policies"
        # while all branches may deploy there is no such list
        found = self._unless_absent(lambda: self._list(what, path, "branch_policies", records.read_ref_rule))
        return found or ()

    def add_ref_rule(self, rule: RefRule) -> None:
        """303 is how GitHub says that the pattern is there already."""
        self._change(
            f"let {rule.shown} deploy to {self.name}",
            "POST",
            f"{self._path}/deployment-branch-policies",
            body={"name": rule.name, "type": rule.type},
            also_fine=(303,),
        )

    def remove_ref_rule(self, rule: RefRule) -> None:
        path = f"{self._path}/deployment-branch-policies/{rule.id}"
        self._change(f"no longer let {rule.shown} deploy to {self.name}", "DELETE", path, also_fine=(404,))

    def find_user(self, login: str) -> Reviewer | None:
        path = f"/users/{quote(login, safe='')}"
        return self._unless_absent(lambda: self._get(f"look up the user {login!r}", path, records.read_user))

    # --- its values ---------------------------------------------------------------------------------------------------

    def stored(self, kind: Kind) -> tuple[Stored, ...]:
        """All secrets or variables, whatever the number of pages."""
        what, path = f"list the {kind.value}s of {self.name}", f"{self._path}/{kind.value}s"
        return self._list(what, path, f"{kind.value}s", records.read_stored)

    def set_value(self, kind: Kind, name: str, value: SecretStr) -> Stored:
        """Sets it, and returns what GitHub then says of it."""
        if kind is Kind.SECRET:
            self._set_secret(name, value)
        else:
            self._set_variable(name, value)
        path = f"{self._path}/{kind.value}s/{quote(name, safe='')}"
        return self._get(f"read back when {name} changed", path, records.read_stored)

    def require_writable(self) -> None:
        """Raises unless the environment is there and takes secrets of this token, as far as reading can tell."""
        self._public_key(fresh=True)

    def _set_secret(self, name: str, value: SecretStr) -> None:
        what, path = f"set the secret {name}", f"{self._path}/secrets/{quote(name, safe='')}"
        try:
            self._change(what, "PUT", path, body=self._sealed(what, value, fresh=False))
        except GithubRefusedError as exc:
            # the key was changed after we had asked for it
            if exc.status not in (409, 422):
                raise
            self._change(what, "PUT", path, body=self._sealed(what, value, fresh=True))

    def _set_variable(self, name: str, value: SecretStr) -> None:
        what, path = f"set the variable {name}", f"{self._path}/variables"
        body = {"name": name, "value": value.get_secret_value()}
        try:
            self._change(what, "PATCH", f"{path}/{quote(name, safe='')}", body=body)
        except GithubRefusedError as exc:
            if exc.status != 404:
                raise
            made = self._change(what, "POST", path, body=body, also_fine=(409,))
            if (
                made.status == 409
            ):  # somebody else made it meanwhile, or our own attempt whose answer was lost
                self._change(what, "PATCH", f"{path}/{quote(name, safe='')}", body=body)

    def _sealed(self, what: str, value: SecretStr, *, fresh: bool) -> dict[str, str]:
        key = self._public_key(fresh=fresh)
        try:
            return {"encrypted_value": seal(value, key), "key_id": key.id}
        except ValueError:
            raise refusals.garbage(what, self._service, "a public key that is none") from None

    def _public_key(self, *, fresh: bool) -> PublicKey:
        if self._key is None or fresh:
            what = f"read the public key of {self.name}"
            self._key = self._get(what, f"{self._path}/secrets/public-key", records.read_public_key)
        return self._key

    # --- how ----------------------------------------------------------------------------------------------------------

    def _list(self, what: str, path: str, key: str, read: Callable[[Any], T]) -> tuple[T, ...]:
        found: list[T] = []
        for page in range(1, _MOST_PAGES + 1):
            query = {"per_page": str(_PAGE_SIZES.get(key, 100)), "page": str(page)}
            more, total = self._get(what, path, lambda said: records.read_page(said, key, read), query=query)
            found += more
            if not more or len(found) >= total:
                break
        return tuple(found)

    def _unless_absent(self, read: Callable[[], T]) -> T | None:
        try:
            return read()
        except GithubRefusedError as exc:
            if exc.status != 404:
                raise
            return None

    def _get(
        self, what: str, path: str, read: Callable[[Any], T], *, query: Mapping[str, str] | None = None
    ) -> T:
        answer = self._answer(what, "GET", path, query=query)
        try:
            return read(answer.json)
        except (ValueError, KeyError):
            raise refusals.garbage(what, self._service, self._service.said(answer)) from None

    def _change(
        self, what: str, method: str, path: str, *, body: object = None, also_fine: tuple[int, ...] = ()
    ) -> Answer:
        return self._answer(what, method, path, body=body, also_fine=also_fine)

    def _answer(
        self,
        what: str,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
        also_fine: tuple[int, ...] = (),
    ) -> Answer:
        changes = method != "GET"
        try:
            answer = self._service.request(method, path, repeatable=True, query=query, body=body)
        except NoAnswerError as exc:
            raise refusals.no_answer(what, exc, changes=changes) from None
        if not answer.is_success and answer.status not in also_fine:
            raise refusals.refusal(what, answer, self._service, changes=changes)
        return answer
