"""Phase 4-5: the migrations are applied, and the database is what they make."""

from src.operations.checks.check import Check
from src.operations.checks.scene import Scene
from src.operations.migrations.revisions import UnknownRevisionError
from src.operations.verdict import Verdict, fail, ok, skip, warn

_REACHABLE = (
    "settings.valid",
    "turso.url",
    "turso.token",
    "database.token-expiry",
    "machine.write",
    "database.token-accepted",
)
_ABSENT = "there is no database yet; it is made when it is needed"


def _look_at_revision(scene: Scene) -> Verdict:
    if scene.absent_database:
        return skip(_ABSENT)
    try:
        status = scene.migrations.status()
    except UnknownRevisionError as exc:
        return fail(str(exc), "Update the software, or use another database.")
    if not status.pending:
        return ok(f"at {status.current}, the newest")
    at = f"at {status.current}" if status.current else "without tables of ours"
    return fail(
        f"{len(status.pending)} pending; the database is {at}",
        f"Run: {scene.migrations.upgrade_command}",
        can_mend=_is_ours_alone(scene),
    )


def _is_ours_alone(scene: Scene) -> bool:
    """Nobody else can be using it: the migrations of a deployment are a step of their own."""
    return scene.is_local and scene.database.is_local


def _upgrade(scene: Scene) -> str:
    command = scene.migrations.upgrade_command
    if not _is_ours_alone(scene):
        raise RuntimeError(f"it is no file of this machine; run: {command}")
    moved = scene.migrations.upgrade()
    backup = f", after the backup {moved.backup.name}" if moved.backup is not None else ""
    return f"{command}: applied {', '.join(one.id for one in moved.applied)}{backup}"


def _look_for_dead_runner(scene: Scene) -> Verdict:
    if scene.absent_database:
        return skip(_ABSENT)
    holder = scene.migrations.holder()
    if holder is None:
        return ok("nobody is migrating it")
    if holder.is_over:
        return warn(f"a migration ended on the way: {holder}", f"Run: {scene.migrations.upgrade_command}")
    return warn(f"it is being migrated: {holder}", "Wait for that to end, and look again.")


def _look_for_drift(scene: Scene) -> Verdict:
    if scene.absent_database:
        return skip(_ABSENT)
    found = scene.migrations.drift()
    if not found.live:
        return ok(f"the database has the schema of {found.current or 'no migration'}")
    fix = f"Run: autoforge db check{scene.env_option}. What it lists was changed by hand: undo it, or migrate to it."
    return fail(f"to be as {found.current}: {'; '.join(found.live[:3])}{_more(found.live)}", fix)


def _look_at_models(scene: Scene) -> Verdict:
    from src.operations.migrations.drift import schema_made_by, schema_of_models
    from src.operations.migrations.schema import diff

    head = scene.migrations.chain[-1].id
    found = diff(schema_made_by(scene.migrations, head), schema_of_models())
    if not found:
        return ok(f"the migrations up to {head} make what the models say")
    fix = (
        "Run in backend/: alembic revision --autogenerate -m 'What changes'; read it, then: autoforge db lint"
    )
    return fail(f"no migration for: {'; '.join(found[:3])}{_more(found)}", fix)


def _more(found: tuple[str, ...]) -> str:
    return f"; and {len(found) - 3} more" if len(found) > 3 else ""


MODELS_MATCH = Check(
    id="schema.migrated",
    phase="4-4",
    title="The migrations make the tables of the models",
    why="A column that no migration makes is missing on every database.",
    look=_look_at_models,
    needs=("settings.valid", "migrations.line"),
    quick=False,
)

APPLIED = (
    Check(
        id="migrations.current",
        phase="4-5",
        title="The migrations are applied",
        why="Alembic says otherwise: Target database is not up to date. The server refuses to work.",
        look=_look_at_revision,
        needs=(*_REACHABLE, "migrations.line"),
        mend=_upgrade,
    ),
    Check(
        id="migrations.unlocked",
        phase="4-5",
        title="No migration is left half-way",
        why="A run that died keeps the next one waiting until its lease is over.",
        look=_look_for_dead_runner,
        needs=_REACHABLE,
    ),
    Check(
        id="migrations.drift",
        phase="4-5",
        title="The database is what the migrations make",
        why="What was changed by hand is what the next migration stumbles over.",
        look=_look_for_drift,
        needs=(*_REACHABLE, "migrations.current"),
        quick=False,
    ),
)
