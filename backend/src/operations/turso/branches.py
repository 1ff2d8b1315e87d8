"""Copies of a database as it is now (a branch), or as it was (a restore): always a new database beside the old."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from pydantic import SecretStr

from src.operations.turso.errors import NameTakenError, TursoInputError, TursoRefusedError
from src.operations.turso.platform import TursoPlatform
from src.operations.turso.records import Database, require_name
from src.operations.turso.token_facts import span

MAX_NAME = 64


@dataclass(frozen=True, slots=True)
class Branch:
    """`timestamp`: a moment just before, to which the source itself can be restored (RFC 3339)."""

    name: str
    hostname: str
    url: str
    created_at: datetime
    timestamp: str


@dataclass(frozen=True, slots=True)
class Copying:
    """A copy to be made. `at` is None for a branch; `existing` is the copy, when an earlier call made it."""

    source: Database
    name: str
    group: str
    at: datetime | None
    existing: Database | None
    notes: tuple[str, ...]
    platform: TursoPlatform = field(repr=False)

    def make(self) -> Database:
        """Makes the copy, unless it is there. Raises NameTakenError when somebody else made something of that name."""
        if self.existing is not None:
            return self.existing
        seed = {"type": "database", "name": self.source.name}
        if self.at is not None:
            seed["timestamp"] = _rfc3339(self.at)
        try:
            made = self.platform.create_database(self.name, self.group, seed=seed)
        except TursoRefusedError as exc:
            if self.at is None or exc.status != 400:
                raise
            more = "A time before the database was made, or further back than the plan keeps, cannot be restored."
            raise TursoRefusedError(f"{exc} {more}", status=exc.status) from None
        if made.parent is None or made.parent.name != self.source.name:
            raise NameTakenError(_taken(made, f"not the copy of {self.source.name} that was asked for"))
        return made


def plan_branch(platform: TursoPlatform, source: str, name: str) -> Copying:
    """Changes nothing. Raises NameTakenError when `name` is a database that is no branch of `source`."""
    original = _source(platform, source, name)
    existing = platform.find_database(name)
    if existing is not None and (existing.parent is None or existing.parent.name != source):
        raise NameTakenError(_taken(existing, f"no branch of {source}"))
    notes = ("Branches count towards the databases of the plan, and stay until they are deleted.",)
    return Copying(original, name, original.group or "", None, existing, notes, platform)


def plan_restore(
    platform: TursoPlatform, source: str, at: datetime, name: str | None, *, now: datetime
) -> Copying:
    """Changes nothing. Without `name` it tells source and time. Raises TursoInputError, NameTakenError."""
    if at > now:
        raise TursoInputError(
            f"--at: {_rfc3339(at)} is in the future; it is {_rfc3339(now.replace(microsecond=0))}."
        )
    own_name = restored_name(source, at) if name is None else name
    original = _source(platform, source, own_name)
    existing = platform.find_database(own_name)
    if existing is not None and not _is_restore(existing, source, at, told_by_name=name is None):
        raise NameTakenError(_taken(existing, f"not known to be {source} of {_rfc3339(at)}"))
    notes = _restore_notes(platform, at, now)
    return Copying(original, own_name, original.group or "", at, existing, notes, platform)


class DatabaseBranches:
    """Branches of one database, for whoever wants to be able to go back."""

    def __init__(self, platform: TursoPlatform, source: str) -> None:
        self._platform, self._source = platform, source

    def branch(self, name: str) -> Branch:
        """The branch `name`, made if it is not there."""
        before = datetime.now(UTC)
        made = plan_branch(self._platform, self._source, name).make()
        branched_at = made.parent.branched_at if made.parent is not None else None
        created_at = branched_at or before
        return Branch(made.name, made.hostname, made.url, created_at, _rfc3339(min(before, created_at)))

    def token(self, name: str, *, expiration: str = "1h") -> SecretStr:
        """A short-lived token with all rights on the branch `name`."""
        return self._platform.mint(self._require_branch(name).name, expiration=expiration, read_only=False)

    def remove(self, name: str) -> None:
        """Deletes the branch `name`; nothing that is no branch of this database."""
        if self._platform.find_database(name) is not None:
            self._platform.delete_database(self._require_branch(name).name)

    def _require_branch(self, name: str) -> Database:
        found = self._platform.get_database(name)
        if found.parent is None or found.parent.name != self._source:
            raise NameTakenError(_taken(found, f"no branch of {self._source}"))
        return found


def restored_name(source: str, at: datetime) -> str:
    """`source` with the time, so that restoring the same again finds what is there. Raises TursoInputError."""
    fraction = f"{at.microsecond:06d}" if at.microsecond else ""
    name = f"{source}-at-{at.astimezone(UTC):%Y%m%dt%H%M%S}{fraction}z"
    if len(name) > MAX_NAME:
        raise TursoInputError(f"{name!r} is too long for a name at Turso; choose one with --name.")
    return name


def read_moment(text: str) -> datetime:
    """RFC 3339 with a zone. Raises TursoInputError."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or "T" not in text.upper():
        raise TursoInputError(
            f"--at: {text!r:.60} is no time. Write it as 2026-11-23T05:50:12Z, or with another zone: …+09:00."
        )
    if found.tzinfo is None:
        raise TursoInputError(
            f"--at: {text!r:.60} names no zone. Add Z for UTC, or an offset such as +09:00."
        )
    return found.astimezone(UTC)


def _source(platform: TursoPlatform, source: str, name: str) -> Database:
    if require_name(name) == require_name(source):
        raise TursoInputError(f"A copy of {source} needs a name of its own.")
    return platform.get_database(source)


def _is_restore(existing: Database, source: str, at: datetime, *, told_by_name: bool) -> bool:
    """Its name tells the time, or Turso does."""
    parent = existing.parent
    return parent is not None and parent.name == source and (told_by_name or parent.branched_at == at)


def _restore_notes(platform: TursoPlatform, at: datetime, now: datetime) -> tuple[str, ...]:
    window, plan = platform.organization.restore_window, platform.organization.plan
    if window is None:
        told = "How far back Turso keeps the past depends on the plan: 1, 10, 30 or 90 days."
    elif now - at > window:
        told = (
            f"The plan {plan!r} keeps the past for {span(window)}, and this is {span(now - at)} ago: "
            "Turso will probably refuse."
        )
    else:
        told = f"The plan {plan!r} keeps the past for {span(window)}; this is {span(now - at)} ago."
    return (told, "The last 15 seconds before that time may be missing.")


def _taken(found: Database, why: str) -> str:
    return f"There is a database {found.name!r} already, which is {why}. Choose another name, or delete it first."


def _rfc3339(moment: datetime) -> str:
    timespec = "microseconds" if moment.microsecond else "seconds"
    return moment.astimezone(UTC).isoformat(timespec=timespec).replace("+00:00", "Z")
