"""Phase 4-7: Dockerfile, build context, compose files, Worker and generated files, broken in turn."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from src.operations.artefacts.artefacts import generate
from src.operations.checks import image
from tests.integration.operations.checks.scenes import Look, OpenScene

DOCKERFILE = """\
FROM python:3.13-slim AS build
COPY requirements.lock .
RUN pip install --require-hashes -r requirements.lock
COPY . .
FROM python:3.13-slim
COPY --from=build /app /app
ENV HOST=0.0.0.0 \\
    PORT=8000
USER 10001:10001
HEALTHCHECK CMD ["true"]
"""
IGNORE = """\
# what enters
*
!alembic
!alembic.ini
!pyproject.toml
!requirements.lock
!src
**/.env*
**/*.db*
"""
COMPOSE: dict[str, Any] = {
    "services": {
        "backend": {
            "working_dir": "/app",
            "networks": ["autoforge"],
            "depends_on": {"migrate": {"condition": "service_completed_successfully"}},
            "deploy": {"resources": {"limits": {"memory": "1g"}}},
        },
        "redis": {
            "networks": ["autoforge"],
            "healthcheck": {"test": ["CMD", "true"]},
            "deploy": {"resources": {"limits": {"memory": "1g"}}},
        },
    }
}
WORKER = {
    "env": {
        name: {"containers": [{"image": "../../backend/Dockerfile"}]} for name in ("staging", "production")
    }
}


@pytest.fixture
def root(clone: Path) -> Path:
    """A clone whose files for containers are small and right."""
    backend, cloudflare = clone / "backend", clone / "deploy" / "cloudflare"
    cloudflare.mkdir(parents=True, exist_ok=True)
    (backend / "pyproject.toml").write_text("")
    (backend / "Dockerfile").write_text(DOCKERFILE)
    (backend / ".dockerignore").write_text(IGNORE)
    for name in ("docker-compose.dev.yml", "docker-compose.prod.yml"):
        (clone / name).write_text(yaml.safe_dump(COMPOSE))
    (cloudflare / "wrangler.jsonc").write_text(f"// a Worker\n{json.dumps(WORKER)}\n")
    return clone


NAMES = ("deploy.image", "deploy.context", "deploy.compose", "deploy.worker")


def test_files_for_containers_are_fine(look: Look, root: Path) -> None:
    assert {look(name).level for name in NAMES} == {"ok"}


def _edit(name: str, old: str, new: str) -> Callable[[Path], None]:
    def edit(root: Path) -> None:
        text = (root / name).read_text()
        assert old in text
        (root / name).write_text(text.replace(old, new, 1))

    return edit


def _compose(change: Callable[[Any], object]) -> Callable[[Path], None]:
    def edit(root: Path) -> None:
        path = root / "docker-compose.prod.yml"
        found = yaml.safe_load(path.read_text())
        change(found["services"])
        path.write_text(yaml.safe_dump(found))

    return edit


DOCKER, CONTEXT, WRANGLER = "backend/Dockerfile", "backend/.dockerignore", "deploy/cloudflare/wrangler.jsonc"
FAULTS: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "no Dockerfile": (lambda root: (root / DOCKER).unlink(), "deploy.image", "is not there"),
    "old Python": (_edit(DOCKER, "python:3.13", "python:3.10"), "deploy.image", "python:3.10-slim"),
    "root": (_edit(DOCKER, "USER 10001:10001\n", ""), "deploy.image", "as root"),
    "no health": (_edit(DOCKER, "HEALTHCHECK", "LABEL"), "deploy.image", "HEALTHCHECK"),
    "no hashes": (_edit(DOCKER, "--require-hashes ", ""), "deploy.image", "hashes"),
    "secret in a layer": (
        _edit(DOCKER, "    PORT=8000", "    JWT_SECRET_KEY=canary"),
        "deploy.image",
        "JWT_SECRET_KEY would stand",
    ),
    "file to copy gone": (
        _edit(DOCKER, "COPY requirements", "COPY other"),
        "deploy.image",
        "other.lock to copy",
    ),
    "no .dockerignore": (lambda root: (root / CONTEXT).unlink(), "deploy.context", "is not there"),
    "no allow-list": (_edit(CONTEXT, "*\n!alembic\n", "!alembic\n"), "deploy.context", "allow-list"),
    ".env let in": (_edit(CONTEXT, "**/.env*\n", ""), "deploy.context", "**/.env*"),
    ".env let in again": (
        lambda root: (root / CONTEXT).write_text(f"{IGNORE}!.env.staging\n"),
        "deploy.context",
        "**/.env*",
    ),
    "src kept out": (_edit(CONTEXT, "!src\n", ""), "deploy.context", "src does not enter"),
    "alembic.ini gone": (
        lambda root: (root / "backend/alembic.ini").unlink(),
        "deploy.context",
        "alembic.ini",
    ),
    "no compose file": (
        lambda root: (root / "docker-compose.dev.yml").unlink(),
        "deploy.compose",
        "is not there",
    ),
    "compose file no YAML": (
        lambda root: (root / "docker-compose.dev.yml").write_text("a: ["),
        "deploy.compose",
        "no YAML",
    ),
    "no redis": (_compose(lambda services: services.pop("redis")), "deploy.compose", "no service redis"),
    "other network": (
        _compose(lambda services: services["backend"].update(networks=["other"])),
        "deploy.compose",
        "not on the network",
    ),
    "other folder": (
        _compose(lambda services: services["backend"].pop("working_dir")),
        "deploy.compose",
        "/app",
    ),
    "Redis open": (
        _compose(lambda services: services["redis"].update(ports=["6379:6379"])),
        "deploy.compose",
        "open to the network",
    ),
    "no migration before": (
        _compose(lambda services: services["backend"].pop("depends_on")),
        "deploy.compose",
        "wait for the migrations",
    ),
    "no limit": (
        _compose(lambda services: services["redis"].pop("deploy")),
        "deploy.compose",
        "all of the machine",
    ),
    "no look at redis": (
        _compose(lambda services: services["redis"].pop("healthcheck")),
        "deploy.compose",
        "is well",
    ),
    "no Worker": (lambda root: (root / WRANGLER).unlink(), "deploy.worker", "is not there"),
    "Worker unreadable": (_edit(WRANGLER, "{", ""), "deploy.worker", "cannot be read"),
    "Worker without production": (_edit(WRANGLER, '"production"', '"prod"'), "deploy.worker", "production"),
    "image from elsewhere": (
        _edit(WRANGLER, "backend/Dockerfile", "Dockerfile"),
        "deploy.worker",
        "which is not there",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_turns_its_own_check_red(look: Look, root: Path, fault: str) -> None:
    break_it, name, said = FAULTS[fault]
    break_it(root)

    bad = [found for found in map(look, NAMES) if found.is_bad]

    of_dockerfile = {"deploy.image", "deploy.worker"} if fault == "no Dockerfile" else {name}
    assert {found.check.id for found in bad} == of_dockerfile
    assert said in bad[0].message
    assert "canary" not in bad[0].message
    assert bad[0].fix


def test_development_needs_no_limits_and_may_show_redis() -> None:
    found = {"services": {name: dict(service) for name, service in COMPOSE["services"].items()}}
    for service in found["services"].values():
        service.pop("deploy")
    found["services"]["redis"]["ports"] = ["127.0.0.1:6379:6379"]
    assert list(image.faults_of_compose(found, is_production=False)) == []
    assert len(list(image.faults_of_compose(found, is_production=True))) == 3
    assert list(image.faults_of_compose(None, is_production=False)) == [
        "it has no service backend",
        "it has no service redis",
    ]


def test_stale_artefact_is_named_and_generated_anew(look: Look, open_scene: OpenScene, root: Path) -> None:
    scene = open_scene()
    generate(root)
    assert look("deploy.artefacts", scene).level == "ok"

    (root / "backend" / ".env.example").write_text("PORT=1\n")
    found = look("deploy.artefacts", scene)
    assert (found.level, found.fix) == ("fail", "Run: autoforge env generate")
    assert "backend/.env.example" in found.message

    assert found.can_mend
    assert found.check.mend is not None
    assert ".env.example" in found.check.mend(scene)
    assert look("deploy.artefacts", scene).level == "ok"


def test_broken_mark_is_told(look: Look, root: Path) -> None:
    generate(root)
    with (root / "docker-compose.prod.yml").open("a") as file:
        file.write("# generated: environment production\n")
    found = look("deploy.artefacts")
    assert (found.level, "marks" in (found.fix or "")) == ("fail", True)
    assert not found.can_mend


def test_nothing_is_asked_of_an_image(look: Look, open_scene: OpenScene, tmp_path: Path) -> None:
    inside = open_scene(backend=tmp_path)
    assert {look(name, inside).level for name in (*NAMES, "deploy.artefacts")} == {"skip"}
