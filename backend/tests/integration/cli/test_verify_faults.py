"""`autoforge verify --env staging`: all green on real servers, then broken in one place after the other."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from src.core.config.settings import base
from src.operations.checks import scene
from tests.integration.cli.faults import FAULTS, Fault
from tests.integration.cli.harness import Cli
from tests.integration.cli.staging_world import World, staging_world

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
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    yield made
    made.github.environments = deepcopy(made.pushed)
    made.github.repository_secrets.clear()
    made.service.heal()
    made.write()


@pytest.fixture
def cli(world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    return Cli(world.folder, capsys, monkeypatch)


@pytest.fixture(scope="module")
def when_well() -> dict[bool, Findings]:
    """What was found when all was well, without GitHub and with it."""
    return {}


def verify(cli: Cli) -> Findings:
    found = cli("verify", "--env", "staging", "--json")
    return {one["id"]: one for one in found.json["findings"]}


def well(
    world: World, cli: Cli, patch: pytest.MonkeyPatch, *, at_github: bool, seen: dict[bool, Findings]
) -> Findings:
    """Before anything is broken, seen once for all tests of a process."""
    if at_github:
        for name, value in world.at_github.items():
            patch.setenv(name, value)
    if at_github not in seen:
        if at_github:
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
    assert {one for one in ids(found, "fail", "warn", "blocked") if not one.startswith("deploy.")} == set()
    assert ids(found, "skip") == {
        "turso.apart",  # there is no .env.production here
        "turso.group",  # there is no token of the platform
        *("machine.folder", "machine.disk", "machine.write", "machine.port"),  # of a local environment
    }
    assert len(ids(found, "ok")) > 60


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_check_of_what_is_broken_says_so_and_no_other(
    world: World, cli: Cli, monkeypatch: pytest.MonkeyPatch, fault: Fault, when_well: dict[bool, Findings]
) -> None:
    before = well(world, cli, monkeypatch, at_github=fault.at_github, seen=when_well)
    with fault.broken(world, monkeypatch):
        found = verify(cli)
    changed = {id_: one for id_, one in found.items() if one["level"] != before[id_]["level"]}
    red = changed.pop(fault.id, {"level": "as before"})
    assert red["level"] == fault.level, (red, changed)
    assert fault.fix in red["fix"]
    others = {id_: one["message"] for id_, one in changed.items()}
    assert others == dict.fromkeys(others, f"blocked by {fault.id}")
