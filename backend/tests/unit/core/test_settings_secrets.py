from pathlib import Path

import pytest

from src.core.config.settings.base import Settings, SettingsError, load_settings
from src.core.config.settings.values import is_placeholder

VALUE = "hunter2-and-more"
SECRETS = (
    "TURSO_AUTH_TOKEN",
    "TURSO_API_TOKEN",
    "REDIS_URL",
    "REDIS_PASSWORD",
    "CLERK_SECRET_KEY",
    "JWT_SECRET_KEY",
    "OPENAI_API_KEY",
    "ANTHROPIC_API_KEY",
    "LANGFUSE_SECRET_KEY",
    "CLOUDFLARE_API_TOKEN",
    "GITHUB_TOKEN",
)


@pytest.mark.parametrize("name", SECRETS)
def test_secret_is_given_on_demand_and_shown_to_nobody(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, VALUE)

    settings = load_settings()

    assert settings.require_secret(name) == VALUE
    assert VALUE not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"


@pytest.mark.parametrize("name", SECRETS)
def test_secret_that_is_missing_is_named(folder: Path, name: str) -> None:
    with pytest.raises(
        SettingsError, match=rf"^{name} is not set\. Set it in backend/\.env\.local or the env"
    ):
        load_settings().require_secret(name)


def test_outside_local_a_missing_secret_belongs_into_the_environment(folder: Path) -> None:
    settings = load_settings(app_env="staging")

    with pytest.raises(SettingsError, match=r"is not set\. Set it in the environment\."):
        settings.require_secret("OPENAI_API_KEY")


@pytest.mark.parametrize(
    "value",
    [
        "${OPENAI_API_KEY}",
        "prefix-${NAME}",
        "xxxxxxxx",
        "sk_test_STAGING_xxxxxxxx",
        "your-api-key",
        "sk-your_key",
        "[your-org]",
        "changeme",
        "CHANGE-ME-please",
        "<token>",
        "（トークン）",
        "sk-...",
        "sk_…",
        "example",
        "TODO",
    ],
)
def test_placeholder_where_a_secret_is_needed_is_an_error_that_names_it(folder: Path, value: str) -> None:
    (folder / ".env.local").write_text(f"OPENAI_API_KEY='{value}'\n", encoding="utf-8")

    with pytest.raises(SettingsError, match="OPENAI_API_KEY still holds a placeholder") as caught:
        load_settings().require_secret("OPENAI_API_KEY")

    assert value not in str(caught.value)


@pytest.mark.parametrize(
    "value", ["sk-proj-4bC9_x-yZ", "eyJhbGciOi.eyJhIjoi.c2ln", "xxx", "a" * 64, "p$ss{word}"]
)
def test_real_secret_is_no_placeholder(value: str) -> None:
    assert not is_placeholder(value)


def test_every_secret_of_the_settings_is_tried_here() -> None:
    secrets = {
        name.upper() for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)
    }

    assert secrets == set(SECRETS)
