"""What an upgrade would do, seen by doing it to a copy. The database itself is only read."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter

from sqlalchemy import Connection, Engine

from src.core.config.settings.base import AppEnv
from src.domain.shared.errors import DomainError
from src.infrastructure.shared.database.local_sqlite import EngineRole, local_engine
from src.operations.backup.backups import Backups, Branching
from src.operations.backup.folder import make_private
from src.operations.backup.pouring import write_database
from src.operations.backup.remote import Remote, engine_on
from src.operations.backup.remote_snapshot import RemoteSnapshot
from src.operations.backup.sqlite_file import Progress, copy_database, no_progress, size_of
from src.operations.migrations.alembic_commands import alembic_config, upgrade
from src.operations.migrations.migrations import Migrations
from src.operations.migrations.revisions import Revision
from src.operations.migrations.schema import row_counts, snapshot
from src.operations.migrations.schema_changes import Change, changes
from src.operations.migrations.supervision import Supervision
from src.operations.migrations.target import Target

_MOST_OF_A_NAME = 42


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """What one migration did to the copy. `seconds` without its COMMIT, `held_seconds` of its longest transaction."""

    id: str
    title: str
    seconds: float
    held_seconds: float
    changes: tuple[Change, ...]
    rows_before: Mapping[str, int]
    rows_after: Mapping[str, int]

    @property
    def dangers(self) -> tuple[str, ...]:
        """What it destroys, and what it may be refused for, where there are other rows than in the copy."""
        kept = self.rows_before.keys() & self.rows_after.keys()
        fewer = (name for name in sorted(kept) if self.rows_after[name] < self.rows_before[name])
        lost = (f"{name} loses {self.rows_before[name] - self.rows_after[name]} rows" for name in fewer)
        return (*(f"{change}: {change.danger}" for change in self.changes if change.danger), *lost)


@dataclass(frozen=True, slots=True)
class Plan:
    """`pending` is what was asked for; `steps` what could be done before `failure`, which is None when all could."""

    url: str
    current: str | None
    revision: str
    pending: tuple[Revision, ...]
    steps: tuple[PlannedStep, ...]
    failure: str | None
    tried_on: str
    copy_seconds: float

    @property
    def dangers(self) -> tuple[str, ...]:
        return tuple(f"{step.id}: {danger}" for step in self.steps for danger in step.dangers)


def plan_upgrade(
    migrations: Migrations,
    backups: Backups,
    revision: str = "head",
    *,
    on_progress: Progress = no_progress,
) -> Plan:
    """Raises BackupError when no copy can be made, UnavailableError, and what `Migrations.to_apply` raises."""
    status, target = migrations.status(), migrations.checked(revision)
    pending = migrations.to_apply(target)
    if not pending:
        return Plan(status.url, status.current, target, (), (), None, "nothing: it is there already", 0.0)
    began = perf_counter()
    with _copy(migrations, backups, on_progress) as (tried_on, engine):
        copied = perf_counter() - began
        steps: list[PlannedStep] = []
        failure = None
        try:
            for number, step in enumerate(pending):
                on_progress(f"Trying {step.id}", number / len(pending))
                steps.append(_try(step, engine, migrations))
        except DomainError as exc:
            failure = str(exc)
    return Plan(status.url, status.current, target, pending, tuple(steps), failure, tried_on, copied)


def _try(step: Revision, engine: Engine, migrations: Migrations) -> PlannedStep:
    with _reading(engine) as connection:
        schema, rows = snapshot(connection), row_counts(connection)
    copy = Target(engine.url.render_as_string(hide_password=True), AppEnv.LOCAL, None)
    supervision = Supervision(copy, is_private=True)
    upgrade(alembic_config(engine, supervision=supervision, versions=migrations.versions), step.id)
    with _reading(engine) as connection:
        return PlannedStep(
            step.id,
            step.title,
            supervision.applied[-1].seconds,
            supervision.applied[-1].held_seconds,
            changes(schema, snapshot(connection)),
            rows,
            row_counts(connection),
        )


@contextmanager
def _reading(engine: Engine) -> Iterator[Connection]:
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        yield connection


@contextmanager
def _copy(migrations: Migrations, backups: Backups, on_progress: Progress) -> Iterator[tuple[str, Engine]]:
    """What the migrations are tried on, in words and as an engine; it is gone after the block."""
    branching = backups.branching()
    if branching is not None:
        with _branch(branching) as remote, engine_on(remote) as engine:
            yield "a branch at Turso", engine
        return
    path = migrations.database.path if migrations.database.is_local else None
    exists = path is None or path.exists()
    size = size_of(path) if path is not None and exists else 0
    with backups.folder().workspace(expected_bytes=2 * size) as work:
        file = work / "copy.db"
        make_private(file)
        if path is None:
            with RemoteSnapshot(backups.remote.url, backups.remote.token) as remote_snapshot:
                write_database(remote_snapshot, file, on_progress)
        elif exists:
            copy_database(path, file, on_progress)
        engine = local_engine(file, EngineRole.WRITE, synchronous="OFF")
        try:
            yield ("a copy in a SQLite file" if exists else "an empty file: there is no database yet"), engine
        finally:
            engine.dispose()


@contextmanager
def _branch(branching: Branching) -> Iterator[Remote]:
    name = f"{branching.source[:_MOST_OF_A_NAME]}-plan-{datetime.now(UTC):%Y%m%dt%H%M%Sz}".lower()
    made = branching.maker.branch(name)
    try:
        yield Remote(made.url, branching.maker.token(made.name))
    finally:
        branching.maker.remove(made.name)
