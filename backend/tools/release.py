"""Puts a release live on Cloudflare and takes it back; for the deploy workflows, which docs/deployment.md describes.

`note` writes down which release is live, `deploy` replaces it, `go-back` returns to what was noted. A release is two
things that change apart: the version of the Worker, with its settings, and the image of the container. It is wrangler
that changes them; this knows the order, and waits where wrangler does not.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "deploy" / "cloudflare"
POLL_SECONDS = float(os.environ.get("AUTOFORGE_POLL_SECONDS", "5"))
ROLLOUT_SECONDS = 900.0
# What Cloudflare says of a Worker that was never deployed.
_NEVER_DEPLOYED = re.compile(r"\b10007\b|has no deployments|does not exist", re.IGNORECASE)
_IMAGE = re.compile(r'"image": "[^"]*Dockerfile",\n\s*"image_build_context": "[^"]*"')


class ReleaseError(Exception):
    """What went wrong and what to do, in a sentence or two."""


def note(env: str, file: Path) -> None:
    version, container = _live_version(env), _container(env)
    live = {"version": version, "image": container and container["image"]} if version else {}
    file.write_text(json.dumps(live), "utf-8")
    _say(f"Live is {version} with the image {live['image']}." if live else f"Nothing is live on {env} yet.")


def deploy(env: str, secrets: Path) -> None:
    # In the file, not beside the command: arguments stand in the process list.
    given = ["--secrets-file", str(secrets.resolve()), "--message", os.environ.get("GITHUB_SHA", "by hand")]
    _wrangler("deploy", "--env", env, "--containers-rollout", "immediate", *given)
    _wait_for_rollout(env)


def go_back(env: str, file: Path) -> None:
    live = json.loads(file.read_text("utf-8"))
    if not live:
        raise ReleaseError(f"There was no release on {env} to go back to. Look at: wrangler tail --env {env}")
    if live["image"]:
        _deploy_image(env, live["image"])
    _wrangler("rollback", live["version"], "--env", env, "--yes", "--message", "The new release failed")
    _wait_for_rollout(env)
    _say(
        f"Live is {live['version']} again. The database stays migrated; docs/deployment.md says what that means."
    )


def _deploy_image(env: str, image: str) -> None:
    """Wrangler rolls the Worker back, and not the image: that is deployed again, by the name it has there."""
    with_image = json.dumps(image)
    text, count = _IMAGE.subn(f'"image": {with_image}', (FOLDER / "wrangler.jsonc").read_text("utf-8"))
    if not count:
        raise ReleaseError("wrangler.jsonc names no Dockerfile in the form that this knows.")
    config = FOLDER / "wrangler.before.jsonc"  # beside the other, whose paths it shares
    try:
        config.write_text(text, "utf-8")
        _wrangler("deploy", "--config", str(config), "--env", env, "--containers-rollout", "immediate")
    finally:
        config.unlink()


def _live_version(env: str) -> str | None:
    try:
        found = _asked("deployments", "status", "--env", env, "--json")
    except ReleaseError as exc:
        if _NEVER_DEPLOYED.search(str(exc)):
            return None
        raise
    versions = sorted(found["versions"], key=lambda version: float(version["percentage"]))
    return str(versions[-1]["version_id"])


def _container(env: str) -> dict[str, Any] | None:
    """The container application; its name is the Worker's in wrangler.jsonc."""
    name = f"autoforgenexus-backend-{env}"
    return next((found for found in _asked("containers", "list", "--json") if found["name"] == name), None)


def _wait_for_rollout(env: str) -> None:
    """`wrangler deploy` ends when the replacing of the container has begun; what is asked then may be the old one."""
    container = _container(env)
    if container is None:
        raise ReleaseError(f"There is no container of {env} after the deployment. Repeat it.")
    deadline = time.monotonic() + ROLLOUT_SECONDS
    while _asked("containers", "info", container["id"], "--json").get("active_rollout_id"):
        if time.monotonic() > deadline:
            raise ReleaseError(f"The container of {env} is not replaced after {ROLLOUT_SECONDS:.0f} s.")
        time.sleep(POLL_SECONDS)
    _say(f"The container of {env} is replaced.")


def _asked(*words: str) -> Any:
    ended = _run(*words, capture_output=True)
    try:
        if ended.returncode == 0:
            return json.loads(ended.stdout)
    except ValueError:
        pass
    raise ReleaseError(f"wrangler {' '.join(words)} failed:\n{ended.stdout.strip()}\n{ended.stderr.strip()}")


def _wrangler(*words: str) -> None:
    if code := _run(*words).returncode:
        raise ReleaseError(f"wrangler {words[0]} ended with {code}; it says above why.")


def _run(*words: str, **streams: Any) -> "subprocess.CompletedProcess[str]":
    quiet = {
        "WRANGLER_SEND_METRICS": "false",
        "WRANGLER_SEND_ERROR_REPORTS": "false",
        "WRANGLER_HIDE_BANNER": "true",
    }
    return subprocess.run(
        ["npm", "exec", "--loglevel=error", "--", "wrangler", *words],  # noqa: S607 - the npm of whoever runs this
        cwd=FOLDER,
        env={**os.environ, **quiet},
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
        **streams,
    )


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(required=True)
    for name, run in (("note", note), ("deploy", deploy), ("go-back", go_back)):
        verb = verbs.add_parser(name)
        verb.add_argument("--env", choices=["staging", "production"], required=True)
        verb.add_argument(
            "file", type=Path, help="the secrets as JSON" if run is deploy else "what was noted"
        )
        verb.set_defaults(run=run)
    given = parser.parse_args()
    try:
        given.run(given.env, given.file)
    except ReleaseError as exc:
        _say(f"Error: {exc}")
        sys.exit(1)


if __name__ == "__main__":
    main()
