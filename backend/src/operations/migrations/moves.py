"""Moving a database to another revision so that nothing is lost, whatever goes wrong on the way."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alembic.config import Config
from sqlalchemy.exc import SQLAlchemyError

from src.domain.shared.errors import DomainError
from src.infrastructure.shared.database.local_sqlite import EngineRole
from src.operations.migrations import alembic_commands as alembic
from src.operations.migrations.drift import live_schema, schema_made_by, schema_of_models
from src.operations.migrations.lock import Holder, Lease
from src.operations.migrations.precautions import back_up, try_on_a_copy
from src.operations.migrations.revisions import Revision
from src.operations.migrations.safeguards import MigrationRefusedError
from src.operations.migrations.schema import diff
from src.operations.migrations.supervision import Applied, Supervision
from src.operations.migrations.target import Caution

if TYPE_CHECKING:
    from src.operations.backup.record import Backup
    from src.operations.migrations.migrations import Migrations, MigrationStatus, Notice

_SHOWN_DIFFERENCES = 20
_AS_IT_WAS = "The database is as it was"


@dataclass(frozen=True, slots=True)
class Moved:
    """What was done, in order; `current` is the revision now."""

    applied: tuple[Applied, ...]
    current: str | None
    backup: "Backup | None" = None


def upgrade(migrations: "Migrations", revision: str, *, notice: "Notice", wait: bool) -> Moved:
    """Applies what is pending up to `revision`, each migration in a transaction of its own.

    Raises MigrationLockHeldError, MigrationFailedError, MigrationRefusedError, and what `Migrations.status` raises.
    """
    before = migrations.status()
    if not migrations.to_apply(revision):
        return Moved((), before.current)
    what = f"upgrade from {before.current or 'nothing'} to {revision}"
    with migrations.locked(what, notice=notice, wait=wait) as lease:
        before = migrations.status()
        _tell_of_the_dead(lease.taken_over, before, notice)
        if not migrations.to_apply(revision):
            return Moved((), before.current)
        try_on_a_copy(migrations, revision, notice)
        backup = back_up(migrations, what, notice)
        with _told_what_is_left(migrations, before, backup):
            applied = _run(migrations, lease, lambda config: alembic.upgrade(config, revision), notice)
        after = migrations.status()
        if not after.pending:
            _require_models(migrations)
    return Moved(applied, after.current, backup)


def downgrade(migrations: "Migrations", revision: str, *, notice: "Notice", wait: bool) -> Moved:
    """Goes back to `revision`. Raises as `upgrade` does."""
    undone = migrations.to_undo(revision)
    _refuse_the_beginning(migrations, undone)
    what = f"downgrade to {revision}"
    with migrations.locked(what, notice=notice, wait=wait) as lease:
        before = migrations.status()
        _tell_of_the_dead(lease.taken_over, before, notice)
        undone = migrations.to_undo(revision)
        if not undone:
            return Moved((), before.current)
        _refuse_the_beginning(migrations, undone)
        to = undone[-1].parent or "base"
        backup = back_up(migrations, what, notice)
        with _told_what_is_left(migrations, before, backup):
            applied = _run(migrations, lease, lambda config: alembic.downgrade(config, to), notice)
        return Moved(applied, migrations.status().current, backup)


def stamp(migrations: "Migrations", revision: str, *, notice: "Notice", wait: bool) -> None:
    """Writes `revision` into the database when its schema is the one that the migrations up to there make.

    Raises MigrationRefusedError, which tells the differences, and MigrationLockHeldError.
    """
    with migrations.locked(f"stamp {revision}", notice=notice, wait=wait) as lease:
        prove(migrations, revision)
        supervision = Supervision(migrations.target, lease, is_stamp_proved=True)
        alembic.stamp(_config(migrations, supervision), revision)


def prove(migrations: "Migrations", revision: str) -> None:
    """Raises MigrationRefusedError unless the schema is the one that the migrations up to `revision` make."""
    differences = diff(schema_made_by(migrations, revision), live_schema(migrations))
    if differences:
        raise MigrationRefusedError(
            f"The schema of {migrations.target.host} is not that of {revision}; "
            f"nothing was changed. What it has beside that (+) and lacks (-):\n{_listed(differences)}"
        )


def _run(
    migrations: "Migrations", lease: Lease, command: Callable[[Config], None], notice: "Notice"
) -> tuple[Applied, ...]:
    supervision = Supervision(
        migrations.target, lease, on_begin=lambda revision, title: notice(f"{revision}: {title}")
    )
    command(_config(migrations, supervision))
    return tuple(supervision.applied)


def _config(migrations: "Migrations", supervision: Supervision) -> Config:
    engine = migrations.database.engine(EngineRole.WRITE)
    return alembic.alembic_config(engine, supervision=supervision, versions=migrations.versions)


@contextmanager
def _told_what_is_left(
    migrations: "Migrations", before: "MigrationStatus", backup: "Backup | None"
) -> Iterator[None]:
    """Adds to the error how the database was found after it, and the way back when it is not as it was."""
    schema = live_schema(migrations)
    try:
        yield
    except alembic.MigrationFailedError as exc:
        try:
            after, left = migrations.status().current, diff(schema, live_schema(migrations))
            found = _described(before.current, after, left, has_committed=exc.has_committed)
            if after != before.current and after == exc.leads_to:
                found = (
                    f"It was committed all the same: the database is at {after or 'its beginning'}. "
                    "Look with autoforge db status, and repeat the command for what is left."
                )
        except (SQLAlchemyError, DomainError) as looking:
            found = (
                f"The database cannot be looked at now ({type(looking).__name__}); see: autoforge db status"
            )
        if backup is not None and not found.startswith(_AS_IT_WAS):
            found += f"\nThe way back is the backup {backup.name}: {migrations.restore_command(backup.name)}"
        raise alembic.MigrationFailedError(
            f"{exc}\n{found}", leads_to=exc.leads_to, has_committed=exc.has_committed
        ) from exc.__cause__


def _described(before: str | None, after: str | None, left: Sequence[str], *, has_committed: bool) -> str:
    where = after or "its beginning"
    if after != before:
        also = ", and so does what this one committed on the way" if has_committed else ""
        return f"The migrations before it were done and stay{also}; the database is at {where}."
    if left:
        return f"The database is at {where}, but parts were committed on the way:\n{_listed(left)}"
    if has_committed:
        return f"The database is at {where}, but the migration commits on the way: what it did by then stays."
    return f"{_AS_IT_WAS}, at {where}."


def _refuse_the_beginning(migrations: "Migrations", undone: Sequence[Revision]) -> None:
    if undone and undone[-1].parent is None and migrations.target.caution is not Caution.NONE:
        raise MigrationRefusedError(
            f"Going back to the beginning would drop every table of {migrations.target.host} "
            f"({migrations.target.app_env.value}). Nothing was changed."
        )


def _require_models(migrations: "Migrations") -> None:
    differences = diff(live_schema(migrations), schema_of_models())
    if differences:
        raise MigrationRefusedError(
            "All migrations are applied, and yet this version of the software expects another schema. What it "
            f"wants added (+) and gone (-):\n{_listed(differences)}\nSee: autoforge db check"
        )


def _tell_of_the_dead(dead: Holder | None, status: "MigrationStatus", notice: "Notice") -> None:
    if dead is not None:
        notice(
            f"Taking over from {dead}, which ended before it was done. Its open transaction was undone: "
            f"the database is at {status.current or 'its beginning'}, {len(status.pending)} pending."
        )


def _listed(differences: Sequence[str]) -> str:
    shown = "\n".join(f"  {difference}" for difference in differences[:_SHOWN_DIFFERENCES])
    more = len(differences) - _SHOWN_DIFFERENCES
    return f"{shown}\n  … and {more} more" if more > 0 else shown
