"""What is done before a database with rows is migrated: a backup, and the same on a copy."""

from typing import TYPE_CHECKING

from src.infrastructure.shared.database.local_sqlite import EngineRole
from src.operations.migrations.safeguards import MigrationRefusedError
from src.operations.migrations.schema import row_counts

if TYPE_CHECKING:
    from src.operations.backup.record import Backup
    from src.operations.migrations.migrations import Migrations, Notice
    from src.operations.migrations.plan import Plan

# libSQL ends a transaction that keeps other writers waiting for 5 s, and a live database is slower than a copy.
MOST_SECONDS_REMOTE = 2.0


def back_up(migrations: "Migrations", what: str, notice: "Notice") -> "Backup | None":
    """None when there is nothing to lose. Raises BackupError and UnavailableError."""
    if migrations.backups is None or not _has_rows(migrations):
        return None
    backup = migrations.backups().back_up(reason=f"before {what}")
    notice(f"Backup: {backup.name}, {backup.row_count:,} rows" if backup.rows else f"Backup: {backup.name}")
    return backup


def try_on_a_copy(migrations: "Migrations", revision: str, notice: "Notice") -> None:
    """Raises MigrationRefusedError when it fails there, or takes longer than a remote database allows."""
    if migrations.backups is None or not _has_rows(migrations):
        return
    from src.operations.migrations.plan import plan_upgrade

    plan = plan_upgrade(migrations, migrations.backups(), revision)
    if plan.failure is not None:
        raise MigrationRefusedError(
            f"Tried on {plan.tried_on}: {plan.failure}\n{migrations.target.name} itself was not touched."
        )
    if not migrations.database.is_local:
        _refuse_slow(migrations, plan)
    notice(f"Tried on {plan.tried_on}: {sum(step.seconds for step in plan.steps):.1f} s")
    for danger in plan.dangers:
        notice(f"  destructive: {danger}")


def _refuse_slow(migrations: "Migrations", plan: "Plan") -> None:
    slow = [step for step in plan.steps if step.held_seconds > MOST_SECONDS_REMOTE]
    if slow:
        listed = ", ".join(f"{step.id} took {step.held_seconds:.1f} s" for step in slow)
        raise MigrationRefusedError(
            f"Tried on {plan.tried_on}: {listed}. A remote database ends a transaction that keeps its writers waiting "
            f"for 5 s, so {MOST_SECONDS_REMOTE:g} s is the limit; {migrations.target.name} itself was not touched. "
            "Split it into expand, batches and contract: docs/migrations.md"
        )


def _has_rows(migrations: "Migrations") -> bool:
    if migrations.database.is_local and not migrations.database.path.exists():
        return False
    with migrations.database.engine(EngineRole.READ).connect() as connection:
        return any(row_counts(connection).values())
