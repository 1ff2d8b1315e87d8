"""Whether the local database file has a place to be, and can be written."""

import os
import shutil
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from src.application.shared.unit_of_work import WouldWaitError
from src.domain.shared.errors import DomainError
from src.operations.checks.check import Check
from src.operations.checks.scene import Scene
from src.operations.verdict import Verdict, fail, ok, skip, warn

LEAST_FREE_BYTES, SCARCE_FREE_BYTES = 50_000_000, 1_000_000_000
_REMOTE = "the database is no file of this machine"
_NAMED = ("settings.valid", "turso.url", "turso.token", "database.token-expiry")


def _look_at_folder(scene: Scene) -> Verdict:
    return judge_folder(scene.database.path) if scene.database.is_local else skip(_REMOTE)


def judge_folder(file: Path) -> Verdict:
    folder = _existing_folder(file)
    # root may write anywhere, but not on a disk that is mounted for reading only: os.access knows that
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        fix = f"Make {folder} a folder that you may write to, or set DATABASE_URL to a file elsewhere."
        return fail(f"{folder} cannot be written", fix)
    return ok(f"{folder} can be written")


def _look_at_disk(scene: Scene) -> Verdict:
    return judge_disk(scene.database.path) if scene.database.is_local else skip(_REMOTE)


def judge_disk(file: Path) -> Verdict:
    folder = _existing_folder(file)
    free = shutil.disk_usage(folder).free
    said = f"{free / 1e9:,.1f} GB free at {folder}"
    if free >= SCARCE_FREE_BYTES:
        return ok(said)
    judge = warn if free >= LEAST_FREE_BYTES else fail
    return judge(said, "Make room on that disk; `autoforge db backup --help` tells where old backups are.")


def _existing_folder(file: Path) -> Path:
    return next(parent for parent in file.parents if parent.exists())


def _look_at_writing(scene: Scene) -> Verdict:
    """A real write transaction, rolled back."""
    if not scene.database.is_local:
        return skip(_REMOTE)
    if scene.absent_database:
        return skip(f"{scene.database.path} is not there yet; it is made when it is needed")
    try:
        with scene.database.write_transaction(patient=False) as connection:
            connection.exec_driver_sql("CREATE TABLE doctor_was_here (id INTEGER)")
            connection.exec_driver_sql("INSERT INTO doctor_was_here VALUES (1)")
            connection.rollback()
    except WouldWaitError:
        return warn("another process is writing to it now", "Look again when that is done.")
    except (DomainError, SQLAlchemyError, OSError) as exc:
        fix = "Check who owns the file and its folder, who else holds it, and that it is a SQLite database."
        said = str(getattr(exc, "orig", None) or exc).splitlines()[0]
        return fail(f"{scene.database.path}: {said:.300}", fix)
    return ok("a transaction was written and rolled back")


LOCAL_FILE = (
    Check(
        id="machine.folder",
        phase="machine",
        title="The database has a folder",
        why="The database and its log are files there.",
        look=_look_at_folder,
        needs=_NAMED,
    ),
    Check(
        id="machine.disk",
        phase="machine",
        title="There is room on the disk",
        why="A full disk refuses every change, and migrations need room for a backup.",
        look=_look_at_disk,
        needs=(*_NAMED, "machine.folder"),
    ),
    Check(
        id="machine.write",
        phase="machine",
        title="The database file can be written",
        why="Reading works longer than writing: a file of another user, a file that is no database, a lock left held.",
        look=_look_at_writing,
        needs=(*_NAMED, "machine.folder"),
    ),
)
