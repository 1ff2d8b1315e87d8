"""Who and what may deploy to an environment at GitHub: what we ask for, what is there, and bringing it there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from src.core.config.settings.declaration import AppEnv
from src.operations.github.client import GithubEnvironment
from src.operations.github.errors import GithubRefusedError
from src.operations.github.records import Environment, RefRule, Refs, Repository, Reviewer
from src.operations.verdict import Level

_MOST_REVIEWERS = 6
PLAN_LIMITS = (
    "In a private repository environments need GitHub Pro or Team, and required reviewers and the wait timer need "
    "Enterprise; public repositories have all of it."
)
FALLBACK = (
    "Until then let few people push to its branch or tag (a ruleset), or take `push` out of the workflow and start it "
    "by hand (workflow_dispatch)."
)


@dataclass(frozen=True, slots=True)
class Protection:
    """What an environment is to be protected by."""

    ref: RefRule
    wait_minutes: int = 0
    needs_reviewer: bool = False


PROTECTIONS: Mapping[AppEnv, Protection] = {
    AppEnv.STAGING: Protection(RefRule("develop", "branch")),
    AppEnv.PRODUCTION: Protection(RefRule("v*", "tag"), wait_minutes=5, needs_reviewer=True),
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that protects. `id` is stable; FAIL when it is missing, WARN when there is more than was asked for."""

    id: str
    wanted: str
    found: str
    level: Level


@dataclass(frozen=True, slots=True)
class Found:
    """What there is; `environment` is None when there is none."""

    environment: Environment | None
    refs: tuple[RefRule, ...]


def look(github: GithubEnvironment) -> Found:
    environment = github.find_environment()
    chosen = environment is not None and environment.refs is Refs.CHOSEN
    return Found(environment, github.ref_rules() if chosen else ())


def judge(wanted: Protection, found: Found) -> tuple[Rule, ...]:
    environment = found.environment or Environment(0, (), False, Refs.ALL)
    rules = [_judge_refs(wanted.ref, environment, found)]
    if wanted.wait_minutes:
        enough = environment.wait_minutes >= wanted.wait_minutes
        there = f"{environment.wait_minutes} minutes" if environment.wait_minutes else "none"
        rules.append(Rule("wait-timer", f"{wanted.wait_minutes} minutes", there, _level(enough)))
    if wanted.needs_reviewer:
        names = ", ".join(one.name for one in environment.reviewers)
        rules.append(Rule("reviewers", "at least 1", names or "none", _level(bool(names))))
        strict = bool(names) and environment.prevents_self_review
        found_strict = "refused" if strict else "allowed"
        rules.append(Rule("self-review", "refused", found_strict, _level(strict)))
    return tuple(rules)


def foreign(wanted: Protection, found: Found) -> tuple[RefRule, ...]:
    """Branches and tags that may deploy beside the one that is wanted."""
    return tuple(one for one in found.refs if not _is_same(one, wanted.ref))


def is_complete(rules: Sequence[Rule]) -> bool:
    return all(rule.level is not Level.FAIL for rule in rules)


def protect(
    github: GithubEnvironment,
    repository: Repository,
    wanted: Protection,
    *,
    reviewers: Sequence[Reviewer],
    prune: bool,
) -> tuple[str, ...]:
    """Brings the environment there as far as GitHub lets it; returns sentences on what it does not let, and why.

    Takes nothing away that somebody else added, but branches and tags with `prune`. Raises when there is no
    environment and none can be made.
    """
    found = look(github)
    refused = _set_rules(github, wanted, found, reviewers)
    found = look(github)
    if found.environment is not None and found.environment.refs is Refs.CHOSEN:
        refused += _set_refs(github, wanted, found, prune=prune)
    said = [f"GitHub says: {exc.said.rstrip('.')} (HTTP {exc.status})." for exc in refused]
    return tuple(dict.fromkeys((*said, *(_explained(exc, repository) for exc in refused))))


def require_few(found: Found, reviewers: Sequence[Reviewer]) -> str | None:
    """What is wrong when there would be more reviewers than GitHub takes."""
    count = len(_joined(found.environment, reviewers))
    if count <= _MOST_REVIEWERS:
        return None
    return f"{count} reviewers are more than the {_MOST_REVIEWERS} that GitHub takes"


def _judge_refs(wanted: RefRule, environment: Environment, found: Found) -> Rule:
    asked = f"{wanted.shown} only"
    if environment.refs is not Refs.CHOSEN:
        return Rule("refs", asked, environment.refs.value, Level.FAIL)
    there = ", ".join(one.shown for one in found.refs) or "none"
    if not any(_is_same(one, wanted) for one in found.refs):
        return Rule("refs", asked, there, Level.FAIL)
    return Rule("refs", asked, there, Level.OK if len(found.refs) == 1 else Level.WARN)


def _set_rules(
    github: GithubEnvironment, wanted: Protection, found: Found, reviewers: Sequence[Reviewer]
) -> list[GithubRefusedError]:
    """All at once; where GitHub refuses, less and less of what its plans may not include."""
    now = _rules(wanted, found.environment, refs=False, wait=False, reviewers=None)
    tries = [
        _rules(wanted, found.environment, refs=True, wait=True, reviewers=reviewers),
        _rules(wanted, found.environment, refs=True, wait=True, reviewers=None),
        _rules(wanted, found.environment, refs=True, wait=False, reviewers=None),
        now,
    ]
    refused: list[GithubRefusedError] = []
    for rules in (one for index, one in enumerate(tries) if one not in tries[:index]):
        if rules == now and found.environment is not None:
            return refused  # so it is already
        try:
            github.set_environment(rules)
        except GithubRefusedError as exc:
            if exc.status not in (403, 422):
                raise
            refused.append(exc)
        else:
            return refused
    raise refused[-1]


def _rules(
    wanted: Protection,
    now: Environment | None,
    *,
    refs: bool,
    wait: bool,
    reviewers: Sequence[Reviewer] | None,
) -> dict[str, Any]:
    """What GitHub is to be told: all that is there, and what is asked for on top. None: leave the reviewers alone."""
    rules: dict[str, Any] = {}
    minutes = max(now.wait_minutes if now else 0, wanted.wait_minutes if wait else 0)
    if minutes:
        rules["wait_timer"] = minutes
    if people := _joined(now, reviewers or ()):
        strict = wanted.needs_reviewer and reviewers is not None
        rules["reviewers"] = [{"type": one.type, "id": one.id} for one in people]
        rules["prevent_self_review"] = strict or (now is not None and now.prevents_self_review)
    chosen = refs or (now is not None and now.refs is Refs.CHOSEN)
    if chosen or (now is not None and now.refs is Refs.PROTECTED):
        rules["deployment_branch_policy"] = {
            "protected_branches": not chosen,
            "custom_branch_policies": chosen,
        }
    return rules


def _set_refs(
    github: GithubEnvironment, wanted: Protection, found: Found, *, prune: bool
) -> list[GithubRefusedError]:
    try:
        if not any(_is_same(one, wanted.ref) for one in found.refs):
            github.add_ref_rule(wanted.ref)
        for one in foreign(wanted, found) if prune else ():
            github.remove_ref_rule(one)
    except GithubRefusedError as exc:
        if exc.status not in (403, 404, 422):
            raise
        return [exc]
    return []


def _explained(exc: GithubRefusedError, repository: Repository) -> str:
    words = exc.said.lower()
    if exc.status == 403 and (
        "accessible" in words or "admin" in words or repository.may_administer is False
    ):
        return (
            "GITHUB_TOKEN may not administer the repository: it needs the permission Administration (write), "
            "or somebody who administers it sets the rules."
        )
    if repository.is_private:
        return f"{PLAN_LIMITS} {FALLBACK}"
    return f"A reviewer must be able to read the repository. {FALLBACK}"


def _joined(now: Environment | None, more: Sequence[Reviewer]) -> list[Reviewer]:
    there = list(now.reviewers) if now is not None else []
    known = {(one.type, one.id) for one in there}
    return there + [one for one in dict.fromkeys(more) if (one.type, one.id) not in known]


def _is_same(one: RefRule, other: RefRule) -> bool:
    return (one.name, one.type) == (other.name, other.type)


def _level(is_met: bool) -> Level:
    return Level.OK if is_met else Level.FAIL
