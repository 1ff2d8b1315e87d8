"""What is wrong with the values of an environment at GitHub, found by looking only."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from src.operations.github.fingerprints import Fingerprints
from src.operations.github.plan import stands_in
from src.operations.github.protection import Rule, is_complete
from src.operations.github.records import Key, Kind, Stored
from src.operations.github.values import Values
from src.operations.github.wanted import Wanted
from src.operations.verdict import Level

MOST_DAYS = 90


class Drift(StrEnum):
    NO_ENVIRONMENT = "no_environment"
    MISSING = "missing"
    UNKNOWN = "unknown"
    CHANGED = "changed_by_somebody_else"
    DIFFERS = "differs_here"
    EXPOSED = "exposed"
    OLD = "old"
    UNFIT = "unfit_here"
    PROTECTION = "protection"


@dataclass(frozen=True, slots=True)
class Finding:
    """`name` is that of the value, of the rule ("protection.refs"), or of the environment itself."""

    drift: Drift
    name: str
    level: Level
    message: str
    fix: str


@dataclass(frozen=True, slots=True)
class Facts:
    """`checked` is how many values are there of those that are declared."""

    repository: str
    environment: str
    checked: int
    rules: tuple[Rule, ...]
    findings: tuple[Finding, ...]

    @property
    def is_good(self) -> bool:
        return all(finding.level is not Level.FAIL for finding in self.findings)

    @property
    def is_protected(self) -> bool:
        return is_complete(self.rules)


def find_drift(
    env: str,
    wanted: Sequence[Wanted],
    values: Values,
    stored: Mapping[Key, Stored],
    sent: Fingerprints,
    now: datetime,
) -> tuple[Finding, ...]:
    findings: list[Finding] = []
    for one in wanted:
        there = stored.get(one.key)
        push = f"autoforge secrets push --env {env} --only {one.name}"
        if (fault := values.faults.get(one.name)) is not None:
            findings.append(Finding(Drift.UNFIT, one.name, Level.FAIL, fault, "Mend the value."))
        elif there is None:
            findings.extend(_absent(one, wanted, values, stored, push))
        else:
            findings.extend(_present(one, values, there, sent, now, env, push))
    return (*findings, *_unknown(env, wanted, stored))


def _absent(
    one: Wanted, wanted: Sequence[Wanted], values: Values, stored: Mapping[Key, Stored], push: str
) -> Iterable[Finding]:
    if one.name in values.given:
        yield Finding(Drift.MISSING, one.name, Level.FAIL, "has a value here and none at GitHub", push)
    elif one.is_required and not stands_in(one, wanted, {name for _, name in stored}):
        fix = f"Set {one.name} in the environment, and: {push}"
        yield Finding(Drift.MISSING, one.name, Level.FAIL, "is required and is not at GitHub", fix)


def _present(
    one: Wanted, values: Values, there: Stored, sent: Fingerprints, now: datetime, env: str, push: str
) -> Iterable[Finding]:
    given, known = values.given.get(one.name), sent.find(one.name)
    if one.kind is Kind.VARIABLE:
        if given is not None and there.value != given.value.get_secret_value():
            yield Finding(Drift.DIFFERS, one.name, Level.FAIL, "is another one here than at GitHub", push)
        return
    if known is not None and known.updated_at != there.updated_at:
        message = f"was changed by somebody else, at {there.updated_at:%Y-%m-%d %H:%M} UTC"
        fix = f"If that is right: autoforge secrets check --env {env} --accept {one.name}. If not: {push}"
        yield Finding(Drift.CHANGED, one.name, Level.FAIL, message, fix)
    if known is not None and given is not None and known.fingerprint != sent.of(one.name, given.value):
        yield Finding(Drift.DIFFERS, one.name, Level.FAIL, "is another one here than was sent", push)
    # an address or an account lasts, and only what opens something has to be replaced
    if one.setting.is_secret and now - there.updated_at > timedelta(days=MOST_DAYS):
        message = f"is {(now - there.updated_at).days} days old; {MOST_DAYS} are the most"
        yield Finding(
            Drift.OLD, one.name, Level.FAIL, message, f"Make a new one where it comes from, and: {push}"
        )


def _unknown(env: str, wanted: Sequence[Wanted], stored: Mapping[Key, Stored]) -> Iterable[Finding]:
    kinds = {one.name: one.kind for one in wanted}
    for kind, name in sorted(set(stored) - {one.key for one in wanted}):
        delete = f"gh {kind.value} delete {name} --env {env}"
        if kind is Kind.VARIABLE and kinds.get(name) is Kind.SECRET:
            message = "is a secret, and stands in a variable, for everybody with access to read"
            fix = f"{delete}, make a new one where it comes from, and push that"
            yield Finding(Drift.EXPOSED, name, Level.FAIL, message, fix)
            continue
        message = f"is a {kind.value} at GitHub, and no setting asks for it"
        yield Finding(Drift.UNKNOWN, name, Level.WARN, message, f"If nobody needs it: {delete}")


def find_exposed(wanted: Sequence[Wanted], of_repository: Iterable[str]) -> Iterable[Finding]:
    """Secrets of ours that stand beside the environments, at the repository itself."""
    for name in sorted({one.name for one in wanted} & set(of_repository)):
        message = "is a secret of the repository too, which every workflow on every branch can read"
        yield Finding(Drift.EXPOSED, name, Level.FAIL, message, f"gh secret delete {name}")


def find_gaps(env: str, rules: Sequence[Rule]) -> Iterable[Finding]:
    """What the protection lacks, or has too much of."""
    for rule in rules:
        if rule.level is Level.OK:
            continue
        push = f"autoforge secrets push --env {env}"
        fix = f"{push} --prune" if rule.level is Level.WARN else push
        if rule.id in ("reviewers", "self-review") and rule.found in ("none", "allowed"):
            fix = f"{push} --reviewer USER"
        message = f"asks for {rule.wanted}, and there is: {rule.found}"
        yield Finding(Drift.PROTECTION, f"protection.{rule.id}", rule.level, message, fix)
