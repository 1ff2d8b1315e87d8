"""The databases of the project: which are missing, and making those."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from src.operations.turso.errors import GroupElsewhereError, TursoInputError
from src.operations.turso.platform import TursoPlatform
from src.operations.turso.records import OLD_LOCATIONS, TOKYO, Database, Group, require_name

STAGING, PRODUCTION = "autoforgenexus-staging", "autoforgenexus-production"
DATABASES = (STAGING, PRODUCTION)
SHARED_GROUP = "default"


class StepKind(StrEnum):
    CREATE_GROUP = "create_group"
    CREATE_DATABASE = "create_database"
    PROTECT = "protect"


@dataclass(frozen=True, slots=True)
class Step:
    """`where`: the location of a group, the group of a database."""

    kind: StepKind
    name: str
    where: str


@dataclass(frozen=True, slots=True)
class Provision:
    """What has to be done so that `names` are there; `present` are already. `notes` say what one should know."""

    names: tuple[str, ...]
    steps: tuple[Step, ...]
    present: tuple[str, ...]
    notes: tuple[str, ...]
    platform: TursoPlatform = field(repr=False)

    def carry_out(self) -> Iterator[Step]:
        """Does the steps, and yields each when it is done. One that somebody else did meanwhile counts as done."""
        for step in self.steps:
            match step.kind:
                case StepKind.CREATE_GROUP:
                    self.platform.create_group(step.name, step.where)
                case StepKind.CREATE_DATABASE:
                    self.platform.create_database(step.name, step.where)
                case StepKind.PROTECT:
                    self.platform.protect(step.name)
            yield step


def plan_databases(
    platform: TursoPlatform,
    names: Sequence[str] = (),
    *,
    group: str | None = None,
    location: str = TOKYO,
    protect: bool = False,
) -> Provision:
    """Changes nothing. Without `names` it is both databases of the project; that for production is always protected.

    Without `group` each database gets a group of its own where the plan is known to allow that, else all share one.
    Raises TursoInputError, GroupElsewhereError.
    """
    wanted = tuple(dict.fromkeys(require_name(name) for name in names or DATABASES))
    if group is not None:
        require_name(group, "group")
    code, notes = _current_location(location)
    found = {name: platform.find_database(name) for name in wanted}
    missing = [name for name in wanted if found[name] is None]
    homes = _homes(platform, missing, group)
    groups = {one.name: one for one in platform.groups()} if missing else {}
    steps = [*_group_steps(platform, homes, groups, code)]
    for name in wanted:
        database = found[name]
        if database is None:
            steps.append(Step(StepKind.CREATE_DATABASE, name, homes[name]))
        if (protect or name == PRODUCTION) and not (database is not None and database.is_protected):
            steps.append(Step(StepKind.PROTECT, name, homes.get(name) or (database and database.group) or ""))
    notes += _moved_notes(found, group, code) + _shared_notes(platform, found, homes)
    present = tuple(name for name in wanted if found[name] is not None)
    return Provision(wanted, tuple(steps), present, tuple(notes), platform)


def _current_location(location: str) -> tuple[str, list[str]]:
    code = OLD_LOCATIONS.get(location, location)
    if code == location:
        return code, []
    return code, [f"{location!r} is the old code of Tokyo; today it is {code!r}."]


def _homes(platform: TursoPlatform, missing: Sequence[str], group: str | None) -> dict[str, str]:
    """The group of each database that is to be made."""
    if not missing:
        return {}
    if group is not None:
        return dict.fromkeys(missing, group)
    if platform.organization.may_have_groups:
        return {name: name for name in missing}
    return dict.fromkeys(missing, SHARED_GROUP)


def _group_steps(
    platform: TursoPlatform, homes: dict[str, str], groups: dict[str, Group], code: str
) -> Iterator[Step]:
    absent = [name for name in dict.fromkeys(homes.values()) if name not in groups]
    if absent:
        codes = [one.code for one in platform.locations()]
        if code not in codes:
            raise TursoInputError(f"{code!r:.60} is no location of Turso. There are: {', '.join(codes)}.")
    for name in dict.fromkeys(homes.values()):
        if name in absent:
            yield Step(StepKind.CREATE_GROUP, name, code)
        elif groups[name].current_location != code:
            there = groups[name].location
            raise GroupElsewhereError(
                f"The group {name!r} is in {there or 'an unknown place'}, not in {code}, and a database is where its "
                f"group is. Take another group with --group NAME, or that place with --location {there or 'CODE'}."
            )


def _moved_notes(found: dict[str, Database | None], group: str | None, code: str) -> list[str]:
    """What is there stays where it is: the API moves no database."""
    notes = []
    for database in filter(None, found.values()):
        if group is not None and database.group != group:
            notes.append(
                f"{database.name} is there already, in the group {database.group!r}, and stays there."
            )
        there = database.location or code
        if OLD_LOCATIONS.get(there, there) != code:
            notes.append(f"{database.name} is there already, in {there}, and stays there.")
    return notes


def _shared_notes(
    platform: TursoPlatform, found: dict[str, Database | None], homes: dict[str, str]
) -> list[str]:
    """Tokens are signed by the keys of a group: leaking one of staging can force production to change its own."""
    group_of = {**{name: one.group for name, one in found.items() if one is not None}, **homes}
    notes = []
    for group in dict.fromkeys(group_of.values()):
        members = [name for name, of in group_of.items() if of == group]
        if group is None or len(members) < 2:
            continue
        plan = platform.organization.plan
        limit = (
            ""
            if platform.organization.may_have_groups
            else (
                f" The plan {plan!r} allows one group; Scaler, Pro and Enterprise allow more."
                if plan
                else " More than one group needs the plan Scaler, Pro or Enterprise; which this is could not be seen."
            )
        )
        notes.append(
            f"{' and '.join(members)} share the group {group!r}: invalidating the tokens of one invalidates those of "
            f"the other.{limit}"
        )
    return notes
