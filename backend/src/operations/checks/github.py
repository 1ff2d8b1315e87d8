"""Phase 4-7: the secrets and the protection of an environment at GitHub, as `autoforge secrets check` sees them."""

from collections.abc import Callable

from src.core.config.settings.base import SettingsError
from src.domain.shared.errors import DomainError, UnavailableError
from src.operations.checks.check import Check
from src.operations.checks.scene import Scene
from src.operations.github.drift import Drift
from src.operations.verdict import Level, Verdict, fail, ok, skip, warn

_SHOWN = 3


def _look_at_github(scene: Scene) -> Verdict:
    if scene.is_local:
        return skip("local has no secrets at GitHub")
    if scene.settings.github_token is None:
        return skip("GITHUB_TOKEN is not set, and without it GitHub tells nothing")
    try:
        facts = scene.github
    except UnavailableError:
        raise
    except (DomainError, SettingsError) as exc:
        return fail(str(exc), f"Run: autoforge secrets check{scene.env_option}")
    return ok(f"{facts.repository}, environment {facts.environment}: {facts.checked} values")


def _look_for(kind: Drift, said: str) -> Callable[[Scene], Verdict]:
    def look(scene: Scene) -> Verdict:
        if scene.is_local or scene.settings.github_token is None:
            return skip("GitHub was not asked")
        found = [one for one in scene.github.findings if one.drift is kind]
        if not found:
            return ok(said)
        more = f", and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        message = "; ".join(f"{one.name} {one.message}" for one in found[:_SHOWN]) + more
        fix = found[0].fix if len(found) == 1 else f"Run: autoforge secrets check{scene.env_option}"
        return fail(message, fix) if any(one.level is Level.FAIL for one in found) else warn(message, fix)

    return look


_ASKED = ("secrets.github",)
_THERE = (*_ASKED, "secrets.environment")

GITHUB = (
    Check(
        id="secrets.github",
        phase="4-7",
        title="GitHub lets us look at the environment",
        why="What GitHub holds is what a deployment gets.",
        look=_look_at_github,
        needs=("settings.valid",),
        quick=False,
    ),
    Check(
        id="secrets.environment",
        phase="4-7",
        title="The environment is there at GitHub",
        why="A job of an environment that is not there gets one without secrets or protection.",
        look=_look_for(Drift.NO_ENVIRONMENT, "it is there"),
        needs=_ASKED,
        quick=False,
    ),
    Check(
        id="secrets.present",
        phase="4-7",
        title="Every required secret is at GitHub",
        why="A deployment with one missing stops half-way.",
        look=_look_for(Drift.MISSING, "none is missing"),
        needs=_THERE,
        quick=False,
    ),
    Check(
        id="secrets.known",
        phase="4-7",
        title="Nothing is kept that no setting asks for",
        why="A forgotten secret is never replaced, and never missed when it leaks.",
        look=_look_for(Drift.UNKNOWN, "nothing is"),
        needs=_THERE,
        quick=False,
    ),
    Check(
        id="secrets.unchanged",
        phase="4-7",
        title="Nobody else has changed a secret",
        why="The next deployment would take a value that nobody here knows.",
        look=_look_for(Drift.CHANGED, "as far as was sent from here, all are as they were sent"),
        needs=_THERE,
        quick=False,
    ),
    Check(
        id="secrets.same",
        phase="4-7",
        title="The values here are those at GitHub",
        why="What was tried here is not what will be deployed.",
        look=_look_for(Drift.DIFFERS, "as far as they are known here"),
        needs=_THERE,
        quick=False,
    ),
    Check(
        id="secrets.fit",
        phase="4-7",
        title="The values here are fit to be sent",
        why="A placeholder, or two values that disagree, would be refused.",
        look=_look_for(Drift.UNFIT, "as far as they are known here"),
        needs=_THERE,
        quick=False,
    ),
    Check(
        id="secrets.hidden",
        phase="4-7",
        title="No secret stands where more people can read it",
        why="A variable, or a secret of the whole repository, is open to every workflow on every branch.",
        look=_look_for(Drift.EXPOSED, "each is in its environment alone"),
        needs=_THERE,
        quick=False,
    ),
    Check(
        id="secrets.fresh",
        phase="4-7",
        title="No secret is older than 90 days",
        why="The longer a secret lives, the more places have seen it.",
        look=_look_for(Drift.OLD, "none is"),
        needs=_THERE,
        quick=False,
    ),
    Check(
        id="secrets.protection",
        phase="4-7",
        title="The environment is protected",
        why="Production takes a reviewer, five minutes, and released tags only.",
        look=_look_for(Drift.PROTECTION, "as the guide asked for"),
        needs=_THERE,
        quick=False,
    ),
)
