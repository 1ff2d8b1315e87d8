"""Restoring into a database that no application knows yet: one that is given, or one that is made at Turso."""

from collections.abc import Callable
from pathlib import Path

from pydantic import SecretStr

from src.infrastructure.shared.database.libsql.address import libsql_url
from src.operations.backup.at_turso import find_database
from src.operations.backup.backups import Backups
from src.operations.backup.errors import RestoreError
from src.operations.backup.remote import Remote
from src.operations.backup.restore_remote import RestoredAnew
from src.operations.backup.sqlite_file import Progress, no_progress
from src.operations.turso.secret_store import SecretFile
from src.operations.turso.turso import Turso

_TOKEN_LIFE = "90d"  # noqa: S105 - how long it lives


def restore_given(
    backups: Backups,
    name: str,
    url: str,
    token: SecretStr | None,
    *,
    folder: Path | None = None,
    dry_run: bool = False,
    on_progress: Progress = no_progress,
) -> RestoredAnew:
    """Into the empty database at `url`. Raises RestoreError, BackupError and UnavailableError."""
    try:
        into = Remote(libsql_url(url), token)
    except ValueError as exc:
        raise RestoreError(str(exc)) from None
    return backups.restore_into(name, lambda: into, folder=folder, dry_run=dry_run, on_progress=on_progress)


def restore_made(
    backups: Backups,
    name: str,
    turso: Turso,
    made_name: str,
    save_to: Path,
    *,
    beside: str,
    folder: Path | None = None,
    dry_run: bool = False,
    on_progress: Progress = no_progress,
) -> RestoredAnew:
    """Into a new database of Turso in the group of the one at `beside`; its URL and token are kept in `save_to`.

    Raises RestoreError, BackupError, UnavailableError and SecretNotKeptError.
    """
    store = SecretFile(save_to)
    store.require_ready()

    def make() -> Remote:
        into = _make_database(turso, made_name, beside=beside)
        store.keep(_as_settings(into))  # before anything can go wrong: the token is shown only once
        return into

    opened: Callable[[], Remote] | None = None if dry_run else make
    return backups.restore_into(name, opened, folder=folder, on_progress=on_progress)


def _make_database(turso: Turso, name: str, *, beside: str) -> Remote:
    if turso.platform.find_database(name) is not None:
        raise RestoreError(
            f"There is a database {name!r} at Turso already. A backup is restored into a new one."
        )
    original = find_database(turso, beside)
    made = turso.platform.create_database(name, (original and original.group) or _only_group(turso))
    return Remote(made.url, turso.platform.mint(made.name, expiration=_TOKEN_LIFE, read_only=False))


def _only_group(turso: Turso) -> str:
    groups = [group.name for group in turso.platform.groups()]
    if len(groups) != 1:
        raise RestoreError(
            f"The organization has {len(groups)} groups ({', '.join(groups)}). Make the database in one of them "
            "(autoforge turso create), and restore with --into."
        )
    return groups[0]


def _as_settings(remote: Remote) -> SecretStr:
    """The two lines of an env file that point an application at it."""
    token = remote.token.get_secret_value() if remote.token else ""
    return SecretStr(f"TURSO_DATABASE_URL={remote.url}\nTURSO_AUTH_TOKEN={token}")
