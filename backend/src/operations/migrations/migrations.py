"""The schema of the database: where it stands, and moving it. Alembic is imported only when there is work for it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from src.core.config.settings.base import AppEnv
from src.domain.shared.errors import DomainError
from src.infrastructure.shared.database.local_sqlite import EngineRole
from src.operations.migrations.revisions import (
    VERSIONS,
    NoSuchRevisionError,
    Revision,
    UnknownRevisionError,
    read_chain,
)
from src.operations.migrations.target import Database, Target

if TYPE_CHECKING:
    from src.operations.backup.backups import Backups
    from src.operations.migrations.drift import Drift
    from src.operations.migrations.lock import Holder, Lease, MigrationLock
    from src.operations.migrations.moves import Moved

Notice = Callable[[str], None]


class SchemaNotCurrentError(DomainError):
    code = "schema_not_current"
    title = "The database is not current"


@dataclass(frozen=True, slots=True)
class MigrationStatus:
    """`current` is None for a database without our tables; `pending` are the revisions to come, oldest first.

    `is_empty`: nobody's tables are in it.
    """

    url: str
    current: str | None
    head: str
    pending: tuple[Revision, ...]
    is_empty: bool


def no_notice(_message: str) -> None:
    pass


class Migrations:
    """`backups`, when given, makes the precautions possible: no database with rows is migrated before its backup.

    `versions` are the folders of the migrations; `lease_seconds` is how long a dead runner's lock lasts.
    """

    def __init__(
        self,
        database: Database,
        app_env: AppEnv = AppEnv.LOCAL,
        *,
        backups: "Callable[[], Backups] | None" = None,
        versions: Sequence[Path] = (VERSIONS,),
        lease_seconds: float | None = None,
    ) -> None:
        self.database = database
        self.backups = backups
        self.versions = tuple(versions)
        self._app_env, self._lease_seconds = app_env, lease_seconds

    @cached_property
    def chain(self) -> tuple[Revision, ...]:
        """All revisions, oldest first."""
        return read_chain(self.versions)

    @cached_property
    def target(self) -> Target:
        return Target.of(self.database, self._app_env)

    def status(self) -> MigrationStatus:
        """Raises UnknownRevisionError when a newer version of the software made this database."""
        current, is_empty = self._look()
        head = self.chain[-1].id
        if current is not None and current not in {known.id for known in self.chain}:
            raise UnknownRevisionError(
                f"The database is at revision {current!r}, which this version does not know "
                f"(its newest is {head!r}). "
                "A newer version made it: update the software, or use another database."
            )
        done = self.position(current)
        url = self.database.get_connection_url()
        return MigrationStatus(url, current, head, self.chain[done:], is_empty)

    def require_current(self) -> None:
        """Raises SchemaNotCurrentError when migrations are pending, and what the driver raises without a database.

        Outside local a database that a newer version migrated will do. So it is while a release takes the place of
        this one, and when it was taken back; migrations keep what the release before them needs.
        """
        try:
            pending = self.status().pending
        except UnknownRevisionError:
            if self._app_env is AppEnv.LOCAL:
                raise
            return
        if pending:
            raise SchemaNotCurrentError(f"{len(pending)} migrations are pending. Run: {self.upgrade_command}")

    @property
    def upgrade_command(self) -> str:
        return f"autoforge db upgrade{self._env_option}"

    def restore_command(self, backup: str) -> str:
        return f"autoforge db restore {backup}{self._env_option}"

    @property
    def _env_option(self) -> str:
        return "" if self._app_env is AppEnv.LOCAL else f" --env {self._app_env.value}"

    def position(self, revision: str | None) -> int:
        """How many revisions a database at `revision` has behind it. Raises NoSuchRevisionError."""
        if revision is None:
            return 0
        return [known.id for known in self.chain].index(self.checked(revision)) + 1

    def checked(self, revision: str) -> str:
        """The id of `revision`, which may be "head". Raises NoSuchRevisionError."""
        if revision == "head":
            return self.chain[-1].id
        if revision not in {known.id for known in self.chain}:
            listed = ", ".join(known.id for known in self.chain)
            raise NoSuchRevisionError(f"There is no revision {revision!r:.60}. Known are: {listed}.")
        return revision

    def to_apply(self, revision: str) -> tuple[Revision, ...]:
        """What is pending up to `revision`, oldest first; nothing when the database is there or beyond."""
        pending = self.status().pending
        return pending[: max(0, self.position(self.checked(revision)) - (len(self.chain) - len(pending)))]

    def to_undo(self, revision: str) -> tuple[Revision, ...]:
        """What going back to `revision` undoes, newest first; "-1" is one step, "base" all.

        Raises NoSuchRevisionError for what the database does not have behind it.
        """
        done = self.position(self.status().current)
        ids = [known.id for known in self.chain[:done]]
        if revision not in ("base", "-1", *ids):
            listed = ", ".join(ids) or "none: there is nothing to undo"
            raise NoSuchRevisionError(
                f"{revision!r:.60} is no revision that the database has behind it ({listed})."
            )
        kept = {"base": 0, "-1": max(0, done - 1)}.get(revision)
        return self.chain[self.position(revision) if kept is None else kept : done][::-1]

    def holder(self) -> "Holder | None":
        """Who is migrating the database now, or died while doing so."""
        if self.database.is_local and not self.database.path.exists():
            return None
        return self._lock().holder()

    @contextmanager
    def locked(self, what: str, *, notice: Notice, wait: bool) -> "Iterator[Lease]":
        """Raises MigrationLockHeldError when another runner is at work and we are not to `wait`."""
        from src.operations.migrations.lock import leave_when_held

        def say_that_we_wait(who: str) -> None:
            notice(f"Waiting for {who}, which is migrating the database.")

        with self._lock().hold(what, when_held=say_that_we_wait if wait else leave_when_held) as lease:
            yield lease

    def upgrade(self, revision: str = "head", *, notice: Notice = no_notice, wait: bool = True) -> "Moved":
        """Applies what is pending up to `revision`, safely; see `moves.upgrade`.

        Processes that start together wait for each other: the second finds nothing left to do.
        """
        from src.operations.migrations import moves

        return moves.upgrade(self, self.checked(revision), notice=notice, wait=wait)

    def downgrade(self, revision: str, *, notice: Notice = no_notice, wait: bool = True) -> "Moved":
        """Goes back to `revision`, "-1" for one step, "base" for an empty database. Rows that do not fit are lost."""
        from src.operations.migrations import moves

        return moves.downgrade(self, revision, notice=notice, wait=wait)

    def stamp(self, revision: str, *, notice: Notice = no_notice, wait: bool = True) -> None:
        """Writes down that the database is at `revision`, when its schema proves it."""
        from src.operations.migrations import moves

        moves.stamp(self, self.checked(revision), notice=notice, wait=wait)

    def prove(self, revision: str) -> None:
        """Raises MigrationRefusedError, with the differences, when a stamp of `revision` would be wrong."""
        from src.operations.migrations import moves

        moves.prove(self, self.checked(revision))

    def drift(self) -> "Drift":
        """How models, migrations and the database differ."""
        from src.operations.migrations.drift import find_drift

        return find_drift(self)

    def _lock(self) -> "MigrationLock":
        from src.operations.migrations.lock import LEASE_SECONDS, MigrationLock

        engine = self.database.engine(EngineRole.SESSION)
        return MigrationLock(engine, file=self.target.file, seconds=self._lease_seconds or LEASE_SECONDS)

    def _look(self) -> tuple[str | None, bool]:
        """The revision in the database, known or not, and whether it has no table at all."""
        if self.database.is_local and not self.database.path.exists():
            return None, True
        with self.database.engine(EngineRole.READ).connect() as connection:
            current = revision_in(connection)
            return current, current is None and not set(inspect(connection).get_table_names()) - {
                "_migration_lock"
            }


def revision_in(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    current: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return current
