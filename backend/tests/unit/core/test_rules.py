from collections.abc import Mapping
from datetime import timedelta

import pytest

from src.core.config.settings.catalogue import all_settings
from src.core.config.settings.declaration import AppEnv
from src.core.config.settings.faults import Fault
from src.core.config.settings.rules import faults
from tests.env_values import NOW, RANDOM, a_token, sound_values

LOCAL, STAGING, PRODUCTION = AppEnv.LOCAL, AppEnv.STAGING, AppEnv.PRODUCTION
URL = f"rediss://default:{RANDOM}@cache.example.com:6379/0"


def judge(env: AppEnv, changed: Mapping[str, str | None]) -> list[Fault]:
    """What is wrong with the sound values of `env` once they are changed; None takes one away."""
    values = ({} if env is LOCAL else sound_values(env)) | changed
    return faults({name: value for name, value in values.items() if value is not None}, env, now=NOW)


def kinds(found: list[Fault]) -> list[tuple[str, str]]:
    return [(fault.kind.value, fault.name) for fault in found]


@pytest.mark.parametrize("env", AppEnv)
def test_nothing_is_wrong_with_sound_values(env: AppEnv) -> None:
    assert judge(env, {}) == []


@pytest.mark.parametrize("env", AppEnv)
def test_nothing_is_wrong_with_the_defaults(env: AppEnv) -> None:
    own = [one for one in all_settings() if one.is_for(env) and not one.for_runner]
    defaults = {one.name: default for one in own if (default := one.default(env))}

    assert judge(env, defaults | ({} if env is LOCAL else sound_values(env))) == []


@pytest.mark.parametrize("env", [STAGING, PRODUCTION])
@pytest.mark.parametrize("name", sorted(sound_values(STAGING)))
@pytest.mark.parametrize("value", [None, "", " \n"])
def test_each_required_value_is_missed(env: AppEnv, name: str, value: str | None) -> None:
    [fault] = judge(env, {name: value})

    assert (fault.kind, fault.name, fault.is_fatal) == ("missing", name, True)


def test_missing_secret_is_to_be_set_under_its_name_at_github() -> None:
    [fault] = judge(PRODUCTION, {"TURSO_AUTH_TOKEN": None})

    assert "PROD_TURSO_AUTH_TOKEN" in fault.fix
    assert "autoforge env render --env production" in fault.fix


def test_redis_url_stands_in_for_host_and_password() -> None:
    assert judge(STAGING, {"REDIS_URL": URL, "REDIS_HOST": None, "REDIS_PASSWORD": None}) == []


# what is changed, and the one fault that there must be
FAULTS: list[tuple[AppEnv, dict[str, str | None], str, str]] = [
    (STAGING, {"REDIS_PASWORD": "x"}, "unknown", "REDIS_PASWORD"),
    (STAGING, {"TURSO_AUTH_TOKEN": "${STAGING_TURSO_AUTH_TOKEN}"}, "placeholder", "TURSO_AUTH_TOKEN"),
    (STAGING, {"OPENAI_API_KEY": "sk-your-key-here"}, "placeholder", "OPENAI_API_KEY"),
    (STAGING, {"APP_NAME": "a ${NAME}"}, "placeholder", "APP_NAME"),
    (LOCAL, {"OPENAI_API_KEY": "<your key>"}, "placeholder", "OPENAI_API_KEY"),
    (LOCAL, {"PORT": "http"}, "invalid", "PORT"),
    (LOCAL, {"DEBUG": "perhaps"}, "invalid", "DEBUG"),
    (STAGING, {"LOG_LEVEL": "LOUD"}, "invalid", "LOG_LEVEL"),
    (STAGING, {"TURSO_DATABASE_URL": "acme.turso.io"}, "invalid", "TURSO_DATABASE_URL"),
    (STAGING, {"TURSO_DATABASE_URL": "http://acme.turso.io"}, "invalid", "TURSO_DATABASE_URL"),
    (STAGING, {"TURSO_DATABASE_URL": "libsql://acme.turso.io?tls=0"}, "invalid", "TURSO_DATABASE_URL"),
    (STAGING, {"TURSO_AUTH_TOKEN": "not.a-token"}, "invalid", "TURSO_AUTH_TOKEN"),
    (STAGING, {"CLERK_SECRET_KEY": f"{RANDOM}"}, "invalid", "CLERK_SECRET_KEY"),
    (STAGING, {"CLERK_PUBLISHABLE_KEY": f"sk_test_{RANDOM}"}, "invalid", "CLERK_PUBLISHABLE_KEY"),
    (STAGING, {"OPENAI_API_KEY": f"{RANDOM}\n"}, "invalid", "OPENAI_API_KEY"),
    (STAGING, {"REDIS_URL": "cache.example.com:6379"}, "invalid", "REDIS_URL"),
    (STAGING, {"REDIS_URL": "redis://h:port/0"}, "invalid", "REDIS_URL"),
    (LOCAL, {"CORS_ORIGINS": "localhost:3000"}, "invalid", "CORS_ORIGINS"),
    (STAGING, {"CORS_ORIGINS": "https://a.example/"}, "invalid", "CORS_ORIGINS"),
    (LOCAL, {"JWT_SECRET_KEY": RANDOM[:31]}, "weak", "JWT_SECRET_KEY"),
    (STAGING, {"JWT_SECRET_KEY": RANDOM[:31]}, "weak", "JWT_SECRET_KEY"),
    (PRODUCTION, {"JWT_SECRET_KEY": (RANDOM + RANDOM[::-1])[:63]}, "weak", "JWT_SECRET_KEY"),
    (PRODUCTION, {"JWT_SECRET_KEY": "0123456789abcdef" * 4}, "weak", "JWT_SECRET_KEY"),
    (PRODUCTION, {"JWT_SECRET_KEY": "a" * 63 + "b"}, "weak", "JWT_SECRET_KEY"),
    (STAGING, {"REDIS_PASSWORD": RANDOM[:15]}, "weak", "REDIS_PASSWORD"),
    (
        STAGING,
        {"REDIS_URL": "rediss://:short@cache.example.com", "REDIS_PASSWORD": None},
        "weak",
        "REDIS_URL",
    ),
    (STAGING, {"TURSO_AUTH_TOKEN": a_token(expires=NOW)}, "expired", "TURSO_AUTH_TOKEN"),
    (STAGING, {"APP_ENV": "production"}, "wrong-environment", "APP_ENV"),
    (LOCAL, {"APP_ENV": "staging"}, "wrong-environment", "APP_ENV"),
    (PRODUCTION, {"DEBUG": "yes"}, "wrong-environment", "DEBUG"),
    (PRODUCTION, {"CLERK_SECRET_KEY": f"sk_test_{RANDOM}"}, "wrong-environment", "CLERK_SECRET_KEY"),
    (
        PRODUCTION,
        {"CLERK_PUBLISHABLE_KEY": f"pk_test_{RANDOM}"},
        "wrong-environment",
        "CLERK_PUBLISHABLE_KEY",
    ),
    (STAGING, {"CLERK_SECRET_KEY": f"sk_live_{RANDOM}"}, "wrong-environment", "CLERK_SECRET_KEY"),
    (LOCAL, {"CLERK_PUBLISHABLE_KEY": f"pk_live_{RANDOM}"}, "wrong-environment", "CLERK_PUBLISHABLE_KEY"),
    (PRODUCTION, {"REDIS_HOST": "127.0.0.1"}, "wrong-environment", "REDIS_HOST"),
    (
        PRODUCTION,
        {"REDIS_HOST": None, "REDIS_URL": URL.replace("cache.example.com", "localhost")},
        "wrong-environment",
        "REDIS_URL",
    ),
    (STAGING, {"REDIS_TLS": "false"}, "wrong-environment", "REDIS_TLS"),
    (STAGING, {"REDIS_URL": URL.replace("rediss", "redis")}, "wrong-environment", "REDIS_URL"),
    (PRODUCTION, {"TURSO_DATABASE_URL": "http://127.0.0.1:8080"}, "wrong-environment", "TURSO_DATABASE_URL"),
    (STAGING, {"TURSO_DATABASE_URL": "sqlite:///./x.db"}, "wrong-environment", "TURSO_DATABASE_URL"),
    (STAGING, {"DATABASE_URL": "sqlite:///./x.db"}, "wrong-environment", "DATABASE_URL"),
    (
        STAGING,
        {"TURSO_DATABASE_URL": "libsql://autoforgenexus-production-acme.turso.io"},
        "wrong-environment",
        "TURSO_DATABASE_URL",
    ),
    (
        LOCAL,
        {"DATABASE_URL": "libsql://autoforgenexus-staging-acme.turso.io"},
        "wrong-environment",
        "DATABASE_URL",
    ),
    (
        PRODUCTION,
        {"TURSO_STAGING_AUTH_TOKEN": a_token()},
        "wrong-environment",
        "TURSO_STAGING_AUTH_TOKEN",
    ),
    (STAGING, {"CORS_ORIGINS": "*"}, "wrong-environment", "CORS_ORIGINS"),
    (STAGING, {"CORS_ORIGINS": "https://a.example,http://b.example"}, "wrong-environment", "CORS_ORIGINS"),
    (PRODUCTION, {"CORS_ORIGINS": "http://localhost:3000"}, "wrong-environment", "CORS_ORIGINS"),
    (STAGING, {"DATABASE_URL": "libsql://another.turso.io"}, "disagreement", "DATABASE_URL"),
    (STAGING, {"TURSO_STAGING_AUTH_TOKEN": "x"}, "disagreement", "TURSO_STAGING_AUTH_TOKEN"),
    (STAGING, {"REDIS_URL": URL, "REDIS_HOST": "other.example.com"}, "disagreement", "REDIS_HOST"),
    (STAGING, {"REDIS_URL": URL, "REDIS_PORT": "6380"}, "disagreement", "REDIS_PORT"),
    (STAGING, {"REDIS_URL": URL, "REDIS_PASSWORD": RANDOM[::-1]}, "disagreement", "REDIS_PASSWORD"),
    (STAGING, {"REDIS_URL": URL, "REDIS_DB": "3"}, "disagreement", "REDIS_DB"),
    (STAGING, {"REDIS_URL": URL, "REDIS_TLS": "false"}, "disagreement", "REDIS_TLS"),
]


@pytest.mark.parametrize(("env", "changed", "kind", "name"), FAULTS)
def test_each_fault_is_found_alone_and_told_without_its_value(
    env: AppEnv, changed: dict[str, str | None], kind: str, name: str
) -> None:
    [fault] = judge(env, changed)

    assert (fault.kind, fault.name, fault.is_fatal) == (kind, name, True)
    assert name in fault.message
    assert fault.message.endswith((".", "?"))
    assert fault.fix
    values = [
        value for value in changed.values() if value and len(value) >= 10 and value not in (*AppEnv, RANDOM)
    ]
    assert not any(value in fault.message + fault.fix for value in [*values, RANDOM])


WARNINGS: list[tuple[AppEnv, dict[str, str | None], str, str]] = [
    (STAGING, {"COMPOSE_PROJECT_NAME": "x"}, "unknown", "COMPOSE_PROJECT_NAME"),
    (STAGING, {"SQLITE_SYNCHRONOUS": "FULL"}, "unknown", "SQLITE_SYNCHRONOUS"),
    (PRODUCTION, {"CLOUDFLARE_API_TOKEN": RANDOM}, "unknown", "CLOUDFLARE_API_TOKEN"),
    (STAGING, {"CLERK_PUBLIC_KEY": f"pk_test_{RANDOM}"}, "old-name", "CLERK_PUBLIC_KEY"),
    (STAGING, {"TURSO_AUTH_TOKEN": a_token(expires=NOW + timedelta(days=13))}, "expired", "TURSO_AUTH_TOKEN"),
    (
        STAGING,
        {"TURSO_DATABASE_URL": "libsql://127.0.0.1:8080?tls=0"},
        "wrong-environment",
        "TURSO_DATABASE_URL",
    ),
    (STAGING, {"REDIS_HOST": "127.0.0.1", "REDIS_TLS": "false"}, "wrong-environment", "REDIS_HOST"),
    (STAGING, {"CORS_ORIGINS": "http://localhost:3000"}, "wrong-environment", "CORS_ORIGINS"),
    (PRODUCTION, {"REDIS_HOST": "redis", "REDIS_TLS": "false"}, "wrong-environment", "REDIS_TLS"),
    (STAGING, {"LANGFUSE_PUBLIC_KEY": RANDOM}, "missing", "LANGFUSE_SECRET_KEY"),
]


@pytest.mark.parametrize(("env", "changed", "kind", "name"), WARNINGS)
def test_what_works_and_should_be_seen_to_is_a_warning(
    env: AppEnv, changed: dict[str, str | None], kind: str, name: str
) -> None:
    [fault] = judge(env, changed)

    assert (fault.kind, fault.name, fault.is_fatal) == (kind, name, False)


# what looks like a fault and is none
SOUND: list[tuple[AppEnv, dict[str, str | None]]] = [
    (STAGING, {"TURSO_AUTH_TOKEN": a_token(expires=None)}),
    (STAGING, {"TURSO_AUTH_TOKEN": a_token(expires=NOW + timedelta(days=15))}),
    (STAGING, {"DATABASE_URL": sound_values(STAGING)["TURSO_DATABASE_URL"]}),
    (STAGING, {"TURSO_STAGING_AUTH_TOKEN": None, "DEBUG": "true"}),
    (STAGING, {"REDIS_URL": URL, "REDIS_DB": "0", "REDIS_TLS": "true", "REDIS_PORT": "6379"}),
    (STAGING, {"REDIS_URL": URL.replace(":6379/0", ":6380/2"), "REDIS_DB": "0", "REDIS_PORT": "6379"}),
    (LOCAL, {"REDIS_TLS": "false", "REDIS_PASSWORD": "dev", "REDIS_HOST": "localhost"}),
    (LOCAL, {"CORS_ORIGINS": "*"}),
    (LOCAL, {"TURSO_AUTH_TOKEN": "no token, and not used on a file"}),
    (LOCAL, {"TURSO_API_TOKEN": RANDOM, "GITHUB_TOKEN": RANDOM}),
    (LOCAL, {"APP_NAME": "Example"}),
    (LOCAL, {"DATABASE_URL": "libsql://127.0.0.1:8080?tls=0", "TURSO_AUTH_TOKEN": a_token()}),
    (PRODUCTION, {"JWT_SECRET_KEY": "3f9ac1e8b2d7460519ac37f0be84d2615c9a0e7bf3d81624a95c07eb3f1d286a"}),
]


@pytest.mark.parametrize(("env", "changed"), SOUND)
def test_nothing_is_said_of_what_is_in_order(env: AppEnv, changed: dict[str, str | None]) -> None:
    assert judge(env, changed) == []


def test_old_name_that_agrees_with_the_new_one_is_only_an_old_name() -> None:
    token = sound_values(STAGING)["TURSO_AUTH_TOKEN"]

    assert kinds(judge(STAGING, {"TURSO_STAGING_AUTH_TOKEN": token})) == [
        ("old-name", "TURSO_STAGING_AUTH_TOKEN")
    ]


def test_value_under_its_old_name_is_judged_and_not_missed() -> None:
    changed = {"TURSO_AUTH_TOKEN": None, "TURSO_STAGING_AUTH_TOKEN": a_token(expires=NOW)}

    assert kinds(judge(STAGING, changed)) == [
        ("old-name", "TURSO_STAGING_AUTH_TOKEN"),
        ("expired", "TURSO_AUTH_TOKEN"),
    ]


def test_everything_that_is_wrong_is_told_at_once() -> None:
    found = judge(PRODUCTION, {"PORT": "x", "DEBUG": "true", "JWT_SECRET_KEY": "short", "REDIS_HOST": None})

    assert kinds(found) == [
        ("missing", "REDIS_HOST"),
        ("invalid", "PORT"),
        ("wrong-environment", "DEBUG"),
        ("weak", "JWT_SECRET_KEY"),
    ]


def test_names_are_read_in_any_case() -> None:
    values = {name.lower(): value for name, value in sound_values(STAGING).items()}

    assert faults(values, STAGING, now=NOW) == []
