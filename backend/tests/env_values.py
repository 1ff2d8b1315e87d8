"""Values with which nothing is wrong, for tests that break one of them."""

import base64
import json
from datetime import UTC, datetime, timedelta

from src.core.config.settings.catalogue import get_setting
from src.core.config.settings.declaration import AppEnv

NOW = datetime(2026, 11, 1, tzinfo=UTC)
RANDOM = "kT8vQ2nZr5WxB7mLdY4cHs9JfG3pAe6U"  # 32 characters


def a_token(*, expires: datetime | None = NOW + timedelta(days=90)) -> str:
    claims = {"a": "rw"} if expires is None else {"a": "rw", "exp": int(expires.timestamp())}
    parts = [json.dumps(part).encode() for part in ({"alg": "EdDSA"}, claims)] + [b"signature"]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def sound_values(env: AppEnv) -> dict[str, str]:
    """Of each setting that `env` cannot go without."""
    mode = "live" if env is AppEnv.PRODUCTION else "test"
    return {
        "APP_ENV": env.value,
        "TURSO_DATABASE_URL": f"libsql://autoforgenexus-{env.value}-acme.turso.io",
        "TURSO_AUTH_TOKEN": a_token(),
        "REDIS_HOST": "cache.example.com",
        "REDIS_PASSWORD": RANDOM,
        "CLERK_SECRET_KEY": f"sk_{mode}_{RANDOM}",
        "CLERK_PUBLISHABLE_KEY": f"pk_{mode}_{RANDOM}",
        "JWT_SECRET_KEY": RANDOM + RANDOM[::-1],
    }


def sources(env: AppEnv) -> dict[str, str]:
    """The same, as the step that renders gets them."""
    values = sound_values(env)
    return {source: value for name, value in values.items() if (source := get_setting(name).source(env))}
