"""No token anywhere but where it was sent: not in output, errors, debug logs, tracebacks, reprs, arguments."""

import logging
import os
import pty
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from src.bootstrap import Container
from src.core.config.settings.base import load_settings
from tests.fake_turso_platform import FakeTursoPlatform
from tests.integration.cli.turso_world import TursoCli

pytestmark = pytest.mark.usefixtures("libsql_binary")

JWT = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")
ROOT = Path(__file__).parents[3]
Fault = Callable[[FakeTursoPlatform], None]


def echoing(fake: FakeTursoPlatform) -> bytes:
    """What a careless server or proxy answers: the request, with its token."""
    return f"Authorization: Bearer {fake.token}; other: {fake.secrets[-1]}".encode()


FAULTS: dict[str, Fault] = {
    "none": lambda _: None,
    "400 that repeats the token": lambda fake: fake.answer(400, echoing(fake)),
    "500 that repeats the token": lambda fake: fake.answer(500, echoing(fake)),
    "garbage that repeats the token": lambda fake: fake.answer(200, echoing(fake)),
    "token under another name": lambda fake: fake.answer(
        200, b'{"token": "%s"}' % fake.secrets[-1].encode(), on=("POST", "/tokens")
    ),
    "connection closed": lambda fake: fake.drop(),
}


def commands(path: Path) -> list[tuple[object, ...]]:
    return [
        ("locations",),
        ("whoami",),
        ("create", "mine", "--protect"),
        ("list",),
        ("show", "mine"),
        ("branch", "mine", "copy"),
        ("restore", "mine", "--at", "2026-01-01T00:00:00Z"),
        ("token", "create", "mine", "--to-file", path),
        ("token", "inspect", path),
        ("token", "rotate", "mine", "--to-file", path),
        ("token", "rotate", "mine", "--to-file", path, "--invalidate"),
        ("token", "rotate", "mine", "--to-file", path, "--invalidate", "--confirm", "mine"),
        ("token", "rotate", "mine", "--to-file", path, "--json"),
    ]


def reveals(fake: FakeTursoPlatform, text: str) -> list[str]:
    """Tokens in `text`, in whole or in their telling middle or end."""
    parts = [part for secret in fake.secrets for part in (secret, *secret.split(".")[1:])]
    return [part for part in parts if part in text]


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_that_is_printed_or_logged_holds_a_token(
    turso: TursoCli,
    fake_turso: FakeTursoPlatform,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    fault: str,
) -> None:
    monkeypatch.setenv("AUTOFORGE_DEBUG", "1")
    monkeypatch.setenv("TURSO_API_TIMEOUT_SECONDS", "1")
    fake_turso.add_database("mine")
    fake_turso.databases["mine"].mint(access="rw", expires_in=None)
    path, printed = tmp_path / "token", ""
    FAULTS[fault](fake_turso)
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("httpcore2").setLevel(logging.DEBUG)
        for words in commands(path):
            outcome = turso(*words)
            printed += outcome.out + outcome.err

    assert reveals(fake_turso, printed) == []
    assert reveals(fake_turso, caplog.text) == []
    assert "Traceback" in printed  # of the restore at least: there is no such past
    if path.exists():
        assert reveals(fake_turso, path.read_text()) != []  # this test can tell a token


def test_nothing_that_can_be_looked_at_holds_a_token(fake_turso: FakeTursoPlatform) -> None:
    settings = load_settings(turso_api_token=fake_turso.token, turso_api_baseurl=fake_turso.base_url)
    fake_turso.add_database("mine", runs=False)
    container = Container(settings)
    turso: Any = container.turso
    plan = turso.plan_token("mine", use=None, expiration=None, read_only=False)
    token = turso.platform.mint("mine", expiration="1d", read_only=False)
    service = turso.platform._service

    looked_at = [
        settings,
        container,
        turso,
        turso.platform,
        plan,
        token,
        service,
        service._client,
        vars(service),
    ]
    looked_at += [
        vars(turso),
        vars(turso.platform),
        turso.account(),
        turso.database("mine"),
        service._client.headers,
    ]
    container.close()

    assert reveals(fake_turso, "\n".join(f"{one!r} {one}" for one in looked_at)) == []


# --- the streams of a real process ------------------------------------------------------------------------------------


def run(fake: FakeTursoPlatform, *words: str, **streams: Any) -> "subprocess.Popen[str]":
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "TURSO_API_TOKEN": fake.token,
        "TURSO_API_BASEURL": fake.base_url,
        "NO_COLOR": "1",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "src.cli", "turso", *words],
        cwd=ROOT,
        env=environment,
        text=True,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        **streams,
    )


def test_terminal_shows_the_token_once(fake_turso: FakeTursoPlatform) -> None:
    fake_turso.add_database("mine")
    controller, terminal = pty.openpty()
    process = run(fake_turso, "token", "create", "mine", stdout=terminal)
    _, told = process.communicate(timeout=60)
    os.close(terminal)
    shown = os.read(controller, 65_536).decode()
    os.close(controller)

    assert process.returncode == 0, told
    assert JWT.findall(shown) == fake_turso.databases["mine"].tokens
    assert "now in the line above" in told
    assert reveals(fake_turso, told) == []


def test_pipe_carries_the_token_alone(fake_turso: FakeTursoPlatform) -> None:
    mine = fake_turso.add_database("mine")
    process = run(fake_turso, "token", "rotate", "mine", stdout=subprocess.PIPE)
    out, told = process.communicate(timeout=60)
    assert out == f"{mine.tokens[-1]}\n"
    assert reveals(fake_turso, told) == []


def test_file_behind_standard_output_is_refused_before_a_token_is_made(
    fake_turso: FakeTursoPlatform, tmp_path: Path
) -> None:
    mine = fake_turso.add_database("mine")
    for target, said in ((tmp_path / "out", "Use --to-file FILE"), (Path(os.devnull), "goes nowhere")):
        with target.open("w") as out:
            process = run(fake_turso, "token", "create", "mine", stdout=out)
            _, told = process.communicate(timeout=60)
        assert process.returncode == 2
        assert said in told
    assert mine.tokens == []


def test_reader_that_left_is_told_of(fake_turso: FakeTursoPlatform) -> None:
    fake_turso.add_database("mine")
    process = run(fake_turso, "token", "create", "mine", stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    told = process.stderr.read()
    process.stderr.close()

    assert process.wait(timeout=60) == 1
    assert "The reader of the pipe left before the token came" in told
    assert "Traceback" not in told
    assert "Exception ignored" not in told


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="what other users see of a process is read from /proc")
def test_list_of_processes_shows_no_token(fake_turso: FakeTursoPlatform) -> None:
    fake_turso.add_database("mine")
    fake_turso.hang(on=("POST", "/auth/tokens"))
    process = run(fake_turso, "token", "create", "mine", stdout=subprocess.PIPE)
    while fake_turso.calls("POST", "/auth/tokens") == 0:
        assert process.poll() is None
        time.sleep(0.01)
    seen = Path(f"/proc/{process.pid}/cmdline").read_text()
    process.kill()
    process.communicate()

    assert "token\0create\0mine" in seen
    assert reveals(fake_turso, seen) == []
