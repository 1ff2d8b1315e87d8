import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fake_turso_platform import FakeTursoPlatform
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
def cli(fresh_cli: Cli, migrated_file: Path, database_file: Path) -> Cli:
    """The command line on a database that is migrated and empty."""
    database_file.parent.mkdir()
    shutil.copyfile(migrated_file, database_file)
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
