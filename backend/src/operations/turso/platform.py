"""A client of the Turso Platform API, https://docs.turso.tech/api-reference.

A call that changes something is never repeated blindly: after an unknown outcome it looks whether that was done.
"""

import time
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Literal, TypeVar
from urllib.parse import quote

from pydantic import SecretStr

from src.core.config.settings.base import Settings, SettingsError
from src.operations.http import HttpService, NoAnswerError, Sleep
from src.operations.turso import records, refusals
from src.operations.turso.errors import (
    NoSuchDatabaseError,
    OutcomeUnknownError,
    TursoRefusedError,
    TursoUnavailableError,
)
from src.operations.turso.records import Account, Database, Group, Location, Organization
from src.operations.turso.token_facts import masked

MAX_PAGES = 1000
_TRIES = 2

T = TypeVar("T")


def _unread(_: Any) -> None:
    """For answers whose success is all that they say."""


class TursoPlatform:
    """One organization at Turso. Raises TursoRefusedError, TursoUnavailableError; SettingsError without a token."""

    def __init__(self, settings: Settings, *, sleep: Sleep = time.sleep) -> None:
        self._settings, self._sleep = settings, sleep
        self.is_plain = settings.turso_api_baseurl.startswith("http:")

    @property
    def timeout_seconds(self) -> float:
        return self._settings.turso_api_timeout_seconds

    @property
    def sleep(self) -> Sleep:
        return self._sleep

    def close(self) -> None:
        if "_service" in self.__dict__:
            self._service.close()

    # --- whose token it is --------------------------------------------------------------------------------------------

    @cached_property
    def slug(self) -> str:
        """TURSO_ORGANIZATION, or the only one of the token. Raises SettingsError when there are several."""
        if self._settings.turso_organization is not None:
            return self._settings.turso_organization
        found = self.organizations()
        if len(found) == 1:
            return found[0].slug
        if not found:
            raise SettingsError(
                "TURSO_API_TOKEN belongs to no organization. Take a token of one that has databases."
            )
        slugs = ", ".join(sorted(one.slug for one in found))
        raise SettingsError(
            f"TURSO_API_TOKEN belongs to several organizations ({slugs}). Set TURSO_ORGANIZATION to one of them."
        )

    def organizations(self) -> tuple[Organization, ...]:
        return self._get("list the organizations", "/v1/organizations", records.read_organizations)

    @cached_property
    def organization(self) -> Organization:
        """With its plan, unless the token may not see that."""
        path = f"/v1/organizations/{quote(self.slug, safe='')}"
        try:
            return self._get(f"read the organization {self.slug!r}", path, records.read_organization)
        except TursoRefusedError as exc:
            if exc.status != 403:
                raise
            return Organization(self.slug, self.slug, None)

    def account(self) -> Account:
        expires_at = self._get("validate TURSO_API_TOKEN", "/v1/auth/validate", records.read_expiry)
        # a token of one organization may see neither its user nor the list of organizations
        username = _unless_forbidden(lambda: self._get("read the user", "/v1/user", records.read_username))
        organization = self.organization
        listed = _unless_forbidden(self.organizations) or ()
        others = tuple(one.slug for one in listed if one.slug != organization.slug)
        token = masked(self._settings.require_secret("TURSO_API_TOKEN"))
        return Account(self._settings.turso_api_baseurl, username, organization, others, token, expires_at)

    # --- what there is ------------------------------------------------------------------------------------------------

    def locations(self) -> tuple[Location, ...]:
        return self._get("list the locations", "/v1/locations", records.read_locations)

    def groups(self) -> tuple[Group, ...]:
        return self._get("list the groups", f"{self._prefix}/groups", records.read_groups)

    def find_group(self, name: str) -> Group | None:
        return next((group for group in self.groups() if group.name == name), None)

    def databases(self, *, group: str | None = None) -> tuple[Database, ...]:
        """All, or those of `group`, by name; every page of them."""
        found: list[Database] = []
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            page, following = self._get(
                "list the databases",
                f"{self._prefix}/databases",
                lambda said: (
                    records.read_databases(said, plain=self.is_plain),
                    records.read_next_page(said),
                ),
                query=None if cursor is None else {"cursor": cursor},
            )
            found += page
            if following is None or following == cursor:
                break
            cursor = following
        return tuple(sorted((one for one in found if group in (None, one.group)), key=lambda one: one.name))

    def find_database(self, name: str) -> Database | None:
        try:
            return self._get(
                f"read the database {records.require_name(name)!r}",
                f"{self._prefix}/databases/{name}",
                lambda said: records.read_database(said, plain=self.is_plain),
            )
        except TursoRefusedError as exc:
            if exc.status != 404:
                raise
            return None

    def get_database(self, name: str) -> Database:
        """Raises NoSuchDatabaseError."""
        found = self.find_database(name)
        if found is None:
            raise NoSuchDatabaseError(name, self.slug)
        return found

    # --- what changes something ---------------------------------------------------------------------------------------

    def create_group(self, name: str, location: str) -> Group:
        """The group, made if it is not there."""
        what, body = (
            f"create the group {records.require_name(name, 'group')!r}",
            {"name": name, "location": location},
        )
        return self._settle(
            what,
            lambda: self._change(what, "POST", f"{self._prefix}/groups", body=body, read=_unread),
            lambda: self.find_group(name),
        )

    def create_database(self, name: str, group: str, *, seed: Mapping[str, str] | None = None) -> Database:
        """The database, made if it is not there; the caller looks whether one that was there is the right one."""
        what = f"create the database {records.require_name(name)!r}"
        body: dict[str, object] = {"name": name, "group": group}
        if seed is not None:
            body["seed"] = dict(seed)
        return self._settle(
            what,
            lambda: self._change(what, "POST", f"{self._prefix}/databases", body=body, read=_unread),
            lambda: self.find_database(name),
        )

    def delete_database(self, name: str) -> None:
        """Gone afterwards, whether it was there or not."""
        try:
            self._change(
                f"delete the database {records.require_name(name)!r}",
                "DELETE",
                f"{self._prefix}/databases/{name}",
                read=_unread,
                repeatable=True,
            )
        except TursoRefusedError as exc:
            if exc.status != 404:
                raise

    def protect(self, name: str) -> None:
        """Makes Turso refuse to delete the database. Nothing else is sent: null would clear the lists of addresses."""
        self._change(
            f"protect the database {records.require_name(name)!r}",
            "PATCH",
            f"{self._prefix}/databases/{name}/configuration",
            body={"delete_protection": True},
            read=_unread,
            repeatable=True,
        )

    def mint(
        self, name: str, *, expiration: str, read_only: bool, operations: tuple[str, ...] | None = None
    ) -> SecretStr:
        """A token for the database; `operations` on every table, all when None.

        Never repeated when no answer comes: tokens cannot be listed, so there is nowhere to look.
        """
        what = f"make a token for {records.require_name(name)!r}"
        query = {"expiration": expiration, "authorization": "read-only" if read_only else "full-access"}
        # `t` without names stands for all tables, as in Turso's own client
        body = (
            {} if operations is None else {"fine_grained_permissions": [{"t": None, "a": list(operations)}]}
        )
        path = f"{self._prefix}/databases/{name}/auth/tokens"
        return self._change(
            what, "POST", path, query=query, body=body, read=lambda said: SecretStr(records.read_jwt(said))
        )

    def invalidate(self, kind: Literal["groups", "databases"], name: str) -> None:
        """New keys for a group, or for a database without one: every token made before dies.

        Raises OutcomeUnknownError when no answer comes: the caller sees by an older token whether it was done.
        """
        path = f"{self._prefix}/{kind}/{quote(name, safe='')}/auth/rotate"
        self._change(f"invalidate the tokens of {name!r}", "POST", path, read=_unread)

    # --- how ----------------------------------------------------------------------------------------------------------

    @property
    def _prefix(self) -> str:
        return f"/v1/organizations/{quote(self.slug, safe='')}"

    @cached_property
    def _service(self) -> HttpService:
        token = SecretStr(self._settings.require_secret("TURSO_API_TOKEN"))
        return HttpService(
            self._settings.turso_api_baseurl, token, timeout_seconds=self.timeout_seconds, sleep=self._sleep
        )

    def _get(
        self, what: str, path: str, read: Callable[[Any], T], *, query: Mapping[str, str] | None = None
    ) -> T:
        return self._call(what, "GET", path, read, query=query, changes=False, repeatable=True)

    def _change(
        self,
        what: str,
        method: str,
        path: str,
        *,
        body: object = None,
        query: Mapping[str, str] | None = None,
        read: Callable[[Any], T],
        repeatable: bool = False,
    ) -> T:
        return self._call(
            what, method, path, read, query=query, body=body, changes=True, repeatable=repeatable
        )

    def _call(
        self,
        what: str,
        method: str,
        path: str,
        read: Callable[[Any], T],
        *,
        query: Mapping[str, str] | None,
        changes: bool,
        repeatable: bool,
        body: object = None,
    ) -> T:
        service = self._service
        try:
            answer = service.request(method, path, repeatable=repeatable, query=query, body=body)
        except NoAnswerError as exc:
            raise refusals.no_answer(what, exc, changes=changes) from None
        if not answer.is_success:
            raise refusals.refusal(what, answer, service, changes=changes)
        try:
            return read(answer.json)
        except ValueError:
            # of a call for a token, the answer may hold one somewhere
            said = "not shown, it may hold a token" if path.endswith("/tokens") else service.said(answer)
            raise refusals.garbage(what, service, said, changes=changes) from None

    def _settle(self, what: str, act: Callable[[], object], look: Callable[[], T | None]) -> T:
        """Does `act` until `look` finds what it was to make: an answer that was lost is no reason to make it twice."""
        failure: TursoRefusedError | TursoUnavailableError | None = None
        for _ in range(_TRIES):
            try:
                act()
                failure = None
            except OutcomeUnknownError as exc:
                failure = exc
            except TursoRefusedError as exc:
                if exc.status != 409:
                    raise
                failure = exc  # somebody else made it meanwhile, or our own try whose answer was lost
            try:
                found = look()
            except TursoUnavailableError:
                unseen = OutcomeUnknownError(f"Cannot see what came of it: {what}. {refusals.UNKNOWN}")
                raise failure or unseen from None
            if found is not None:
                return found
            if not isinstance(failure, OutcomeUnknownError):
                break  # it was made, or is taken by something that cannot be seen: once more changes nothing
        raise failure or OutcomeUnknownError(
            f"Turso says that it is done ({what}), but does not show it yet. Repeat in a moment."
        )


def _unless_forbidden(read: Callable[[], T]) -> T | None:
    try:
        return read()
    except TursoRefusedError as exc:
        if exc.status not in (403, 404):
            raise
        return None
