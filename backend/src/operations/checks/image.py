"""Phase 4-7: what is deployed. As far as can be told of it without a container engine."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from src.core.config.settings.catalogue import all_settings
from src.operations.checks.check import Check
from src.operations.checks.machine import BEYOND_PYTHON, LEAST_PYTHON
from src.operations.checks.scene import Scene
from src.operations.checks.workflows import NO_CLONE, read_yaml
from src.operations.verdict import Verdict, fail, ok, skip

_DOCKERFILE, _IGNORE, _LOCK = "Dockerfile", ".dockerignore", "requirements.lock"
_NEEDED = ("src", "alembic", "alembic.ini", "pyproject.toml", _LOCK)
_KEPT_OUT = ("**/.env*", "**/*.db*")
_COMPOSE = ("docker-compose.dev.yml", "docker-compose.prod.yml")
_WORKER = Path("deploy") / "cloudflare" / "wrangler.jsonc"


def _look_at_artefacts(scene: Scene) -> Verdict:
    if scene.project is None:
        return skip(NO_CLONE)
    from src.operations.artefacts.artefacts import stale
    from src.operations.artefacts.blocks import BrokenMarksError

    fix = "Run: autoforge env generate"
    try:
        found = [str(path.relative_to(scene.project)) for path in stale(scene.project)]
    except BrokenMarksError as exc:
        return fail(str(exc), f"Put the marks back (git diff shows them). {fix}")
    if found:
        return fail(f"not as the settings are declared: {', '.join(found)}", fix, can_mend=True)
    return ok("templates, workflows, compose file, Worker and pages are as the settings are declared")


def _generate(scene: Scene) -> str:
    from src.operations.artefacts.artefacts import generate

    assert scene.project is not None
    return f"autoforge env generate: wrote {', '.join(path.name for path in generate(scene.project))}"


def _look_at_dockerfile(scene: Scene) -> Verdict:
    if scene.project is None:
        return skip(NO_CLONE)
    restore = f"Run: git checkout -- backend/{_DOCKERFILE}"
    try:
        text = (scene.backend / _DOCKERFILE).read_text(encoding="utf-8")
    except FileNotFoundError:
        return fail(f"backend/{_DOCKERFILE} is not there", restore)
    faults = list(faults_of_image(text, scene.backend))
    if faults:
        return fail("; ".join(faults[:3]), f"Correct backend/{_DOCKERFILE}; as it was: {restore[5:]}")
    return ok("it installs from the lock, runs without root, and holds no secret")


def faults_of_image(text: str, context: Path) -> Iterator[str]:
    steps = [
        line.split(maxsplit=1)
        for line in text.replace("\\\n", " ").splitlines()
        if re.match(r"[A-Z]+ ", line)
    ]
    by_name: dict[str, list[str]] = {}
    for name, rest in steps:
        by_name.setdefault(name, []).append(rest)
    for base in by_name.get("FROM", ["nothing"]):
        version = re.match(r"python:(\d+)\.(\d+)", base)
        if version is None or not LEAST_PYTHON <= (int(version[1]), int(version[2])) < BEYOND_PYTHON:
            yield f"it is built from {base}, which is no Python that we support"
    if by_name.get("USER", ["root"])[-1].partition(":")[0] in ("root", "0"):
        yield "it runs as root"
    if "HEALTHCHECK" not in by_name:
        yield "it has no HEALTHCHECK"
    if "--require-hashes" not in text:
        yield "it installs without the hashes of the lock"
    secrets = "|".join(setting.name for setting in all_settings() if setting.is_secret)
    for rest in (*by_name.get("ENV", ()), *by_name.get("ARG", ())):
        if found := re.search(rf"\b({secrets})\b", rest):
            yield f"{found[1]} would stand in a layer, for everybody with the image to read"
    for rest in by_name.get("COPY", ()):
        words = [word for word in rest.split() if not word.startswith("--")]
        if "--from=" not in rest:
            yield from (f"{word} to copy is not there" for word in words[:-1] if not _is_there(context, word))


def _is_there(context: Path, pattern: str) -> bool:
    return pattern.strip("./") == "" or any(context.glob(pattern))


def _look_at_context(scene: Scene) -> Verdict:
    if scene.project is None:
        return skip(NO_CLONE)
    restore = f"Run: git checkout -- backend/{_IGNORE}"
    try:
        lines = (scene.backend / _IGNORE).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return fail(f"backend/{_IGNORE} is not there: every file of backend/ would enter the build", restore)
    rules = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if rules[:1] != ["*"]:
        return fail("the build context is not an allow-list: it does not begin with *", restore)
    last_allowed = max((at for at, rule in enumerate(rules) if rule.startswith("!")), default=0)
    if open_ := [rule for rule in _KEPT_OUT if rule not in rules[last_allowed + 1 :]]:
        return fail(f"{open_[0]} is not kept out of the build at the end of {_IGNORE}", restore)
    if absent := [name for name in _NEEDED if f"!{name}" not in rules or not (scene.backend / name).exists()]:
        return fail(f"{', '.join(absent)} does not enter the build, and is needed", restore)
    return ok(
        f"{', '.join(rule[1:] for rule in rules if rule.startswith('!'))} enter the build, and nothing else"
    )


def _look_at_compose(scene: Scene) -> Verdict:
    if scene.project is None:
        return skip(NO_CLONE)
    import yaml

    for name in _COMPOSE:
        restore = f"Run: git checkout -- {name}"
        try:
            found = read_yaml(scene.project / name)
        except FileNotFoundError:
            return fail(f"{name} is not there", restore)
        except yaml.YAMLError as exc:
            return fail(f"{name} is no YAML: {getattr(exc, 'problem', None) or 'it cannot be read'}", restore)
        faults = list(faults_of_compose(found, is_production="prod" in name))
        if faults:
            return fail(f"{name}: {'; '.join(faults[:3])}", f"Correct it, or: {restore[5:]}")
    return ok("backend and redis, on the network autoforge")


def faults_of_compose(found: Any, *, is_production: bool) -> Iterator[str]:
    services: Mapping[str, Any] = found.get("services") or {} if isinstance(found, dict) else {}
    for name in ("backend", "redis"):
        if name not in services:
            yield f"it has no service {name}"
        elif "autoforge" not in (services[name].get("networks") or ()):
            yield f"{name} is not on the network autoforge"
        elif "healthcheck" not in services[name] and name == "redis":
            yield "nobody looks whether redis is well"
    backend, redis = services.get("backend") or {}, services.get("redis") or {}
    if backend and backend.get("working_dir") != "/app":
        yield "the backend does not work in /app"
    if not is_production:
        return
    if redis.get("ports"):
        yield "the port of Redis is open to the network"
    waits_for = (backend.get("depends_on") or {}).get("migrate") or {}
    if backend and waits_for.get("condition") != "service_completed_successfully":
        yield "the backend does not wait for the migrations"
    for name in ("backend", "redis"):
        if name in services and not (services[name].get("deploy") or {}).get("resources"):
            yield f"{name} may take all of the machine"


def _look_at_worker(scene: Scene) -> Verdict:
    if scene.project is None:
        return skip(NO_CLONE)
    restore = f"Run: git checkout -- {_WORKER}"
    try:
        text = (scene.project / _WORKER).read_text(encoding="utf-8")
        # comments stand on lines of their own; a URL in a value has slashes too
        found = json.loads(re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE))
    except FileNotFoundError:
        return fail(f"{_WORKER} is not there", restore)
    except ValueError:
        return fail(f"{_WORKER} cannot be read", restore)
    for name in ("staging", "production"):
        env = (found.get("env") or {}).get(name) or {}
        if not env.get("containers"):
            return fail(f"{_WORKER} has no container for {name}", restore)
        image = scene.project / _WORKER.parent / env["containers"][0].get("image", "")
        if not image.is_file():
            return fail(f"the image of {name} is to be built from {image}, which is not there", restore)
    return ok("a Worker and a container for staging and for production")


IMAGE = (
    Check(
        id="deploy.artefacts",
        phase="4-7",
        title="What is generated is as the settings are declared",
        why="A setting that was added would not reach the server.",
        look=_look_at_artefacts,
        mend=_generate,
    ),
    Check(
        id="deploy.image",
        phase="4-7",
        title="The image can be built",
        why="It is built on the runner, after the database was migrated.",
        look=_look_at_dockerfile,
    ),
    Check(
        id="deploy.context",
        phase="4-7",
        title="No file with secrets enters the image",
        why="Whoever has the image has every file in it.",
        look=_look_at_context,
    ),
    Check(
        id="deploy.compose",
        phase="4-7",
        title="The compose files are whole",
        why="They are how the guide starts it all on one machine.",
        look=_look_at_compose,
    ),
    Check(
        id="deploy.worker",
        phase="4-7",
        title="The Worker has a container for each environment",
        why="wrangler hands nothing down from one environment to another.",
        look=_look_at_worker,
    ),
)
