"""Phase 4-7 at GitHub: each thing broken in turn turns its own check red."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from src.core.config.settings import base
from src.core.config.settings.base import AppEnv
from src.operations.checks.check import run
from src.operations.checks.github import GITHUB
from src.operations.checks.scene import Scene
from src.operations.github.secrets import GithubSecrets
from src.operations.github.wanted import wanted_in
from tests.fake_github import FakeGithub, FakeValue
from tests.integration.operations.checks.scenes import OpenScene

TOKEN = "STAGING_TURSO_AUTH_TOKEN"


@pytest.fixture
def fake() -> Iterator[FakeGithub]:
    with FakeGithub() as github:
        yield github


@pytest.fixture
def scene(open_scene: OpenScene, fake: FakeGithub, clone: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """Staging, whose secrets and protection are all at GitHub as they should be."""
    monkeypatch.setattr(base, "BACKEND_DIR", clone / "backend")
    monkeypatch.setenv("GITHUB_TOKEN", fake.token)
    monkeypatch.setenv("GITHUB_API_URL", fake.base_url)
    monkeypatch.setenv("GITHUB_REPOSITORY", fake.repository)
    for one in wanted_in(AppEnv.STAGING):
        monkeypatch.delenv(one.name, raising=False)
        if one.is_required:
            monkeypatch.setenv(one.name, f"value-of-{one.name}")
    scene = open_scene(AppEnv.STAGING, now=datetime.now(UTC))
    GithubSecrets(scene.settings, now=lambda: scene.now, sleep=lambda _: None).push(AppEnv.STAGING)
    return scene


def test_all_is_well_after_a_push(scene: Scene) -> None:
    assert {found.level for found in run(GITHUB, scene)} == {"ok"}


def _open_to_all(fake: FakeGithub) -> None:
    fake.repository_secrets[TOKEN] = FakeValue("x", fake.clock)


FAULTS: dict[str, tuple[Callable[[FakeGithub], object], str, str]] = {
    "secret gone": (
        lambda fake: fake.environments["staging"].secrets.pop("STAGING_JWT_SECRET_KEY"),
        "fail",
        "secrets.present",
    ),
    "secret of nobody": (
        lambda fake: fake.set_by_somebody("staging", "STAGING_OLD_KEY", "x"),
        "warn",
        "secrets.known",
    ),
    "secret changed": (lambda fake: fake.set_by_somebody("staging", TOKEN, "x"), "fail", "secrets.unchanged"),
    "secret at the repository": (_open_to_all, "fail", "secrets.hidden"),
    "no rule for branches": (
        lambda fake: fake.environments["staging"].refs.clear(),
        "fail",
        "secrets.protection",
    ),
    "environment gone": (lambda fake: fake.environments.pop("staging"), "fail", "secrets.environment"),
    "other token": (lambda fake: setattr(fake, "token", "another"), "fail", "secrets.github"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_at_github_turns_its_own_check_red(scene: Scene, fake: FakeGithub, fault: str) -> None:
    break_it, level, name = FAULTS[fault]
    break_it(fake)

    findings = run(GITHUB, scene)

    [bad] = [found for found in findings if found.is_bad]
    assert (bad.check.id, bad.level) == (name, level)
    assert "autoforge secrets" in (bad.fix or "") or "gh secret delete" in (bad.fix or "")
    assert {found.message for found in findings if found.level == "blocked"} <= {f"blocked by {name}"}


@pytest.mark.parametrize(
    ("value", "name"), [("another value here", "secrets.same"), ("${NOT_RENDERED}", "secrets.fit")]
)
def test_value_of_this_machine_is_compared(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, value: str, name: str
) -> None:
    monkeypatch.setenv(TOKEN, value)
    bad = [found for found in run(GITHUB, scene) if found.is_bad]
    assert [found.check.id for found in bad] == [name]
    assert value not in bad[0].message


def test_old_secret_is_to_be_replaced(open_scene: OpenScene, scene: Scene) -> None:
    later = open_scene(AppEnv.STAGING, now=scene.now.replace(year=scene.now.year + 1))
    bad = [found for found in run(GITHUB, later) if found.is_bad]
    assert [found.check.id for found in bad] == ["secrets.fresh"]


def test_github_that_does_not_answer_is_an_outage(
    open_scene: OpenScene, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_API_URL", "http://127.0.0.1:1")
    found = run(GITHUB, open_scene(AppEnv.STAGING))[0]
    assert (found.level, found.is_outage) == ("fail", True)


def test_github_is_not_asked_without_a_token(
    open_scene: OpenScene, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert {found.level for found in run(GITHUB, open_scene())} == {"skip"}
    monkeypatch.delenv("GITHUB_TOKEN")
    assert {found.level for found in run(GITHUB, open_scene(AppEnv.STAGING))} == {"skip"}
