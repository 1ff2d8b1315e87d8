import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.cli.harness import Cli
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
