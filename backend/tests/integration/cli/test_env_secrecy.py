"""No secret value in any output of `autoforge env`, whatever is asked and whatever is wrong."""

from pathlib import Path

import pytest

from src.core import env_text
from src.core.config.settings import base
from src.core.config.settings.catalogue import Setting, all_settings
from src.core.config.settings.declaration import AppEnv, Home
from tests.env_values import sources
from tests.integration.cli.harness import Cli, Outcome

STAGING = AppEnv.STAGING
TEMPLATE = (base.BACKEND_DIR / ".env.staging.template").read_text(encoding="utf-8")
SECRETS = [one for one in all_settings() if one.is_secret or one.home is Home.SECRET]

COMMANDS: list[tuple[str, ...]] = [
    ("env", "check", "--env", "staging"),
    ("env", "check", "--env", "staging", "--json"),
    ("env", "show", "--env", "staging"),
    ("env", "show", "--env", "staging", "--json"),
    ("env", "diff", "staging", "local"),
    ("env", "diff", "local", "staging", "--json"),
    ("env", "render", "--env", "staging"),
    ("env", "render", "--env", "staging", "--check", "--json"),
    ("env", "exec", "--env", "staging", "--", "no-such-command"),
    ("env", "init"),
    ("up", "--port", "0"),
]
# A canary in the middle of what each kind of trouble looks like.
SHAPES = {
    "plain": "{}",
    "a URL": "rediss://user:{}@127.0.0.1:1/0",
    "a URL that is none": "rediss://{}:{}@[host:port/",
    "a placeholder": "your-{}-${{NOPE}}",
    "a token": "eyJ{0}.eyJ{0}.{0}",
    "two lines": "{}\n{} '\"\\",
}


def canary(setting: Setting) -> str:
    return f"canary-{setting.name.lower()}-7f3a"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "backend"
    folder.mkdir()
    monkeypatch.setattr(base, "BACKEND_DIR", folder)
    (folder / ".env.staging.template").write_text(TEMPLATE, encoding="utf-8")
    return folder


@pytest.fixture(params=SHAPES)
def planted(request: pytest.FixtureRequest, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A canary in every secret: in the file, in what is rendered from, and in names of old."""
    values = {one.name: SHAPES[request.param].format(canary(one), canary(one)) for one in SECRETS}
    old = {name: f"{values[one.name]}x" for one in SECRETS for name in one.old_names}
    text = "APP_ENV=staging\n" + "".join(
        env_text.assignment(name, value) for name, value in (values | old).items()
    )
    (folder / ".env.staging").write_text(text, encoding="utf-8")
    (folder / ".env.local").write_text(text.replace("APP_ENV=staging", "APP_ENV=local"), encoding="utf-8")
    for one in SECRETS:
        if source := one.source(STAGING):
            monkeypatch.setenv(source, values[one.name])
    monkeypatch.setenv("APP_ENV", "staging")


def leaked(outcome: Outcome) -> list[str]:
    return [one.name for one in SECRETS if canary(one) in outcome.out + outcome.err]


@pytest.mark.usefixtures("planted")
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_no_command_prints_a_secret(fresh_cli: Cli, words: tuple[str, ...]) -> None:
    outcome = fresh_cli(*words)

    assert leaked(outcome) == []
    assert outcome.code in (0, 1, 127)
    assert "bug" not in outcome.err


@pytest.mark.usefixtures("planted")
@pytest.mark.parametrize(
    "fault", ["NOPE=1\n", "DEBUG=$\n", "a line\n", "OPENAI_API_KEY='canary-openai_api_key-7f3a'\n"]
)
def test_no_fault_of_a_template_prints_a_secret(fresh_cli: Cli, folder: Path, fault: str) -> None:
    (folder / ".env.staging.template").write_text(TEMPLATE + fault, encoding="utf-8")

    assert leaked(fresh_cli("env", "render", "--env", "staging")) == []


@pytest.mark.usefixtures("planted")
def test_files_with_secrets_are_for_their_owner_only(fresh_cli: Cli, folder: Path) -> None:
    fresh_cli("env", "init")
    fresh_cli("env", "render", "--env", "staging")
    fresh_cli("env", "render", "--env", "staging", "--format", "json")
    fresh_cli("env", "check", "--env", "staging", "--fix")

    for path in folder.iterdir():
        if "canary" in path.read_text(encoding="utf-8"):
            assert path.stat().st_mode & 0o077 == 0, path.name


def test_sources_of_the_test_are_those_of_the_template() -> None:
    assert all(f"${{{source}}}" in TEMPLATE for source in sources(STAGING))
