from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from src.core.config.settings import base
from src.core.config.settings.base import AppEnv, load_settings
from src.operations.github.secrets import GithubSecrets
from src.operations.github.wanted import wanted_in
from tests.fake_github import FakeGithub

OpenSecrets = Callable[..., GithubSecrets]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that backend/ is for one test."""
    monkeypatch.setattr(base, "BACKEND_DIR", tmp_path)
    for one in (*wanted_in(AppEnv.STAGING), *wanted_in(AppEnv.PRODUCTION)):
        if one.name != one.setting.name:  # those are taken away from every test
            monkeypatch.delenv(one.name, raising=False)
    return tmp_path


@pytest.fixture
def fake() -> Iterator[FakeGithub]:
    with FakeGithub() as github:
        yield github


@pytest.fixture
def open_secrets(fake: FakeGithub, home: Path) -> OpenSecrets:
    """What `autoforge secrets` works with, on `fake`; arguments are settings. It never waits before a repeat."""

    def open_one(*, timeout_seconds: float = 20.0, **settings: Any) -> GithubSecrets:
        chosen = {
            "github_token": fake.token,
            "github_api_url": fake.base_url,
            "github_repository": fake.repository,
            **settings,
        }
        return GithubSecrets(
            load_settings(**chosen),
            now=lambda: datetime.now(UTC),
            sleep=lambda _: None,
            timeout_seconds=timeout_seconds,
        )

    return open_one


@pytest.fixture
def secrets(open_secrets: OpenSecrets) -> GithubSecrets:
    return open_secrets()


@pytest.fixture
def values(home: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A value for each name that staging requires, in the process environment."""
    made = {one.name: f"value-of-{one.name}" for one in wanted_in(AppEnv.STAGING) if one.is_required}
    for name, value in made.items():
        monkeypatch.setenv(name, value)
    return made
