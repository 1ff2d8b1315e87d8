from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from src.core.config.settings import base
from src.core.config.settings.base import AppEnv, Settings
from src.operations.github.wanted import wanted_in
from tests.fake_github import FakeGithub
from tests.fake_turso_platform import FakeTursoPlatform
from tests.integration.cli.echo_suite import SUITE
from tests.integration.cli.github_world import GITHUB_TOKEN, GithubCli
from tests.integration.cli.harness import Cli
from tests.integration.cli.turso_world import PLATFORM_TOKEN, TursoCli
from tests.llm_server import FakeLlm


@pytest.fixture
def database_file(tmp_path: Path) -> Path:
    """Where the database of the commands is; it is not there yet."""
    return tmp_path / "data" / "autoforge.db"


@pytest.fixture
def fresh_cli(
    tmp_path: Path, database_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Cli:
    """The command line on a database that is not there yet."""
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{database_file}")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.chdir(tmp_path)
    return Cli(tmp_path, capsys, monkeypatch)


@pytest.fixture
def cli(
    fresh_cli: Cli,
    backend: str,
    migrated_on: Callable[[str], Settings],
    database_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Cli:
    """The command line on a database that is migrated and empty."""
    settings = migrated_on(backend)
    if settings.turso_auth_token is None:
        database_file.parent.mkdir()
        Path(settings.database_url.removeprefix("sqlite:///")).rename(database_file)
    else:
        monkeypatch.setenv("DATABASE_URL", settings.database_url)
        monkeypatch.setenv("TURSO_AUTH_TOKEN", settings.turso_auth_token.get_secret_value())
    return fresh_cli


@pytest.fixture
def llm() -> Iterator[FakeLlm]:
    with FakeLlm() as server:
        yield server


@pytest.fixture
def fake_turso() -> Iterator[FakeTursoPlatform]:
    with FakeTursoPlatform(token=PLATFORM_TOKEN) as platform:
        yield platform


@pytest.fixture
def turso(fresh_cli: Cli, fake_turso: FakeTursoPlatform, monkeypatch: pytest.MonkeyPatch) -> TursoCli:
    """`autoforge turso` on a fake platform."""
    monkeypatch.setenv("TURSO_API_TOKEN", fake_turso.token)
    monkeypatch.setenv("TURSO_API_BASEURL", fake_turso.base_url)
    return TursoCli(fresh_cli, fake_turso)


@pytest.fixture
def fake_github() -> Iterator[FakeGithub]:
    with FakeGithub(token=GITHUB_TOKEN) as github:
        yield github


@pytest.fixture
def github(
    fresh_cli: Cli, fake_github: FakeGithub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> GithubCli:
    """`autoforge secrets` on a fake GitHub, with a value for everything that staging and production require."""
    monkeypatch.setattr(base, "BACKEND_DIR", tmp_path)
    monkeypatch.setenv("GITHUB_TOKEN", fake_github.token)
    monkeypatch.setenv("GITHUB_API_URL", fake_github.base_url)
    monkeypatch.setenv("GITHUB_REPOSITORY", fake_github.repository)
    values = {}
    for one in (*wanted_in(AppEnv.STAGING), *wanted_in(AppEnv.PRODUCTION)):
        if one.name != one.setting.name:  # those are taken away from every test
            monkeypatch.delenv(one.name, raising=False)
        if one.is_required:
            of_platform = one.name == "TURSO_API_TOKEN"  # the commands use it, too
            values[one.name] = PLATFORM_TOKEN if of_platform else f"planted-{one.name.lower()}-value"
            monkeypatch.setenv(one.name, values[one.name])
    return GithubCli(fresh_cli, fake_github, values)


@pytest.fixture
def suite(cli: Cli) -> Path:
    cli.write("p.md", "---\ntitle: エコー\n---\n{{m}}\n")
    return cli.write("suite.yaml", SUITE)
