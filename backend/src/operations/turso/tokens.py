"""Database tokens: made, proven with a query, and only then handed over; kept by nobody else.

Turso neither lists tokens nor revokes a single one: an old token dies when it expires, or with all of its group.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import SecretStr

from src.core.auth_token import UnreadableTokenError
from src.operations.turso.database_check import is_accepted, require_accepted
from src.operations.turso.errors import (
    InvalidationNotConfirmedError,
    OutcomeUnknownError,
    SecretNotKeptError,
    TokenRefusedError,
    TursoInputError,
    TursoUnavailableError,
)
from src.operations.turso.platform import TursoPlatform
from src.operations.turso.records import Database
from src.operations.turso.secret_store import SecretFile, SecretStore
from src.operations.turso.token_facts import TokenFacts, read_token

DATA = ("data_read", "data_add", "data_update", "data_delete")
SCHEMA = ("schema_add", "schema_update", "schema_delete")
NEVER = "never"
_EXPIRATION = re.compile(r"(\d{1,5}[wdhms])+")
_PROBE_EXPIRATION = "10m"


class TokenUse(StrEnum):
    """What a token is for. Runtime may not change the schema; a migration may, for a day."""

    RUNTIME = "runtime"
    MIGRATION = "migration"


@dataclass(frozen=True, slots=True)
class KeptToken:
    """`where` the token is now; the token itself is nowhere in here."""

    database: Database
    facts: TokenFacts
    where: str


@dataclass(frozen=True, slots=True)
class OldToken:
    """`works`: the database took it just now."""

    facts: TokenFacts
    works: bool


@dataclass(frozen=True, slots=True)
class Invalidation:
    """Every token of `databases` dies: their group `group`, or the only database when it is in none."""

    group: str | None
    databases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TokenPlan:
    """A token to be made. `operations` is what it may do in every table, None for all that `read_only` leaves."""

    database: Database
    expiration: str
    read_only: bool
    operations: tuple[str, ...] | None
    platform: TursoPlatform = field(repr=False)

    def make(self, store: SecretStore) -> KeptToken:
        """Makes it, proves it, hands it over. Raises TokenRefusedError, SecretNotKeptError, having kept nothing."""
        store.require_ready()
        name = self.database.name
        token = self.platform.mint(
            name, expiration=self.expiration, read_only=self.read_only, operations=self.operations
        )
        facts = _facts(token)
        try:
            require_accepted(self.platform, self.database, token)
            return KeptToken(self.database, facts, store.keep(token))
        except (TokenRefusedError, TursoUnavailableError, SecretNotKeptError) as exc:
            orphan = "never dies: invalidate it" if self.expiration == NEVER else "dies by itself"
            raise type(exc)(f"{exc} The new token was given to nobody, and {orphan}.") from None


def plan_token(
    platform: TursoPlatform,
    name: str,
    *,
    use: TokenUse | None = None,
    expiration: str | None = None,
    read_only: bool = False,
) -> TokenPlan:
    """90 days unless said otherwise, a day for migrations. Raises TursoInputError, NoSuchDatabaseError."""
    if use is not None and read_only:
        raise TursoInputError(f"A token for {use.value} writes; take --for or --read-only, not both.")
    if expiration is None:
        expiration = "1d" if use is TokenUse.MIGRATION else "90d"
    elif expiration != NEVER and _EXPIRATION.fullmatch(expiration) is None:
        raise TursoInputError(
            f"--expires: {expiration!r:.40} is no length of time. Write 90d, 2w, 12h, 1d12h or never."
        )
    operations = {None: None, TokenUse.RUNTIME: DATA, TokenUse.MIGRATION: DATA + SCHEMA}[use]
    return TokenPlan(platform.get_database(name), expiration, read_only, operations, platform)


def look_at_old(
    platform: TursoPlatform, name: str, old: SecretStr | None, store: SecretStore
) -> OldToken | None:
    """The token that a rotation replaces: the one in the file it goes to, else `old`; None when neither is there.

    Raises TursoInputError for one that cannot be read, SecretNotKeptError when the file holds one of another database.
    """
    current = store.current() if isinstance(store, SecretFile) else None
    given = current or old
    if given is None:
        return None
    try:
        facts = read_token(given.get_secret_value())
    except UnreadableTokenError as exc:
        if current is not None:
            raise SecretNotKeptError(
                "The file holds no database token, and is left alone. Name another file."
            ) from None
        raise TursoInputError(f"The old token cannot be read: {exc}.") from None
    works = is_accepted(platform, platform.get_database(name), given)
    if current is not None and not works and not facts.is_expired:
        raise SecretNotKeptError(
            f"The file holds a token ({facts.shown}) that {name} does not take: perhaps one of another database. "
            "It is left alone. Name another file."
        )
    return OldToken(facts, works)


def plan_invalidation(platform: TursoPlatform, name: str) -> Invalidation:
    """What dies when the tokens of `name` are invalidated: Turso signs with the keys of the group."""
    group = platform.get_database(name).group
    if group is None:
        return Invalidation(None, (name,))
    return Invalidation(group, tuple(one.name for one in platform.databases(group=group)))


def invalidate(platform: TursoPlatform, name: str, *, confirmed: Sequence[str]) -> Invalidation:
    """Kills every token of the group of `name`, and sees to it that they are dead.

    Raises InvalidationNotConfirmedError unless `confirmed` names every database that is hit, and no other.
    """
    plan = plan_invalidation(platform, name)
    if set(confirmed) != set(plan.databases):
        raise InvalidationNotConfirmedError(plan.group or name, plan.databases)
    database = platform.get_database(name)
    probe = platform.mint(name, expiration=_PROBE_EXPIRATION, read_only=True)
    require_accepted(platform, database, probe)
    try:
        _rotate_keys(platform, name, plan)
    except OutcomeUnknownError:
        if is_accepted(platform, database, probe):  # then it was not done, and may be done now
            _rotate_keys(platform, name, plan)
    if is_accepted(platform, database, probe):
        raise TursoUnavailableError(
            f"Turso says that the tokens of {plan.group or name!r} are invalid, but {name} still takes one made "
            "before. "
            "It may take a moment; repeat it then."
        )
    return plan


def _rotate_keys(platform: TursoPlatform, name: str, plan: Invalidation) -> None:
    if plan.group is None:
        platform.invalidate("databases", name)
    else:
        platform.invalidate("groups", plan.group)


def _facts(token: SecretStr) -> TokenFacts:
    try:
        return read_token(token.get_secret_value())
    except UnreadableTokenError as exc:
        raise TursoUnavailableError(
            f"Turso made a token that cannot be read ({exc}); it was given to nobody."
        ) from None
