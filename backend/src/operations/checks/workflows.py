"""Phase 4-7: the workflows are there, do what the guide asked for, and let nobody else in."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from src.operations.checks.check import Check
from src.operations.checks.scene import Scene
from src.operations.verdict import Verdict, fail, ok, skip, warn

FOLDER = Path(".github") / "workflows"
NO_CLONE = "there is no clone here, only its code"
_LINT_SECONDS = 120
_TOKENS = ("GITHUB_TOKEN", "GH_TOKEN", "ZIZMOR_GITHUB_TOKEN")
_PINNED = re.compile(r"^[^@]+@[0-9a-f]{40}$")
# What starts each, and the environment at GitHub whose secrets it may read.
_DEPLOYS: Mapping[str, tuple[str, str, str]] = {
    "deploy-staging.yml": ("branches", "develop", "staging"),
    "deploy-production.yml": ("tags", "v*", "production"),
}
_NAMES = ("ci.yml", *_DEPLOYS)


def _folder(scene: Scene) -> Path | None:
    return scene.project / FOLDER if scene.project else None


def _look_for_workflows(scene: Scene) -> Verdict:
    if (folder := _folder(scene)) is None:
        return skip(NO_CLONE)
    absent = [name for name in _NAMES if not (folder / name).is_file()]
    if absent:
        return fail(f"{FOLDER / absent[0]} is not there", f"Run: git checkout -- {FOLDER}")
    for name in _NAMES:
        try:
            _read(folder / name)
        except ValueError as exc:
            return fail(
                f"{FOLDER / name} cannot be read: {exc}", f"Correct it, or run: git checkout -- {FOLDER}"
            )
    return ok(", ".join(_NAMES))


def _read(path: Path) -> Mapping[str, Any]:
    """Raises ValueError."""
    import yaml

    try:
        found = read_yaml(path)
    except yaml.YAMLError as exc:
        raise ValueError(getattr(exc, "problem", None) or "it is no YAML") from None
    if not isinstance(found, dict) or not isinstance(found.get("jobs"), dict):
        raise ValueError("it has no jobs")
    return {
        "on" if name is True else str(name): value for name, value in found.items()
    }  # YAML 1.1 reads on as true


def read_yaml(path: Path) -> Any:
    """Raises YAMLError and FileNotFoundError. Ten times as fast as safe_load where libyaml is there."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(path.read_text(encoding="utf-8"), loader)  # noqa: S506 - both loaders are safe


def _look_at_triggers(scene: Scene) -> Verdict:
    if (folder := _folder(scene)) is None:
        return skip(NO_CLONE)
    for name, (kind, ref, environment) in _DEPLOYS.items():
        workflow = _read(folder / name)
        on = workflow.get("on")
        push = on.get("push") if isinstance(on, dict) else None
        refs = push.get(kind) if isinstance(push, dict) else None
        restore = f"Run: git checkout -- {FOLDER / name}"
        if refs != [ref] or not isinstance(push, dict) or len(push) != 1:
            return fail(f"{name} does not start on a push to {kind} {ref!r} alone", restore)
        if not any(_environment(job) == environment for job in workflow["jobs"].values()):
            return fail(f"no job of {name} is of the environment {environment}", restore)
    return ok("develop goes to staging, tags v* go to production")


def _environment(job: Any) -> str | None:
    found = job.get("environment") if isinstance(job, dict) else None
    return found.get("name") if isinstance(found, dict) else found


def _look_at_steps(scene: Scene) -> Verdict:
    if (folder := _folder(scene)) is None:
        return skip(NO_CLONE)
    for name, (_, _, environment) in _DEPLOYS.items():
        said = "\n".join(_commands(_read(folder / name)))
        for command in ("env render", "env check", "db upgrade", "verify"):
            if not re.search(rf"autoforge {command} .*--env {environment}\b", said):
                return fail(
                    f"{name} does not run: autoforge {command} --env {environment}",
                    f"Run: git checkout -- {FOLDER / name}",
                )
    return ok("render, check, migrate, deploy, verify")


def _commands(workflow: Mapping[str, Any]) -> Iterator[str]:
    for job in workflow["jobs"].values():
        for step in job.get("steps", ()):
            yield str(step.get("run", ""))


def _look_at_rights(scene: Scene) -> Verdict:
    if (folder := _folder(scene)) is None:
        return skip(NO_CLONE)
    faults = [fault for path in sorted(folder.glob("*.y*ml")) for fault in too_free(path.name, _read(path))]
    if faults:
        return fail("; ".join(faults[:3]), "Pin actions by SHA, and give rights and time by job.")
    return ok("actions pinned by SHA, no rights but those of the job, each job ends")


def too_free(name: str, workflow: Mapping[str, Any]) -> Iterator[str]:
    """What lets a workflow do more than it needs."""
    if workflow.get("permissions") != {}:
        yield f"{name}: permissions at the top are not {{}}"
    for title, job in workflow["jobs"].items():
        if "uses" not in job and "timeout-minutes" not in job:
            yield f"{name}: the job {title} has no timeout-minutes"
        used = [job.get("uses"), *(step.get("uses") for step in job.get("steps", ()))]
        for action in used:
            if action and not action.startswith("./") and not _PINNED.match(action):
                yield f"{name}: {action} is not pinned by SHA"


def _without_tokens() -> dict[str, str]:
    """Nothing is asked of GitHub, and zizmor does not even start with a token that is set and empty."""
    return {name: value for name, value in os.environ.items() if name not in _TOKENS}


def _lint_with(tool: str, *options: str) -> Verdict | None:
    """None when it is not installed beside Python."""
    command = Path(sys.executable).with_name(tool)
    if not command.exists():
        return None
    try:
        answer = subprocess.run(
            [command, *options],
            check=False,
            capture_output=True,
            text=True,
            timeout=_LINT_SECONDS,
            env=_without_tokens(),
        )
    except subprocess.TimeoutExpired:
        return warn(
            f"{tool} did not end within {_LINT_SECONDS} s", f"Run it by hand: {tool} {' '.join(options)}"
        )
    if answer.returncode == 0:
        return ok(tool)
    said = [line.strip() for line in f"{answer.stdout}\n{answer.stderr}".splitlines() if line.strip()]
    return fail(
        f"{tool}: {(said or ['it failed without a word'])[0]:.300}", f"Run: {tool} {' '.join(options)}"
    )


def _look_with_linters(scene: Scene) -> Verdict:
    if (folder := _folder(scene)) is None:
        return skip(NO_CLONE)
    files = [str(folder / name) for name in _NAMES]
    found = [_lint_with("zizmor", "--offline", "--no-progress", *files), _lint_with("actionlint", *files)]
    ran = [one for one in found if one is not None]
    if not ran:
        return skip("neither zizmor nor actionlint is installed (make setup installs them)")
    return next((one for one in ran if one.fix is not None), ok(" and ".join(one.message for one in ran)))


_THERE = ("deploy.workflows",)

WORKFLOWS = (
    Check(
        id="deploy.workflows",
        phase="4-7",
        title="The workflows are there",
        why="Without them nothing is tested or deployed.",
        look=_look_for_workflows,
    ),
    Check(
        id="deploy.triggers",
        phase="4-7",
        title="develop goes to staging, released tags to production",
        why="The environment at GitHub decides which secrets a job may read, and from where.",
        look=_look_at_triggers,
        needs=_THERE,
    ),
    Check(
        id="deploy.steps",
        phase="4-7",
        title="Each deployment renders, checks, migrates and verifies",
        why="A deployment that skips a step fails in front of users.",
        look=_look_at_steps,
        needs=_THERE,
    ),
    Check(
        id="deploy.rights",
        phase="4-7",
        title="The workflows may do no more than they need",
        why="An action that is named by a tag can be another one tomorrow, with our secrets.",
        look=_look_at_rights,
        needs=_THERE,
    ),
    Check(
        id="deploy.linted",
        phase="4-7",
        title="The workflows lint clean",
        why="What the runner would refuse, or let in, is told before it runs.",
        look=_look_with_linters,
        needs=(*_THERE, "deploy.rights"),
        quick=False,
    ),
)
