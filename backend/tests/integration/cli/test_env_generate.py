from pathlib import Path

import pytest

from src.core.config.settings import base
from tests.integration.cli.harness import Cli


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "clone" / "backend"
    folder.mkdir(parents=True)
    monkeypatch.setattr(base, "BACKEND_DIR", folder)
    return folder.parent


def test_check_names_what_is_stale_and_writes_nothing(fresh_cli: Cli, clone: Path) -> None:
    outcome = fresh_cli("env", "generate", "--check")

    assert outcome.code == 1
    assert "  backend/.env.staging.template\n" in outcome.err
    assert outcome.err.endswith("Run: autoforge env generate\n")
    assert not (clone / "deploy").exists()


def test_what_was_generated_is_current(fresh_cli: Cli, clone: Path) -> None:
    written = fresh_cli.done("env", "generate", "--json").json["written"]

    assert "docs/reference/settings.ja.md" in written
    assert fresh_cli.done("env", "generate", "--check", "--json").json == {"stale": []}
    assert "as the settings are declared" in fresh_cli.done("env", "generate").err
    (clone / "deploy" / "secrets.json").write_text("{}")
    assert fresh_cli("env", "generate", "--check", "--json").json == {"stale": ["deploy/secrets.json"]}


def test_broken_marks_are_told(fresh_cli: Cli, clone: Path) -> None:
    (clone / "docker-compose.prod.yml").write_text("# generated: environment production\n")

    outcome = fresh_cli("env", "generate")

    assert outcome.code == 1
    assert "docker-compose.prod.yml: a block begins with `generated:`" in outcome.err


def test_outside_a_clone_nothing_is_generated(
    fresh_cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "app"
    folder.mkdir()
    monkeypatch.setattr(base, "BACKEND_DIR", folder)

    outcome = fresh_cli("env", "generate")

    assert outcome.code == 1
    assert "is not in a clone of the repository" in outcome.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["app"]
