import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from src.core.config.settings.base import BACKEND_DIR, AppEnv
from src.core.config.settings.catalogue import Setting, all_settings, find_setting
from src.core.config.settings.declaration import Declared, Home
from src.operations.artefacts import env_templates
from src.operations.artefacts.artefacts import generate, manifest, stale
from src.operations.artefacts.blocks import BrokenMarksError, filled

ROOT = BACKEND_DIR.parent
NEW = Setting(
    name="NEW_TOKEN",
    old_names=(),
    group=find_setting("LANGFUSE_SECRET_KEY").group,  # type: ignore[union-attr]
    kind="text",
    is_secret=True,
    usual=None,
    declared=Declared(en="A new one.", ja="新しいもの。", home=Home.SECRET),
)
WORKFLOW = """\
jobs:
  deploy:
    env:
      # generated: env-of-render staging
      OLD: value
      # end of generated
    run: 'true'
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A copy of what the repository holds of artefacts."""
    for path in generate(tmp_path):
        assert path.exists()
    for name in (".github", "deploy", "docker-compose.prod.yml"):
        source = ROOT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("node_modules", "tools")
            shutil.copytree(source, tmp_path / name, ignore=ignored, dirs_exist_ok=True)
        elif source.exists():
            shutil.copy(source, tmp_path / name)
    return tmp_path


def declare(monkeypatch: pytest.MonkeyPatch, settings: tuple[Setting, ...]) -> None:
    for name in ("artefacts", "blocks", "reference", "env_templates"):
        monkeypatch.setattr(f"src.operations.artefacts.{name}.all_settings", lambda: settings)


def test_what_is_committed_is_what_the_declaration_makes() -> None:
    assert stale(ROOT) == []


def test_generating_twice_changes_nothing_more(root: Path) -> None:
    assert generate(root) == []
    assert stale(root) == []


def test_missing_and_edited_artefacts_are_stale_until_they_are_made_anew(root: Path) -> None:
    (root / "deploy/secrets.json").unlink()
    example = root / "backend/.env.example"
    example.write_text(example.read_text().replace("PORT=8000", "PORT=9000"))

    assert stale(root) == [example, root / "deploy/secrets.json"]
    assert generate(root) == [example, root / "deploy/secrets.json"]
    assert stale(root) == []


def test_a_new_setting_makes_every_artefact_stale_and_is_all_that_changes(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = [setting.name for setting in all_settings()].index("LANGFUSE_SECRET_KEY")
    declare(monkeypatch, (*all_settings()[:at], NEW, *all_settings()[at:]))
    before = {path: path.read_text().splitlines() for path in stale(root)}

    generate(root)

    assert {path.name for path in before} >= {
        ".env.example",
        ".env.staging.template",
        ".env.production.template",
        "secrets.json",
        "settings.md",
        "settings.ja.md",
    }
    for path, lines in before.items():
        after = path.read_text().splitlines()
        come = [line for line in after if line not in lines]
        gone = [line for line in lines if line not in after]
        assert any("NEW_TOKEN" in line for line in come), path
        assert [line for line in come if not re.search("NEW_TOKEN|A new one|新しいもの", line)] == [], path
        assert gone == [], path


def test_template_holds_names_only_and_nothing_of_the_runner() -> None:
    for env in (AppEnv.STAGING, AppEnv.PRODUCTION):
        values = dict(
            line.split("=", 1)
            for line in env_templates.template(env).splitlines()
            if line and not line.startswith("#")
        )
        for setting in all_settings():
            source = setting.source(env)
            if setting.for_runner:
                assert setting.name not in values
            elif source is not None:
                assert values[setting.name] == f"${{{source}}}"


def test_example_gives_the_local_defaults() -> None:
    assert "\nDATABASE_URL=sqlite:///./data/autoforge_dev.db\n" in env_templates.example()
    assert "\n# OPENAI_API_KEY=\n" in env_templates.example()


def test_manifest_names_what_github_keeps_for_each_environment() -> None:
    found = json.loads(manifest())

    names = [row["name"] for row in found["production"]["secrets"]]
    assert {"name": "PROD_JWT_SECRET_KEY", "setting": "JWT_SECRET_KEY", "required": True} in found[
        "production"
    ]["secrets"]
    assert "CLOUDFLARE_API_TOKEN" in names
    assert not any(name.startswith("STAGING_") for name in names)
    assert [row["name"] for row in found["staging"]["variables"]].count("STAGING_SERVICE_URL") == 1


# --- blocks -----------------------------------------------------------------------------------------------------------


def test_block_is_made_anew_with_the_indentation_of_its_mark() -> None:
    text = filled(WORKFLOW, of="deploy.yml")

    assert "OLD" not in text
    assert "\n      STAGING_REDIS_PORT: ${{ vars.STAGING_REDIS_PORT }}\n" in text
    assert "\n      STAGING_JWT_SECRET_KEY: ${{ secrets.STAGING_JWT_SECRET_KEY }}\n" in text
    assert text.endswith("      # end of generated\n    run: 'true'\n")
    assert filled(text, of="deploy.yml") == text


def test_text_without_marks_is_left_alone() -> None:
    assert filled("a: 1\r\nb: 2\n", of="x") == "a: 1\r\nb: 2\n"


def test_runner_settings_go_to_the_one_step_that_needs_them() -> None:
    def block(name: str) -> str:
        return filled(f"# generated: {name} production\n# end of generated\n", of="x")

    assert "TURSO_API_TOKEN: ${{ secrets.TURSO_API_TOKEN }}" in block("env-of-migrate")
    assert "CLOUDFLARE_API_TOKEN: ${{ secrets.CLOUDFLARE_API_TOKEN }}" in block("env-of-deploy")
    assert "SERVICE_URL: ${{ vars.PROD_SERVICE_URL }}" in block("env-of-verify")
    assert "TOKEN" not in block("env-of-verify")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (WORKFLOW.replace("      # end of generated\n", ""), "no `end of generated`"),
        (WORKFLOW.replace("env-of-render", "env-of-rendering"), "no block 'env-of-rendering'"),
        (WORKFLOW.replace(" staging", ""), "does not say of which environment"),
    ],
)
def test_marks_that_do_not_fit_are_an_error_and_nothing_is_written(root: Path, text: str, told: str) -> None:
    workflow = root / ".github/workflows/deploy-staging.yml"
    workflow.parent.mkdir(parents=True, exist_ok=True)
    workflow.write_text(text)
    (root / "deploy/secrets.json").unlink()

    with pytest.raises(BrokenMarksError, match=rf"deploy-staging\.yml: .*{told}"):
        generate(root)

    assert workflow.read_text() == text
    assert not (root / "deploy/secrets.json").exists()


def test_required_setting_without_a_stand_in_stops_compose() -> None:
    text = filled("# generated: environment production\n# end of generated\n", of="x")

    assert 'JWT_SECRET_KEY: "${JWT_SECRET_KEY:?is not set}"' in text
    assert 'REDIS_PASSWORD: "${REDIS_PASSWORD:-}"' in text


def test_a_changed_default_reaches_every_artefact_that_shows_it(
    monkeypatch: pytest.MonkeyPatch, root: Path
) -> None:
    changed = tuple(
        replace(setting, declared=replace(setting.declared, production="ERROR"))
        if setting.name == "LOG_LEVEL"
        else setting
        for setting in all_settings()
    )
    declare(monkeypatch, changed)

    made = {path.name for path in generate(root)}

    assert {".env.production.template", "settings.md", "settings.ja.md"} <= made
    assert ".env.staging.template" not in made
