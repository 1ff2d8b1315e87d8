"""Everything that `autoforge turso` does, over one organization."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import SecretStr

from src.core.auth_token import UnreadableTokenError
from src.core.config.settings.base import Settings
from src.operations.http import Sleep
from src.operations.turso import branches, databases, tokens
from src.operations.turso.branches import Copying, DatabaseBranches
from src.operations.turso.databases import Provision
from src.operations.turso.platform import TursoPlatform
from src.operations.turso.records import TOKYO, Account, Database, Location
from src.operations.turso.secret_store import SecretFile, SecretStore
from src.operations.turso.token_facts import TokenFacts, judge, read_token
from src.operations.turso.tokens import Invalidation, OldToken, TokenPlan, TokenUse
from src.operations.verdict import Level, Verdict


@dataclass(frozen=True, slots=True)
class Inspection:
    """`facts` is None for what is no token of Turso."""

    verdict: Verdict
    facts: TokenFacts | None


class Turso:
    """Raises the errors of `errors.py`, and SettingsError when the settings lack something that is needed."""

    def __init__(self, settings: Settings, *, now: Callable[[], datetime], sleep: Sleep = time.sleep) -> None:
        self._settings, self._now = settings, now
        self.platform = TursoPlatform(settings, sleep=sleep)

    def close(self) -> None:
        self.platform.close()

    def locations(self) -> Sequence[Location]:
        return self.platform.locations()

    def account(self) -> Account:
        return self.platform.account()

    def databases(self) -> Sequence[Database]:
        return self.platform.databases()

    def database(self, name: str) -> Database:
        return self.platform.get_database(name)

    def plan_databases(
        self, names: Sequence[str], *, group: str | None, location: str = TOKYO, protect: bool = False
    ) -> Provision:
        return databases.plan_databases(self.platform, names, group=group, location=location, protect=protect)

    def plan_branch(self, source: str, name: str) -> Copying:
        return branches.plan_branch(self.platform, source, name)

    def plan_restore(self, source: str, at: str, name: str | None) -> Copying:
        return branches.plan_restore(self.platform, source, branches.read_moment(at), name, now=self._now())

    def branches_of(self, source: str) -> DatabaseBranches:
        return DatabaseBranches(self.platform, source)

    def plan_token(self, name: str, *, use: str | None, expiration: str | None, read_only: bool) -> TokenPlan:
        chosen = None if use is None else TokenUse(use)
        return tokens.plan_token(self.platform, name, use=chosen, expiration=expiration, read_only=read_only)

    def secret_file(self, path: Path, *, replaces: bool = False) -> SecretStore:
        return SecretFile(path, replaces=replaces)

    def look_at_old_token(self, name: str, given: SecretStr | None, store: SecretStore) -> OldToken | None:
        """The one in the file that `store` is, else `given`, else TURSO_AUTH_TOKEN when it is of this database."""
        return tokens.look_at_old(self.platform, name, given or self._own_token(name), store)

    def plan_invalidation(self, name: str) -> Invalidation:
        return tokens.plan_invalidation(self.platform, name)

    def invalidate(self, name: str, *, confirmed: Sequence[str]) -> Invalidation:
        return tokens.invalidate(self.platform, name, confirmed=confirmed)

    def inspect(self, token: SecretStr) -> Inspection:
        """Looks at the token on this machine only; nothing is sent."""
        try:
            facts = read_token(token.get_secret_value())
        except UnreadableTokenError as exc:
            fix = "Make a new one: autoforge turso token create DATABASE"
            return Inspection(Verdict(Level.FAIL, f"it is no token of a Turso database: {exc}", fix), None)
        return Inspection(judge(facts, now=self._now()), facts)

    def _own_token(self, name: str) -> SecretStr | None:
        url, token = self._settings.turso_database_url, self._settings.turso_auth_token
        if url is None or token is None or self._hostname(url) != self.platform.get_database(name).hostname:
            return None
        return token

    @staticmethod
    def _hostname(url: str) -> str:
        return url.partition("://")[2].partition("?")[0].rstrip("/")
