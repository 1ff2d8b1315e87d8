"""The steps of a release, with a wrangler that plays Cloudflare: what is live, and what it was asked, is in a file."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.deployment.image import BACKEND

ENV = "staging"
NAME = f"autoforgenexus-backend-{ENV}"
OLD = {"version": "version-1", "image": "registry.example.com/account/backend:1"}
SECRET = "CANARY-of-a-secret"
WRANGLER = r"""
import json, os, pathlib, re, sys
cloud = pathlib.Path(os.environ["CLOUD"])
state = json.loads(cloud.read_text())
words = sys.argv[1 + sys.argv.index("wrangler"):]
state["asked"].append(words)
fails = state.get("fails", {}).get(words[0])
def option(name):
    return words[words.index(name) + 1] if name in words else None
if fails:
    print(fails, file=sys.stderr)
elif words[0] == "deployments":
    if state["live"]:
        print(json.dumps({"versions": [{"version_id": state["live"]["version"], "percentage": 100}]}))
    else:
        fails = "This Worker does not exist on your account. [code: 10007]"
        print(fails, file=sys.stderr)
elif words[:2] == ["containers", "list"]:
    others = [{"id": "other", "name": "somebody-elses", "image": "x"}]
    own = [{"id": "ours", "name": os.environ["NAME"], "image": state["live"]["image"]}] if state["live"] else []
    print(json.dumps(others + own))
elif words[:2] == ["containers", "info"]:
    state["rolling"] = max(0, state["rolling"] - 1)
    print(json.dumps({"id": words[2], **({"active_rollout_id": "r"} if state["rolling"] else {})}))
elif words[0] == "deploy":
    config = pathlib.Path(option("--config") or "wrangler.jsonc").read_text()
    image = re.search(r'"image": "([^"]*)"', config)[1]
    built = image.endswith("Dockerfile")
    state["live"] = {"version": "version-2", "image": "registry.example.com/account/backend:2" if built else image}
    if option("--secrets-file"):
        state["secrets"] = json.loads(pathlib.Path(option("--secrets-file")).read_text())
    state["rolling"] = 2
elif words[0] == "rollback":
    state["live"]["version"] = words[1]
cloud.write_text(json.dumps(state))
sys.exit(1 if fails else 0)
"""


class Cloud:
    """Where the stand-in keeps what is live, and the tool under test beside it."""

    def __init__(self, folder: Path) -> None:
        self.file, self.live_file, self.secrets = (
            folder / "cloud.json",
            folder / "live.json",
            folder / "secrets.json",
        )
        self.secrets.write_text(json.dumps({"TURSO_AUTH_TOKEN": SECRET}), "utf-8")
        npm = folder / "npm"
        npm.write_text(f"#!{sys.executable}\n{WRANGLER}", "utf-8")
        npm.chmod(0o755)
        self._folder = folder

    def begin(self, live: dict[str, str] | None, **state: Any) -> None:
        self.file.write_text(json.dumps({"live": live, "asked": [], "rolling": 0, **state}), "utf-8")

    @property
    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.file.read_text("utf-8"))
        return found

    def release(self, verb: str, *words: object, code: int = 0) -> str:
        ended = subprocess.run(
            [sys.executable, BACKEND / "tools" / "release.py", verb, "--env", ENV, *map(str, words)],
            env={
                "PATH": f"{self._folder}{os.pathsep}{os.defpath}",
                "CLOUD": str(self.file),
                "NAME": NAME,
                "AUTOFORGE_POLL_SECONDS": "0",
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert ended.returncode == code, ended.stderr
        assert SECRET not in ended.stdout + ended.stderr
        return ended.stderr


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    return Cloud(tmp_path)


def test_a_release_is_taken_back_with_its_worker_and_its_image(cloud: Cloud) -> None:
    cloud.begin(OLD)
    cloud.release("note", cloud.live_file)
    cloud.release("deploy", cloud.secrets)
    assert cloud.state["live"] == {"version": "version-2", "image": "registry.example.com/account/backend:2"}
    assert cloud.state["secrets"] == {"TURSO_AUTH_TOKEN": SECRET}
    cloud.release("go-back", cloud.live_file)
    assert cloud.state["live"] == OLD
    assert not any(SECRET in word for words in cloud.state["asked"] for word in words)
    assert not (BACKEND.parent / "deploy" / "cloudflare" / "wrangler.before.jsonc").exists()


def test_a_deployment_ends_when_the_container_is_replaced_not_when_that_has_begun(cloud: Cloud) -> None:
    cloud.begin(OLD)
    cloud.release("deploy", cloud.secrets)
    assert cloud.state["rolling"] == 0
    assert cloud.state["asked"].count(["containers", "info", "ours", "--json"]) == 2


def test_the_first_release_has_nothing_to_go_back_to(cloud: Cloud) -> None:
    cloud.begin(None)
    assert "Nothing is live" in cloud.release("note", cloud.live_file)
    cloud.release("deploy", cloud.secrets)
    assert "no release on staging to go back to" in cloud.release("go-back", cloud.live_file, code=1)


@pytest.mark.parametrize("verb", ["deployments", "containers"])
def test_nothing_is_deployed_over_a_release_that_could_not_be_noted(cloud: Cloud, verb: str) -> None:
    cloud.begin(OLD, fails={verb: "Authentication error [code: 10000]"})
    assert "Authentication error" in cloud.release("note", cloud.live_file, code=1)
    assert not cloud.live_file.exists()


def test_a_deployment_that_fails_says_so_with_its_exit_code(cloud: Cloud) -> None:
    cloud.begin(OLD, fails={"deploy": "The image does not build"})
    assert "The image does not build" in cloud.release("deploy", cloud.secrets, code=1)
    assert cloud.state["live"] == OLD
