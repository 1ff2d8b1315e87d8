"""`autoforge verify --env staging`: all green on real servers, then broken in one place after the other."""

import re
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from src.core.config.settings import base
from src.operations.checks import inspection, scene
from src.operations.checks.all_checks import ALL_CHECKS
from tests.integration.cli.faults import FAULTS, Fault
from tests.integration.cli.harness import Cli
from tests.integration.cli.staging_world import CANARY, DATABASE_HOST, REDIS_HOST, World, staging_world

Findings = Mapping[str, Mapping[str, Any]]


@pytest.fixture(scope="module")
def made(migrated_server: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with staging_world(tmp_path_factory.mktemp("staging"), migrated_server) as world:
        yield world


@pytest.fixture
def world(made: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """In which all is well, and where the commands of a test are run."""
    monkeypatch.setattr(base, "BACKEND_DIR", made.folder)
    monkeypatch.setattr(scene, "_BACKEND", made.folder)
    monkeypatch.chdir(made.folder)
    monkeypatch.setattr(socket, "getaddrinfo", partial(address_of, socket.getaddrinfo))
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    yield made
    made.github.environments = deepcopy(made.pushed)
    made.github.repository_secrets.clear()
    made.service.heal()
    made.write()


def address_of(asked: Callable[..., Any], host: str, *more: Any, **options: Any) -> Any:
    """The name service of the world, which knows two names more than that of this machine."""
    return asked("127.0.0.1" if host in (DATABASE_HOST, REDIS_HOST) else host, *more, **options)


@pytest.fixture
def cli(world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    return Cli(world.folder, capsys, monkeypatch)


@pytest.fixture(scope="module")
def when_well() -> dict[bool, Findings]:
    """What was found when all was well, without GitHub and with it."""
    return {}


def verify(cli: Cli) -> Findings:
    found = cli("verify", "--env", "staging", "--json")
    assert leaked(found.out + found.err) == []
    return {one["id"]: one for one in found.json["findings"]}


def leaked(text: str) -> list[str]:
    """Secrets of any world: they all hold the canary, or begin as tokens do."""
    return re.findall(rf"\S*{CANARY}\S*|eyJ\S{{20,}}", text)


def well(
    world: World, cli: Cli, patch: pytest.MonkeyPatch, *, at_github: bool, seen: dict[bool, Findings]
) -> Findings:
    """Before anything is broken, seen once for all tests of a process."""
    if at_github:
        for name, value in world.at_github.items():
            patch.setenv(name, value)
    if at_github not in seen:
        if at_github:
            with pytest.MonkeyPatch.context() as pushing:
                # only now: a check would ask the platform with it
                pushing.setenv("TURSO_API_TOKEN", f"{CANARY}-platform-token")
                cli.done("secrets", "push", "--env", "staging")
            world.pushed = deepcopy(world.github.environments)
        seen[at_github] = verify(cli)
    return seen[at_github]


def ids(findings: Findings, *wanted: str) -> set[str]:
    return {id_ for id_, one in findings.items() if one["level"] in wanted}


def test_all_is_well_on_real_servers(
    world: World, cli: Cli, monkeypatch: pytest.MonkeyPatch, when_well: dict[bool, Findings]
) -> None:
    found = well(world, cli, monkeypatch, at_github=True, seen=when_well)
    assert ids(found, "fail", "warn", "blocked") == set()
    assert ids(found, "skip") == {
        "turso.apart",  # there is no .env.production here
        "turso.group",  # there is no token of the platform
        *("machine.folder", "machine.disk", "machine.write", "machine.port"),  # of a local environment
    }
    assert len(ids(found, "ok")) > 60


# They take a third of the time, and look at files only that no fault touches.
OF_FILES_ALONE = {"schema.migrated", "deploy.linted"}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_check_of_what_is_broken_says_so_and_no_other(
    world: World, cli: Cli, monkeypatch: pytest.MonkeyPatch, fault: Fault, when_well: dict[bool, Findings]
) -> None:
    quick = [check for check in ALL_CHECKS if check.id not in OF_FILES_ALONE]
    monkeypatch.setattr(inspection, "ALL_CHECKS", quick)
    before = well(world, cli, monkeypatch, at_github=fault.at_github, seen=when_well)
    with fault.broken(world, monkeypatch):
        found = verify(cli)
    changed = {id_: one for id_, one in found.items() if one["level"] != before[id_]["level"]}
    red = changed.pop(fault.id, {"level": "as before"})
    assert red["level"] == fault.level, (red, changed)
    assert fault.fix in red["fix"]
    others = {id_: one["message"] for id_, one in changed.items()}
    assert others == dict.fromkeys(others, f"blocked by {fault.id}")


@pytest.fixture(scope="module")
def started() -> list[str]:
    """The arguments of every process that is started, as `ps` would show them."""
    arguments: list[str] = []

    def hear(event: str, args: tuple[Any, ...]) -> None:
        if event in ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.system"):
            arguments.append(repr(args[:2]))

    sys.addaudithook(hear)  # for good: Python takes none away
    return arguments


COMMANDS = (
    ("verify", "--env", "staging", "--all"),
    ("verify", "--env", "staging", "--json"),
    ("env", "check", "--env", "staging"),
    ("doctor", "--all"),
    ("env", "show", "--env", "staging"),
    ("env", "show", "--env", "staging", "--json"),
    ("doctor", "--json"),
    ("env", "check", "--env", "staging", "--json"),
    ("env", "diff", "staging", "local"),
    ("env", "diff", "staging", "local", "--json"),
)
# What is done every day, which reaches for the database, GitHub and Turso with the same values.
EVERYDAY = (
    *(("db", verb) for verb in ("status", "check", "history", "plan", "ping")),
    *((noun, "list") for noun in ("prompt", "template", "suite", "eval", "turso")),
    *(("secrets", verb, "--env", "staging") for verb in ("plan", "check")),
    ("eval", "run", "no-such-suite"),
    ("up", "--host", "no-such-host.invalid"),
)
# Each makes another part of the software speak of what it was given.
TALKATIVE = (
    "garbage_for_a_token",
    "token_of_another_database",
    "redis_url_that_is_none",
    "redis_password_was_changed",
    "port_that_is_none",
    "github_refuses_the_token",
)


@pytest.mark.parametrize("name", ["nothing", *TALKATIVE])
def test_no_command_shows_a_secret(
    world: World, cli: Cli, monkeypatch: pytest.MonkeyPatch, started: list[str], name: str
) -> None:
    planted = {**world.values, **world.at_github}
    assert all(CANARY in planted[one] or planted[one].startswith("eyJ") for one in world.secrets)
    for variable, value in {**world.at_github, "APP_ENV": "staging", "AUTOFORGE_DEBUG": "1"}.items():
        monkeypatch.setenv(variable, value)
    broken = next((fault.broken for fault in FAULTS if fault.name == name), None)
    started.clear()
    with broken(world, monkeypatch) if broken else nullcontext():
        printed = [cli(*words) for words in (*(COMMANDS[::3] if broken else COMMANDS), *EVERYDAY)]
    assert all(one.out or one.err for one in printed)
    assert leaked("".join(one.out + one.err for one in printed)) == []
    assert started
    assert leaked("".join(started)) == []
