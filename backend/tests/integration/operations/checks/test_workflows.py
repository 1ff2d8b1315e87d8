"""Phase 4-7: workflows that are broken in turn."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from src.operations.checks.check import run
from src.operations.checks.workflows import WORKFLOWS
from tests.integration.operations.checks.scenes import Look, OpenScene

SHA = "3d3c42e5aac5ba805825da76410c181273ba90b1"
WORKFLOW = """\
name: {name}
on:
  push:
    {kind}: ["{ref}"]
permissions: {{}}
jobs:
  deploy:
    runs-on: ubuntu-24.04
    timeout-minutes: 60
    environment: {env}
    steps:
      - uses: actions/checkout@{sha} # v7
      - run: |
          ./autoforge env render --env {env}
          ./autoforge env check --env {env}
      - run: ./autoforge db upgrade --env {env} --yes
      - run: ./autoforge verify --env {env} --json
"""


@pytest.fixture
def folder(clone: Path) -> Path:
    """Three small workflows, and all is well with them."""
    folder = clone / ".github" / "workflows"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for name, kind, ref, env in (
        ("ci.yml", "branches", "**", "staging"),
        ("deploy-staging.yml", "branches", "develop", "staging"),
        ("deploy-production.yml", "tags", "v*", "production"),
    ):
        (folder / name).write_text(WORKFLOW.format(name=name, kind=kind, ref=ref, env=env, sha=SHA))
    return folder


def _edit(name: str, old: str, new: str) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1))

    return edit


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda folder: (folder / "deploy-production.yml").unlink(), "deploy.workflows"),
    "no YAML": (lambda folder: (folder / "ci.yml").write_text("jobs: [\n"), "deploy.workflows"),
    "no jobs": (lambda folder: (folder / "ci.yml").write_text("name: x\n"), "deploy.workflows"),
    "other branch": (_edit("deploy-staging.yml", "develop", "main"), "deploy.triggers"),
    "branch beside the tag": (
        _edit("deploy-production.yml", '    tags: ["v*"]', '    tags: ["v*"]\n    branches: [main]'),
        "deploy.triggers",
    ),
    "no environment": (_edit("deploy-staging.yml", "    environment: staging\n", ""), "deploy.triggers"),
    "no migration": (_edit("deploy-production.yml", "db upgrade", "db status"), "deploy.steps"),
    "check of another environment": (
        _edit("deploy-staging.yml", "env check --env staging", "env check --env production"),
        "deploy.steps",
    ),
    "no verification": (_edit("deploy-staging.yml", "./autoforge verify", "true"), "deploy.steps"),
    "action by tag": (_edit("ci.yml", SHA, "v7"), "deploy.rights"),
    "rights for all": (
        _edit("deploy-staging.yml", "permissions: {}", "permissions: write-all"),
        "deploy.rights",
    ),
    "no rights said": (_edit("deploy-staging.yml", "permissions: {}\n", ""), "deploy.rights"),
    "no end": (_edit("ci.yml", "    timeout-minutes: 60\n", ""), "deploy.rights"),
}


def test_small_workflows_are_fine(open_scene: OpenScene, folder: Path) -> None:
    quick = [check for check in WORKFLOWS if check.quick]
    assert {found.level for found in run(quick, open_scene())} == {"ok"}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_turns_its_own_check_red(open_scene: OpenScene, folder: Path, fault: str) -> None:
    break_it, name = FAULTS[fault]
    break_it(folder)

    findings = run([check for check in WORKFLOWS if check.quick], open_scene())

    assert [found.check.id for found in findings if found.is_bad] == [name]
    assert {found.message for found in findings if found.level == "blocked"} <= {f"blocked by {name}"}


def test_environment_with_a_name_and_a_called_workflow_are_understood(
    open_scene: OpenScene, folder: Path
) -> None:
    _edit("deploy-staging.yml", "environment: staging", "environment: {name: staging}")(folder)
    _edit("ci.yml", "jobs:\n", "jobs:\n  other:\n    uses: ./.github/workflows/deploy-staging.yml\n")(folder)
    quick = [check for check in WORKFLOWS if check.quick]
    assert {found.level for found in run(quick, open_scene())} == {"ok"}


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where linters would be; there is none."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    (tmp_path / "bin").mkdir()
    return tmp_path / "bin"


def _tool(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_linters_are_asked_where_they_are_installed(look: Look, folder: Path, tools: Path) -> None:
    assert look("deploy.linted").level == "skip"
    _tool(tools / "zizmor", "exit 0")
    assert look("deploy.linted").message == "zizmor"
    _tool(tools / "actionlint", 'echo; echo "ci.yml:3: odd"; exit 1')
    found = look("deploy.linted")
    assert (found.level, found.message) == ("fail", "actionlint: ci.yml:3: odd")
    assert found.fix is not None
    assert found.fix.startswith("Run: actionlint ")


@pytest.mark.parametrize("name", ["GITHUB_TOKEN", "GH_TOKEN", "ZIZMOR_GITHUB_TOKEN"])
def test_linters_see_no_token_of_github(
    look: Look, folder: Path, tools: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "")
    _tool(tools / "zizmor", f'test -z "${{{name}+set}}" || {{ echo "token cannot be empty"; exit 2; }}')
    assert look("deploy.linted").message == "zizmor"


def test_nothing_is_asked_of_an_image(look: Look, open_scene: OpenScene, tmp_path: Path) -> None:
    image = open_scene(backend=tmp_path)
    names = [check.id for check in WORKFLOWS]
    assert {look(name, image).level for name in names} == {"skip"}
