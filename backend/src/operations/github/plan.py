"""What `push` would do to each value of an environment, and why: decided from what is here, there, and was sent."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from src.operations.github.fingerprints import Fingerprints
from src.operations.github.protection import Rule, is_complete
from src.operations.github.records import Key, Kind, RefRule, Repository, Reviewer, Stored
from src.operations.github.values import Given, Values
from src.operations.github.wanted import Wanted


class Action(StrEnum):
    ADD = "add"
    REPLACE = "replace"
    KEEP = "keep"
    SKIP = "skip"  # optional, and given nowhere
    REFUSE = "refuse"  # what is here cannot be sent, or something is missing; then nothing at all is sent


@dataclass(frozen=True, slots=True)
class Step:
    """`name` is that at GitHub, `setting` that in a file. `updated_at` is None for what is not there yet.

    `source` says where the value is that would be sent; the value itself is nowhere in here.
    """

    name: str
    setting: str
    kind: Kind
    is_required: bool
    updated_at: datetime | None
    source: str | None
    action: Action
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """`has_environment`: it is there already. `unknown`: names that are there and nobody declared.

    `rules` is the protection as it is, `reviewers` who would be added, `surplus` the branches and tags that may deploy
    beside ours, `faults` why nothing would be sent.
    """

    repository: Repository
    environment: str
    has_environment: bool
    steps: tuple[Step, ...]
    unknown: tuple[str, ...]
    rules: tuple[Rule, ...]
    reviewers: tuple[Reviewer, ...]
    surplus: tuple[RefRule, ...]
    faults: tuple[str, ...]

    @property
    def is_protected(self) -> bool:
        return is_complete(self.rules)


def decide(
    wanted: Sequence[Wanted],
    values: Values,
    stored: Mapping[Key, Stored],
    sent: Fingerprints,
    *,
    only: Collection[str],
    force: bool,
) -> tuple[Step, ...]:
    """One step for each of `wanted`; those not in `only`, if it names any, stay as they are."""
    steps = []
    for one in wanted:
        there = stored.get(one.key)
        given = values.given.get(one.name)
        if only and one.name not in only:
            action, reason = (Action.KEEP if there else Action.SKIP), "not asked for"
        else:
            action, reason = _decide(one, values, there, wanted, stored, sent, force=force)
        steps.append(
            Step(
                one.name,
                one.setting.name,
                one.kind,
                one.is_required,
                there.updated_at if there else None,
                given.where if given and action in (Action.ADD, Action.REPLACE) else None,
                action,
                reason,
            )
        )
    return tuple(steps)


def _decide(
    one: Wanted,
    values: Values,
    there: Stored | None,
    wanted: Sequence[Wanted],
    stored: Mapping[Key, Stored],
    sent: Fingerprints,
    *,
    force: bool,
) -> tuple[Action, str]:
    if (fault := values.faults.get(one.name)) is not None:
        return Action.REFUSE, fault
    given = values.given.get(one.name)
    if given is None:
        return _without_value(one, values, there, wanted, stored)
    if there is None:
        return Action.ADD, "is not there yet"
    if force:
        return Action.REPLACE, "everything is sent again"
    return _compare(one, given, there, sent)


def _without_value(
    one: Wanted,
    values: Values,
    there: Stored | None,
    wanted: Sequence[Wanted],
    stored: Mapping[Key, Stored],
) -> tuple[Action, str]:
    if not one.is_required or stands_in(one, wanted, {*values.given, *(name for _, name in stored)}):
        if there is not None:
            return Action.KEEP, "there is no value here"
        return Action.SKIP, "optional" if not one.is_required else f"{one.setting.or_else} stands in for it"
    if one.name in values.emptied:
        return Action.REFUSE, "is required, and empty here"
    if there is not None:
        return Action.KEEP, "there is no value here"
    return Action.REFUSE, "is required, and has a value neither here nor at GitHub"


def stands_in(one: Wanted, wanted: Sequence[Wanted], present: Collection[str]) -> bool:
    """Whether another setting that has a value makes `one` needless."""
    other = one.setting.or_else
    return other is not None and any(
        found.setting.name == other and found.name in present for found in wanted
    )


def _compare(one: Wanted, given: Given, there: Stored, sent: Fingerprints) -> tuple[Action, str]:
    if one.kind is Kind.VARIABLE:
        if there.value == given.value.get_secret_value():
            return Action.KEEP, "is the same"
        return Action.REPLACE, "is another one here"
    known = sent.find(one.name)
    if known is None:
        return Action.REPLACE, "was not sent from here, so nobody can tell whether it is the same"
    if known.fingerprint != sent.of(one.name, given.value):
        return Action.REPLACE, "is another one here than was sent"
    if known.updated_at != there.updated_at:
        return Action.REPLACE, "was changed at GitHub by somebody else"
    return Action.KEEP, "is the one that was sent"
