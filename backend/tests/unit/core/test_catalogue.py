import pytest

from src.core.config.settings.base import GROUPS, AppEnv, Settings, load_settings
from src.core.config.settings.catalogue import all_settings, find_setting
from src.core.config.settings.declaration import Home

# The ten secrets of the specification, for each of STAGING_ and PROD_.
TEN = {
    "TURSO_DATABASE_URL",
    "TURSO_AUTH_TOKEN",
    "REDIS_HOST",
    "REDIS_PASSWORD",
    "CLERK_SECRET_KEY",
    "CLERK_PUBLISHABLE_KEY",
    "OPENAI_API_KEY",
    "ANTHROPIC_API_KEY",
    "LANGFUSE_PUBLIC_KEY",
    "LANGFUSE_SECRET_KEY",
}


def test_every_field_of_the_settings_is_in_the_catalogue_once() -> None:
    names = [setting.name.lower() for setting in all_settings()]

    assert sorted(names) == sorted(Settings.model_fields)


def test_no_two_groups_call_a_validator_the_same() -> None:
    """The settings inherit from all groups: of two that are called the same, one would silently not run."""
    names = [name for group in GROUPS for name in group.__pydantic_decorators__.field_validators]

    assert sorted(names) == sorted(Settings.__pydantic_decorators__.field_validators)


def test_every_setting_is_documented_in_one_line_of_each_language() -> None:
    for setting in all_settings():
        assert setting.en.endswith((".", ")")), setting.name
        assert setting.ja.endswith("。"), setting.name
        assert "\n" not in setting.en + setting.ja


@pytest.mark.parametrize(("env", "prefix"), [(AppEnv.STAGING, "STAGING_"), (AppEnv.PRODUCTION, "PROD_")])
def test_the_secrets_of_the_specification_are_secrets_of_the_environment(env: AppEnv, prefix: str) -> None:
    secrets = {setting.source(env) for setting in all_settings() if setting.home is Home.SECRET}

    assert {prefix + name for name in TEN | {"JWT_SECRET_KEY"}} <= secrets
    assert {"CLOUDFLARE_API_TOKEN", "CLOUDFLARE_ACCOUNT_ID", "TURSO_API_TOKEN"} <= secrets


def test_secret_of_the_settings_is_never_plain() -> None:
    exposed = [setting.name for setting in all_settings() if setting.is_secret and setting.home is Home.PLAIN]

    assert exposed == []


def test_local_values_are_kept_nowhere_else() -> None:
    assert [setting.source(AppEnv.LOCAL) for setting in all_settings()] == [None] * len(all_settings())


@pytest.mark.parametrize("env", AppEnv)
def test_defaults_that_are_written_are_the_defaults_that_are_used(env: AppEnv) -> None:
    settings = load_settings(app_env=env)

    for setting in all_settings():
        used = getattr(settings, setting.name.lower())
        written = setting.default(env)
        if written is None:
            assert not used, setting.name
        else:
            given = {"app_env": env, setting.name.lower(): written}
            again = getattr(load_settings(**given), setting.name.lower())
            assert again == used, setting.name


def test_setting_is_found_by_its_name_and_by_its_old_one() -> None:
    assert find_setting("CLERK_PUBLIC_KEY") is find_setting("CLERK_PUBLISHABLE_KEY") is not None
    assert find_setting("NO_SUCH_NAME") is None
