"""`autoforge verify --env staging`: all green on real servers, then broken in one place after the other."""

from collections.abc import Iterator, Mapping
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
    made.service.heal()
    made.write()


@pytest.fixture
def cli(world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    return Cli(world.folder, capsys, monkeypatch)


@pytest.fixture(scope="module")
def when_well() -> dict[str, str]:
    """The levels of a world in which all is well, once they were seen."""
    return {}


def verify(cli: Cli) -> Findings:
    found = cli("verify", "--env", "staging", "--json")
    return {one["id"]: one for one in found.json["findings"]}


def levels(findings: Findings) -> dict[str, str]:
    return {id_: one["level"] for id_, one in findings.items()}


def test_all_is_well_on_real_servers(cli: Cli, when_well: dict[str, str]) -> None:
    found = verify(cli)
    bad = [one for one in found.values() if one["level"] not in ("ok", "skip")]
    assert [one for one in bad if not one["id"].startswith("deploy.")] == []
    when_well.update(levels(found))
    assert {one for one, level in when_well.items() if level == "skip"} == SKIPPED


SKIPPED = {
    "turso.apart",  # there is no .env.production here
    "turso.group",  # there is no token of the platform
    *("machine.folder", "machine.disk", "machine.write", "machine.port"),  # of a local environment
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_check_of_what_is_broken_says_so_and_no_other(
    world: World, cli: Cli, monkeypatch: pytest.MonkeyPatch, fault: Fault, when_well: dict[str, str]
) -> None:
    if not when_well:
        when_well.update(levels(verify(cli)))
    with fault.broken(world, monkeypatch):
        found = verify(cli)
    changed = {id_: one for id_, one in found.items() if one["level"] != when_well[id_]}
    red = changed.pop(fault.id, {"level": "as before"})
    assert red["level"] == fault.level, (red, changed)
    assert fault.fix in red["fix"]
    others = {id_: one["message"] for id_, one in changed.items()}
    assert others == dict.fromkeys(others, f"blocked by {fault.id}")
