import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.deployment.image import BACKEND

FOLDER = BACKEND.parent / ".github" / "workflows"
DEPLOYMENTS = ("staging", "production")


def workflow(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((FOLDER / f"{name}.yml").read_text("utf-8"))
    return found


def steps(env: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = workflow(f"deploy-{env}")["jobs"]["deploy"]["steps"]
    return found


def script_of(env: str, words: str) -> str:
    (script,) = [step["run"] for step in steps(env) if words in step.get("run", "")]
    return str(script)


def test_staging_rehearses_production_step_by_step() -> None:
    rehearsed, real = (json.dumps(steps(env), indent=1) for env in DEPLOYMENTS)
    meant = r" --database \"autoforgenexus-production-$TURSO_ORGANIZATION\""
    assert rehearsed.replace("staging", "production").replace("STAGING_", "PROD_") == real.replace(meant, "")


@pytest.mark.parametrize("env", DEPLOYMENTS)
def test_the_database_is_migrated_before_the_release_and_what_is_live_is_verified_after_it(env: str) -> None:
    whole = "\n".join(step.get("run", "") for step in steps(env))
    order = [
        "env render",
        "env check",
        "release.py note",
        "db upgrade",
        "release.py deploy",
        "verify",
        "go-back",
        "rm -f",
    ]
    places = [whole.index(words) for words in order]
    assert places == sorted(places)


@pytest.mark.parametrize("env", DEPLOYMENTS)
def test_what_was_rendered_is_removed_whatever_happened(env: str) -> None:
    last = steps(env)[-1]
    assert last["if"] == "always()"
    assert last["run"].startswith("rm -f ")
    rendered = {f"backend/.env.{env}", '"$RUNNER_TEMP/secrets.json"'}
    assert set(last["run"].removeprefix("rm -f ").split()) == rendered


@pytest.mark.parametrize("env", DEPLOYMENTS)
def test_each_secret_is_handed_to_the_steps_that_use_it_and_to_no_other(env: str) -> None:
    holders = {
        name: [step["name"] for step in steps(env) if name in step.get("env", {})]
        for name in ("TURSO_API_TOKEN", "CLOUDFLARE_API_TOKEN")
    }
    assert len(holders["TURSO_API_TOKEN"]) == 1
    assert "migrate" in holders["TURSO_API_TOKEN"][0]
    assert len(holders["CLOUDFLARE_API_TOKEN"]) == 3
    # not in an argument, where the process list and an error show it, nor to all steps of a job
    assert not [step["name"] for step in steps(env) if "${{" in step.get("run", "")]
    found = workflow(f"deploy-{env}")
    assert "secrets." not in yaml.safe_dump([found["env"], found["jobs"]["deploy"].get("env")])


@pytest.mark.parametrize("name", ["ci", *(f"deploy-{env}" for env in DEPLOYMENTS)])
def test_jobs_may_read_the_repository_and_end_in_time(name: str) -> None:
    found = workflow(name)
    assert found["permissions"] == {}
    for job in found["jobs"].values():
        assert job["permissions"] == {"contents": "read"}
        if "uses" in job:
            continue
        assert job["timeout-minutes"] <= 60
        for step in job["steps"]:
            if action := step.get("uses"):
                assert re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", action)


@pytest.mark.parametrize("env", DEPLOYMENTS)
def test_one_deployment_waits_for_the_other_and_is_in_its_protected_environment(env: str) -> None:
    found = workflow(f"deploy-{env}")
    assert found["concurrency"] == {"group": f"deploy-{env}", "cancel-in-progress": False}
    assert found["jobs"]["deploy"]["environment"] == env
    assert found[True] == {"push": {"branches": ["develop"]} if env == "staging" else {"tags": ["v*"]}}


def test_nothing_is_deployed_that_the_tests_have_not_passed_nor_released_that_is_not_on_main() -> None:
    for env in DEPLOYMENTS:
        jobs = workflow(f"deploy-{env}")["jobs"]
        assert jobs["ci"]["uses"] == "./.github/workflows/ci.yml"
        assert jobs["deploy"]["needs"] == "ci"
    assert jobs["ci"]["needs"] == "released"
    assert "workflow_call" in workflow("ci")[True]


def test_a_database_without_a_place_for_its_backup_is_not_migrated(tmp_path: Path) -> None:
    script = script_of("production", "db upgrade")
    assert _run(script, tmp_path, TURSO_API_TOKEN="").returncode == 1
    assert "TURSO_API_TOKEN is not set" in _run(script, tmp_path, TURSO_API_TOKEN="").stdout


def test_a_tag_that_is_not_on_main_is_not_released(tmp_path: Path) -> None:
    (script,) = [
        step["run"] for step in workflow("deploy-production")["jobs"]["released"]["steps"] if "run" in step
    ]
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.com", "-C", str(tmp_path)]

    def commit(text: str) -> str:
        subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", text], check=True)
        return subprocess.run(
            [*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True
        ).stdout.strip()

    subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
    released, newest = commit("released"), commit("newest")
    subprocess.run([*git, "update-ref", "refs/remotes/origin/main", newest], check=True)
    elsewhere = commit("not merged")

    for sha, code in ((released, 0), (newest, 0), (elsewhere, 1)):
        ended = _run(script, tmp_path, GITHUB_SHA=sha, GITHUB_REF_NAME="v1.2.3")
        assert ended.returncode == code
    assert "v1.2.3 is not on main" in ended.stdout


def _run(script: str, folder: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """As the runner does; in an empty folder, so that a command of ours cannot be found."""
    return subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
