"""No value anywhere but in its sealed box: not in output, errors, debug logs, requests, reprs, arguments, files."""

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from src.bootstrap import Container
from src.core.config.settings.base import AppEnv, load_settings
from src.operations.github.secrets import GithubSecrets
from src.operations.github.values import read_values
from src.operations.github.wanted import wanted_in
from tests.fake_github import FakeGithub
from tests.integration.cli.github_world import GithubCli

ROOT = Path(__file__).parents[3]
STAGING = ("--env", "staging")
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("plan", *STAGING),
    ("plan", *STAGING, "--json"),
    ("push", *STAGING, "--dry-run", "--json"),
    ("push", *STAGING),
    ("push", *STAGING, "--force", "--json"),
    ("push", *STAGING, "--only", "TURSO_AUTH_TOKEN", "--from", "planted.env"),
    ("check", *STAGING),
    ("check", *STAGING, "--json", "--from", "planted.env"),
    ("check", *STAGING, "--accept", "TURSO_AUTH_TOKEN"),
)
FAULTS: dict[str, Callable[[FakeGithub], None]] = {
    "none": lambda _: None,
    "refusal that repeats the token": lambda f: f.answer(403, echoing(f), on=("PUT", "")),
    "fault that repeats the token": lambda f: f.answer(500, echoing(f)),
    "garbage that repeats the token": lambda f: f.answer(200, echoing(f), on=("GET", "")),
    "connection closed": lambda f: f.drop(on=("PUT", "")),
}


def echoing(fake: FakeGithub) -> bytes:
    """What a careless proxy answers: the request, with its token."""
    return f'{{"message": "Authorization: Bearer {fake.token}"}}'.encode()


def reveals(github: GithubCli, text: str) -> list[str]:
    """Values and tokens in `text`, as they are and as JSON writes them."""
    planted = [github.fake.token, *github.values.values()]
    return [one for one in planted if one in text or json.dumps(one)[1:-1] in text]


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_that_is_printed_or_logged_holds_a_value(
    github: GithubCli, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    monkeypatch.setenv("AUTOFORGE_DEBUG", "1")
    monkeypatch.setattr(GithubSecrets, "__init__", _impatient(GithubSecrets.__init__))
    value = github.values["STAGING_JWT_SECRET_KEY"] = "planted 日本\n'quoted' $value"
    monkeypatch.setenv("STAGING_JWT_SECRET_KEY", value)
    token = github.values["STAGING_TURSO_AUTH_TOKEN"]
    (github.folder / "planted.env").write_text(f"TURSO_AUTH_TOKEN={token}\nREDIS_HOST=planted-other-host\n")
    FAULTS[fault](github.fake)
    printed = ""
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("httpcore2").setLevel(logging.DEBUG)
        for words in COMMANDS:
            outcome = github(*words)
            printed += outcome.out + outcome.err

    assert reveals(github, printed) == []
    assert reveals(github, caplog.text) == []
    assert "planted-other-host" not in printed + caplog.text
    if fault == "none":
        assert github.fake.value("staging", "STAGING_JWT_SECRET_KEY") == value
        assert "has values that disagree" in printed


def test_requests_hold_values_in_sealed_boxes_only(github: GithubCli) -> None:
    github.done("push", *STAGING)
    sent = "\n".join(f"{call.path} {call.query} {call.body}" for call in github.fake.seen)
    assert "encrypted_value" in sent
    assert reveals(github, sent) == []


def test_files_that_stay_hold_no_value(github: GithubCli) -> None:
    github.done("push", *STAGING)
    kept = "\n".join(path.read_text() for path in github.folder.rglob("*") if path.is_file())
    assert "STAGING_TURSO_AUTH_TOKEN" in kept
    assert reveals(github, kept) == []


def test_nothing_that_can_be_looked_at_holds_a_value(github: GithubCli) -> None:
    container = Container(load_settings())
    env, secrets = AppEnv.STAGING, container.github_secrets
    (github.folder / "f.env").write_text("")
    given = read_values(
        env, wanted_in(env), process=os.environ, file=github.folder / "f.env", must_exist=True
    )
    # the settings show what they hold as no secret, such as the account at Cloudflare
    own = {name: value for name, value in vars(secrets).items() if name != "_settings"}
    looked_at: list[Any] = [container, secrets, own, given, secrets.plan(env), secrets.push(env)]
    with secrets.opened(env) as client:
        looked_at += [client, vars(client), vars(client._service), client._service._client.headers]
    looked_at.append(secrets.examine(env))
    container.close()
    assert reveals(github, "\n".join(f"{one!r} {one}" for one in looked_at)) == []


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="what other users see of a process is read from /proc")
def test_list_of_processes_shows_no_value(github: GithubCli) -> None:
    process = hung_push(github)
    seen = Path(f"/proc/{process.pid}/cmdline").read_text()
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    process.kill()
    printed = "".join(process.communicate())

    assert "secrets\0push\0--env\0staging" in seen
    assert children == ""  # nobody is started who could be given a value
    assert reveals(github, seen + printed) == []


def test_push_that_was_killed_goes_on_where_it_was(github: GithubCli) -> None:
    process = hung_push(github)
    process.kill()
    process.communicate()
    github.fake.heal()
    arrived = set(github.fake.environments["staging"].secrets)

    again = github.done("push", *STAGING, "--json").json

    assert arrived == {"STAGING_TURSO_DATABASE_URL"}
    assert set(again["sent"]) == set(github.fake.environments["staging"].secrets) - arrived
    assert github.done("check", *STAGING).out.endswith("All is well.\n")


def hung_push(github: GithubCli) -> "subprocess.Popen[str]":
    """A process that waits for ever for the answer to its second secret."""
    github.fake.hang(on=("PUT", "/STAGING_TURSO_AUTH_TOKEN"))
    program = (
        "import sys, pathlib; from src.core.config.settings import base; "
        "base.BACKEND_DIR = pathlib.Path(sys.argv.pop(1)); from src.cli import main; main()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(github.folder), "secrets", "push", *STAGING],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while github.fake.calls("PUT", "/STAGING_TURSO_AUTH_TOKEN") == 0:
        assert process.poll() is None
        time.sleep(0.01)
    return process


def _impatient(usual: Any) -> Any:
    def init(self: GithubSecrets, *args: Any, **options: Any) -> None:
        usual(self, *args, **{**options, "timeout_seconds": 0.5})

    return init
