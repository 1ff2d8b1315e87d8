"""Rules about what values mean: whether they are strong enough, still valid, of this environment, and of one mind."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import SecretStr

from src.core.auth_token import UnreadableTokenError
from src.core.auth_token import read as read_token
from src.core.config.settings.catalogue import get_setting
from src.core.config.settings.declaration import AppEnv
from src.core.config.settings.faults import Fault, FaultKind, remedy
from src.core.config.settings.fitting import typed
from src.core.config.settings.values import is_loopback

LEAST_JWT_SECRET = {AppEnv.LOCAL: 32, AppEnv.STAGING: 32, AppEnv.PRODUCTION: 64}
LEAST_REDIS_PASSWORD = 16
LEAST_DISTINCT_CHARACTERS = 10  # 32 random hexadecimal digits have fewer once in 10,000 times
SOON = timedelta(days=14)

_CLERK = re.compile(r"(?P<kind>[sp]k)_(?P<mode>test|live)_\S+")
# How `autoforge turso create` calls the databases, and what a host at Turso begins with.
_DATABASE_OF = {env: f"autoforgenexus-{env.value}" for env in (AppEnv.STAGING, AppEnv.PRODUCTION)}


@dataclass(frozen=True)
class Meaning:
    """Values that are there, filled in and of the right type, by the names of now."""

    values: Mapping[str, str]
    env: AppEnv
    now: datetime

    @property
    def is_local(self) -> bool:
        return self.env is AppEnv.LOCAL

    @cached_property
    def typed(self) -> Mapping[str, Any]:
        return typed(self.values)

    @cached_property
    def redis_url(self) -> SplitResult | None:
        """None when there is none, or none that can be read."""
        value = self.values.get("REDIS_URL")
        parts = None if value is None else split(value)
        return parts if parts and parts.scheme in ("redis", "rediss") and parts.hostname else None

    def is_at_default(self, name: str) -> bool:
        """Such a value came with the template, and nobody meant anything by it."""
        return self.values.get(name) == get_setting(name).default(self.env)

    def fault(
        self, kind: FaultKind, name: str, what: str, fix: str | None = None, *, is_fatal: bool = True
    ) -> Fault:
        return Fault(
            kind, name, f"{name} {what}.", fix or remedy(get_setting(name), self.env), is_fatal=is_fatal
        )

    def not_of_here(self, name: str, what: str, fix: str | None = None, *, is_fatal: bool = True) -> Fault:
        return self.fault(FaultKind.WRONG_ENVIRONMENT, name, what, fix, is_fatal=is_fatal)


def split(url: str) -> SplitResult | None:
    """None when it is no URL at all, or its port is no number."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _strength(case: Meaning) -> Iterator[Fault]:
    secret = case.values.get("JWT_SECRET_KEY")
    least = LEAST_JWT_SECRET[case.env]
    new = 'Make another: python3 -c "import secrets; print(secrets.token_urlsafe(64))"; then:'
    if secret is not None and (len(secret) < least or _is_monotonous(secret)):
        what = f"has fewer than {least} characters" if len(secret) < least else "repeats itself"
        where = remedy(get_setting("JWT_SECRET_KEY"), case.env)
        yield case.fault(FaultKind.WEAK, "JWT_SECRET_KEY", what, f"{new} {where}")
    if case.is_local:
        return
    name, password = "REDIS_PASSWORD", case.values.get("REDIS_PASSWORD")
    if case.redis_url is not None:
        name, password = "REDIS_URL", unquote(case.redis_url.password or "")
    if password is not None and len(password) < LEAST_REDIS_PASSWORD:
        what = "has a password of" if name == "REDIS_URL" else "has"
        yield case.fault(FaultKind.WEAK, name, f"{what} fewer than {LEAST_REDIS_PASSWORD} characters")


def _is_monotonous(secret: str) -> bool:
    is_repeated = (secret + secret).find(secret, 1) < len(secret)
    return is_repeated or len(set(secret)) < LEAST_DISTINCT_CHARACTERS


def _token(case: Meaning) -> Iterator[Fault]:
    name, value = "TURSO_AUTH_TOKEN", case.values.get("TURSO_AUTH_TOKEN")
    if value is None or (case.is_local and not _is_remote(case.values.get("DATABASE_URL"))):
        return
    anew = f"autoforge turso token rotate {_DATABASE_OF.get(case.env, 'NAME')}"
    fix = f"Make a new one and put it there: {anew} --to-file FILE"
    try:
        expires = read_token(value).expires_at
    except UnreadableTokenError as exc:
        yield case.fault(FaultKind.INVALID, name, f"cannot be used: {exc}", fix)
        return
    if expires is None or expires - SOON > case.now:
        return
    is_over = expires <= case.now
    what = f"{'expired' if is_over else 'expires'} at {expires:%Y-%m-%d %H:%M} UTC"
    yield case.fault(FaultKind.EXPIRED, name, what, fix, is_fatal=is_over)


def _is_remote(url: str | None) -> bool:
    return url is not None and not url.startswith("sqlite:")


def _environment(case: Meaning) -> Iterator[Fault]:
    said = case.values.get("APP_ENV")
    if said is not None and said != case.env.value:
        fix = f"Set APP_ENV={case.env.value} there, or move the values to backend/.env.{said}."
        yield case.not_of_here("APP_ENV", f"says {said}, and these are the values of {case.env.value}", fix)
    if case.env is AppEnv.PRODUCTION and case.typed.get("DEBUG"):
        fix = "Set DEBUG=false in backend/.env.production, or in the environment."
        yield case.not_of_here("DEBUG", "is on in production", fix)


def _clerk(case: Meaning) -> Iterator[Fault]:
    """Two keys of different kinds need no rule of their own: one of them is of the wrong environment."""
    for name, kind in (("CLERK_SECRET_KEY", "sk"), ("CLERK_PUBLISHABLE_KEY", "pk")):
        if name not in case.values:
            continue
        found = _CLERK.fullmatch(case.values[name])
        if found is None or found["kind"] != kind:
            yield case.fault(FaultKind.INVALID, name, f"is no key of Clerk: {kind}_test_… or {kind}_live_…")
        elif (found["mode"] == "live") != (case.env is AppEnv.PRODUCTION):
            yield case.not_of_here(name, f"is of a {found['mode']} instance, and this is {case.env.value}")


def _databases(case: Meaning) -> Iterator[Fault]:
    local, turso = case.values.get("DATABASE_URL"), case.values.get("TURSO_DATABASE_URL")
    if local is not None and not case.is_local:
        remove = f"Remove DATABASE_URL from backend/.env.{case.env.value}, or from the environment."
        if local.startswith("sqlite:"):
            yield case.not_of_here("DATABASE_URL", "names a SQLite file, which is for local only", remove)
        elif turso is not None and _server(local) != _server(turso):
            message = "DATABASE_URL and TURSO_DATABASE_URL name different databases."
            yield Fault(FaultKind.DISAGREEMENT, "DATABASE_URL", message, remove)
    name, url = ("DATABASE_URL", local) if case.is_local else ("TURSO_DATABASE_URL", turso)
    parts = None if url is None else split(url)
    if parts is None:
        return
    yield from _foreign_database(case, name, parts)
    if parts.scheme == "sqlite":
        if not case.is_local:
            yield case.not_of_here(name, "names a SQLite file, which is for local only")
    elif is_loopback(parts.hostname):
        yield from _loopback(case, name)
    elif parts.scheme in ("http", "ws") or parts.query == "tls=0":
        yield case.fault(FaultKind.INVALID, name, "would send the token unencrypted: write libsql://host")


def _foreign_database(case: Meaning, name: str, parts: SplitResult) -> Iterator[Fault]:
    for other, database in _DATABASE_OF.items():
        if other is not case.env and (parts.hostname or "").startswith(database):
            what = f"names the database of {other.value}, and this is {case.env.value}"
            yield case.not_of_here(name, what)


def _server(url: str) -> tuple[str | None, int | None]:
    parts = split(url)
    return (None, None) if parts is None else (parts.hostname, parts.port)


def _loopback(case: Meaning, name: str) -> Iterator[Fault]:
    """Staging may be tried on a laptop; production is nowhere but where it belongs."""
    if not case.is_local:
        what = f"names this machine, and this is {case.env.value}"
        yield case.not_of_here(name, what, is_fatal=case.env is AppEnv.PRODUCTION)


def _redis(case: Meaning) -> Iterator[Fault]:
    url = case.redis_url
    if "REDIS_URL" in case.values and url is None:
        what = "is no address of a Redis server: rediss://user:password@host:port/db"
        yield case.fault(FaultKind.INVALID, "REDIS_URL", what)
        return
    if url is not None:
        yield from _redis_disagreements(case, url)
    if case.is_local:
        return
    name, host = ("REDIS_HOST", case.values.get("REDIS_HOST")) if url is None else ("REDIS_URL", url.hostname)
    if is_loopback(host):
        yield from _loopback(case, name)
    is_plain = case.typed.get("REDIS_TLS") is False if url is None else url.scheme == "redis"
    if is_plain and not (is_loopback(host) and case.env is AppEnv.STAGING):
        name = "REDIS_TLS" if url is None else "REDIS_URL"
        # a name without a dot is a neighbour in a network of containers, which is private
        is_neighbour = host is not None and "." not in host and ":" not in host
        what = f"leaves the way to Redis unencrypted{'; that is for a private network only' * is_neighbour}"
        fix = f"Set REDIS_TLS=true in backend/.env.{case.env.value}, or in the environment."
        if url is not None:
            fix = f"Begin it with rediss://: {remedy(get_setting(name), case.env)}"
        yield case.not_of_here(name, what, fix, is_fatal=not is_neighbour)


def _redis_disagreements(case: Meaning, url: SplitResult) -> Iterator[Fault]:
    """REDIS_URL wins, so another value beside it was meant for nothing."""
    in_url = {
        "REDIS_HOST": url.hostname,
        "REDIS_PORT": url.port or 6379,
        "REDIS_PASSWORD": unquote(url.password or "") or None,
        "REDIS_DB": int(url.path.strip("/")) if url.path.strip("/").isdecimal() else 0,
        "REDIS_TLS": url.scheme == "rediss",
    }
    for name, there in in_url.items():
        beside = case.typed.get(name)
        if isinstance(beside, SecretStr):
            beside = beside.get_secret_value()
        if beside is not None and beside != there and not case.is_at_default(name):
            message = f"{name} and REDIS_URL, which wins, say different things."
            yield Fault(FaultKind.DISAGREEMENT, name, message, f"Remove {name}, or correct REDIS_URL.")


def _origins(case: Meaning) -> Iterator[Fault]:
    name = "CORS_ORIGINS"
    fix = (
        f"Name https origins only: {name}=https://… in backend/.env.{case.env.value}, or in the environment."
    )
    for origin in case.typed.get(name, ()):
        parts = split(origin)
        if origin == "*":
            if not case.is_local:
                yield case.not_of_here(name, "lets every page call the API", fix)
        elif parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
            yield case.fault(
                FaultKind.INVALID, name, "holds something else than origins, such as https://host"
            )
        elif parts.path or parts.query or parts.fragment or "@" in parts.netloc:
            what = "holds more than an origin, which is scheme, host and port; no browser would match it"
            yield case.fault(FaultKind.INVALID, name, what)
        elif parts.scheme == "http" and not case.is_local:
            is_here = is_loopback(parts.hostname)
            what = "names this machine" if is_here else "names a page without https"
            is_fatal = not is_here or case.env is AppEnv.PRODUCTION
            yield case.not_of_here(name, f"{what}, and this is {case.env.value}", fix, is_fatal=is_fatal)


def _pairs(case: Meaning) -> Iterator[Fault]:
    public, secret = "LANGFUSE_PUBLIC_KEY", "LANGFUSE_SECRET_KEY"
    for name, other in ((public, secret), (secret, public)):
        if name in case.values and other not in case.values:
            yield case.fault(FaultKind.MISSING, other, f"is not set, and {name} is", is_fatal=False)


RULES: tuple[Callable[[Meaning], Iterator[Fault]], ...] = (
    _environment,
    _databases,
    _token,
    _redis,
    _clerk,
    _strength,
    _origins,
    _pairs,
)
