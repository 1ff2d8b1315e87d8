"""Every setting of the application, declared once.

Values come from, later ones winning: defaults, `.env`, `.env.{APP_ENV}` (both in `backend/`), the process environment.
An empty value counts as unset, wherever it stands.
"""

import os
import re
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, urlsplit

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

BACKEND_DIR = Path(__file__).resolve().parents[4]

# What stands where a value has not been filled in yet: ${NAME}, xxxxxx, [your-org], your-key, changeme, <…>, （…）, …
_PLACEHOLDER = re.compile(
    r"\$\{[^}]*\}|^x{6,}$|\[your-[^\]]*\]|\byour[-_]|change[-_]?me|^<.*>$|^（.*）$|\.\.\.|…|^(example|placeholder|todo)$",
    re.IGNORECASE,
)


class AppEnv(StrEnum):
    LOCAL = "local"
    STAGING = "staging"
    PRODUCTION = "production"


class SettingsError(Exception):
    """The environment is wrong. The message names the variable and never its value."""


class Settings(BaseSettings):
    """Frozen; read once at start and handed down."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        env_ignore_empty=True,
        hide_input_in_errors=True,
        populate_by_name=True,
    )

    app_name: str = "AutoForgeNexus-Backend-Dev"
    app_env: AppEnv = AppEnv.LOCAL
    debug: bool = False
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    max_body_bytes: Annotated[int, Field(ge=1024)] = 4 * 1024 * 1024
    max_import_bytes: Annotated[int, Field(ge=1024)] = 64 * 1024 * 1024

    database_url: str = "sqlite:///./data/autoforge_dev.db"
    sqlite_synchronous: Literal["NORMAL", "FULL"] = "NORMAL"
    turso_database_url: Annotated[
        str | None, Field(validation_alias=AliasChoices("turso_database_url", "turso_staging_database_url"))
    ] = None
    turso_auth_token: Annotated[
        SecretStr | None, Field(validation_alias=AliasChoices("turso_auth_token", "turso_staging_auth_token"))
    ] = None

    turso_api_token: SecretStr | None = None
    turso_api_baseurl: str = "https://api.turso.tech"
    turso_api_timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 20.0
    turso_organization: str | None = None

    redis_url: SecretStr | None = None
    redis_host: str = "127.0.0.1"
    redis_port: Annotated[int, Field(ge=1, le=65535)] = 6379
    redis_password: SecretStr | None = None
    redis_db: Annotated[int, Field(ge=0)] = 0
    redis_tls: bool = False
    redis_cache_ttl: Annotated[int, Field(ge=1, description="seconds")] = 3600

    clerk_secret_key: SecretStr | None = None
    clerk_publishable_key: Annotated[
        str | None, Field(validation_alias=AliasChoices("clerk_publishable_key", "clerk_public_key"))
    ] = None
    jwt_secret_key: SecretStr | None = None
    jwt_algorithm: Literal["HS256"] = "HS256"
    jwt_access_token_expire_minutes: Annotated[int, Field(ge=1)] = 30

    cors_origins: Annotated[tuple[str, ...], NoDecode] = ("http://localhost:3000", "http://127.0.0.1:3000")
    cors_credentials: bool = True

    openai_api_key: SecretStr | None = None
    openai_base_url: str = "https://api.openai.com/v1"
    anthropic_api_key: SecretStr | None = None
    anthropic_base_url: str = "https://api.anthropic.com"
    llm_base_urls: Annotated[tuple[str, ...], NoDecode] = ()

    langfuse_public_key: str | None = None
    langfuse_secret_key: SecretStr | None = None
    langfuse_base_url: str = "https://cloud.langfuse.com"

    @field_validator("cors_origins", "llm_base_urls", mode="before")
    @classmethod
    def _split_commas(cls, value: Any) -> Any:
        return (
            tuple(part.strip() for part in value.split(",") if part.strip())
            if isinstance(value, str)
            else value
        )

    @field_validator("database_url", "turso_database_url")
    @classmethod
    def _without_token(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if is_placeholder(value):
            raise ValueError("still holds a placeholder; put the real address there")
        parts = urlsplit(value)
        names = {name.lower() for name, _ in parse_qsl(parts.query)}
        if parts.username or parts.password or names & {"authtoken", "auth_token", "jwt", "password"}:
            raise ValueError("holds a token; put it into TURSO_AUTH_TOKEN, a URL is printed and logged")
        is_file = parts.scheme == "sqlite" and parts.path.startswith("/")
        if not is_file and not (parts.scheme in ("libsql", "https", "http", "wss", "ws") and parts.hostname):
            raise ValueError("names no database; write sqlite:///./data/name.db or libsql://host")
        return value

    @field_validator("turso_api_baseurl")
    @classmethod
    def _fit_for_a_token(cls, value: str) -> str:
        parts = urlsplit(value)
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise ValueError("takes a plain address, without user, password, query or fragment")
        is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))
        if not (is_safe and parts.hostname):
            raise ValueError(
                "takes an https address, such as https://api.turso.tech; http on this machine only"
            )
        return value.rstrip("/")

    @property
    def database_address(self) -> str | None:
        """DATABASE_URL locally; elsewhere Turso's, or a DATABASE_URL that was set. None when nothing names one."""
        if self.is_local:
            return self.database_url
        given = self.database_url if "database_url" in self.model_fields_set else None
        return self.turso_database_url or given

    def require_secret(self, name: str) -> str:
        """The value of the secret `name` ("OPENAI_API_KEY").

        Raises SettingsError, which names the variable, when it is unset or still an example value.
        """
        secret: SecretStr | None = getattr(self, name.lower())
        where = (
            f"backend/.env.{self.app_env.value} or the environment" if self.is_local else "the environment"
        )
        if secret is None:
            raise SettingsError(f"{name} is not set. Set it in {where}.")
        if is_placeholder(secret.get_secret_value()):
            raise SettingsError(f"{name} still holds a placeholder. Put the real value into {where}.")
        return secret.get_secret_value()

    @property
    def is_local(self) -> bool:
        return self.app_env is AppEnv.LOCAL

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        given = (
            init_settings.init_kwargs.get("app_env")
            if isinstance(init_settings, InitSettingsSource)
            else None
        )
        return init_settings, env_settings, _EnvFiles(settings_cls, given)


class _EnvFiles(PydanticBaseSettingsSource):
    def __init__(self, settings_cls: type[BaseSettings], app_env: str | None) -> None:
        super().__init__(settings_cls)
        self._app_env = app_env

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        raise NotImplementedError  # the whole is read at once, below

    def __call__(self) -> dict[str, Any]:
        values = {name.lower(): value for name, value in read_env_files(BACKEND_DIR, self._app_env).items()}
        found: dict[str, Any] = {}
        for name, field in self.settings_cls.model_fields.items():
            alias = field.validation_alias
            choices = [str(choice) for choice in alias.choices] if isinstance(alias, AliasChoices) else [name]
            for choice in choices:
                if choice in values:
                    found.setdefault(choices[0], values[choice])
        return found


def old_names_in_use(app_env: str | None = None) -> dict[str, str]:
    """The variables that are set under a name of old, each with the name that it has now."""
    given = {name.upper() for name in (*os.environ, *read_env_files(BACKEND_DIR, app_env))}
    return {
        str(old).upper(): str(alias.choices[0]).upper()
        for field in Settings.model_fields.values()
        if isinstance(alias := field.validation_alias, AliasChoices)
        for old in alias.choices[1:]
        if str(old).upper() in given
    }


def read_env_files(folder: Path, app_env: str | None = None) -> dict[str, str]:
    """Values of `.env` and, winning, of `.env.{APP_ENV}` in `folder`, without the empty ones.

    An `app_env` that is given wins over APP_ENV, and a `.env` that says it is of another environment is left out.
    `${…}` is not interpolated: an unset name would silently become an empty text.
    """
    from dotenv import dotenv_values

    def read(file_name: str) -> dict[str, str]:
        return {k: v for k, v in dotenv_values(folder / file_name, interpolate=False).items() if v}

    common = read(".env")
    if app_env is not None:
        return {**(common if common.get("APP_ENV", app_env) == app_env else {}), **read(f".env.{app_env}")}
    chosen = os.environ.get("APP_ENV") or common.get("APP_ENV") or AppEnv.LOCAL.value
    return {**common, **read(f".env.{chosen}")}


def is_loopback(host: str | None) -> bool:
    """Whether `host` is this machine: what is sent there passes no network."""
    return host in ("localhost", "::1") or re.fullmatch(r"127(\.\d{1,3}){3}", host or "") is not None


def is_placeholder(value: str) -> bool:
    return _PLACEHOLDER.search(value) is not None


def load_settings(**overrides: Any) -> Settings:
    """Settings from the environment. Raises SettingsError that names each wrong variable, never a value."""
    try:
        return Settings(**overrides)
    except ValidationError as exc:
        errors = exc.errors(include_input=False, include_url=False, include_context=False)
        problems = [
            f"{_name_of(error['loc'])}: {error['msg'].removeprefix('Value error, ')}" for error in errors
        ]
        raise SettingsError("The environment is wrong.\n  " + "\n  ".join(problems)) from None


def _name_of(place: tuple[int | str, ...]) -> str:
    return ".".join(map(str, place)).upper() or "settings"


@cache
def get_settings() -> Settings:
    """The settings of this process, for scripts, the REPL and Alembic; the application is handed its own."""
    return load_settings()
