"""Every setting of the application, and where its value comes from.

Values come from, later ones winning: defaults, those of the environment, `.env`, `.env.{APP_ENV}` (both in `backend/`),
the process environment. An empty value counts as unset, wherever it stands.
"""

import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import AliasChoices, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from src.core import env_text
from src.core.config.settings.access import AccessSettings
from src.core.config.settings.application import ApplicationSettings
from src.core.config.settings.database import DatabaseSettings, TursoPlatformSettings
from src.core.config.settings.declaration import AppEnv, Declared, SettingsGroup
from src.core.config.settings.deployment import DeploymentSettings
from src.core.config.settings.providers import ModelSettings, TracingSettings
from src.core.config.settings.redis import RedisSettings
from src.core.config.settings.values import is_placeholder

__all__ = ["BACKEND_DIR", "GROUPS", "AppEnv", "Settings", "SettingsError", "get_settings", "load_settings"]

BACKEND_DIR = Path(__file__).resolve().parents[4]


class SettingsError(Exception):
    """The environment is wrong. The message names the variable and never its value."""


class Settings(
    ApplicationSettings,
    DatabaseSettings,
    TursoPlatformSettings,
    RedisSettings,
    AccessSettings,
    ModelSettings,
    TracingSettings,
    DeploymentSettings,
    BaseSettings,
):
    """Frozen; read once at start and handed down."""

    model_config = SettingsConfigDict(
        defer_build=False,
        frozen=True,
        extra="ignore",
        env_ignore_empty=True,
        hide_input_in_errors=True,
        populate_by_name=True,
    )

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
        return (
            init_settings,
            env_settings,
            _EnvFiles(settings_cls, given),
            _DefaultsOfEnvironment(settings_cls),
        )


GROUPS = tuple(base for base in Settings.__bases__ if issubclass(base, SettingsGroup))


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


class _DefaultsOfEnvironment(PydanticBaseSettingsSource):
    """What is the default in one environment only. Asked last: the environment is known by then."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        raise NotImplementedError  # the whole is read at once, below

    def __call__(self) -> dict[str, Any]:
        given = self.current_state.get("app_env", AppEnv.LOCAL)
        if given not in list(AppEnv):
            return {}  # which is told as a wrong APP_ENV
        env = AppEnv(given)
        return {
            name: default
            for name, field in self.settings_cls.model_fields.items()
            for declared in field.metadata
            if isinstance(declared, Declared) and (default := declared.default(env)) is not None
        }


def old_names_in_use(app_env: str | None = None) -> dict[str, str]:
    """The variables that are set under a name of old, each with the name that it has now."""
    given = {name.upper() for name in (*os.environ, *read_env_files(BACKEND_DIR, app_env))}
    return {old: new for old, new in _OLD_NAMES.items() if old in given}


_OLD_NAMES = {
    str(old).upper(): str(alias.choices[0]).upper()
    for field in Settings.model_fields.values()
    if isinstance(alias := field.validation_alias, AliasChoices)
    for old in alias.choices[1:]
}


def _disagreements(settings: Settings) -> list[str]:
    """What old names say beside the new ones, or of another environment."""
    files = {name.upper(): value for name, value in read_env_files(BACKEND_DIR, settings.app_env).items()}
    given = files | {name.upper(): value for name, value in os.environ.items() if value}
    of_staging = [name for name in _OLD_NAMES if name in given and "_STAGING_" in name]
    return [
        f"{old} and {new}, which is its name now, hold different values; remove {old}"
        for old, new in _OLD_NAMES.items()
        if old in given and new in given and given[old] != given[new]
    ] + [
        f"{name} is of staging, and this is production; set {_OLD_NAMES[name]}"
        for name in of_staging
        if settings.app_env is AppEnv.PRODUCTION
    ]


def read_env_files(folder: Path, app_env: str | None = None) -> dict[str, str]:
    """Values of `.env` and, winning, of `.env.{APP_ENV}` in `folder`, without the empty ones.

    An `app_env` that is given wins over APP_ENV, and a `.env` that says it is of another environment is left out.
    `${…}` is not interpolated: an unset name would silently become an empty text. Raises SettingsError for a file that
    is no text in UTF-8.
    """

    def read(file_name: str) -> dict[str, str]:
        path = folder / file_name
        try:
            return env_text.values(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except UnicodeDecodeError:
            raise SettingsError(f"{path} is no text in UTF-8. Run: autoforge env check") from None

    common = read(".env")
    if app_env is not None:
        return {**(common if common.get("APP_ENV", app_env) == app_env else {}), **read(f".env.{app_env}")}
    chosen = os.environ.get("APP_ENV") or common.get("APP_ENV") or AppEnv.LOCAL.value
    return {**common, **read(f".env.{chosen}")}


def load_settings(**overrides: Any) -> Settings:
    """Settings from the environment. Raises SettingsError that names each wrong variable, never a value."""
    try:
        settings = Settings(**overrides)
    except ValidationError as exc:
        errors = exc.errors(include_input=False, include_url=False, include_context=False)
        raise _wrong(
            f"{_name_of(error['loc'])}: {error['msg'].removeprefix('Value error, ')}" for error in errors
        ) from None
    if problems := _disagreements(settings):
        raise _wrong(problems)
    return settings


def _wrong(problems: Iterable[str]) -> SettingsError:
    return SettingsError("The environment is wrong.\n  " + "\n  ".join(problems))


def _name_of(place: tuple[int | str, ...]) -> str:
    return ".".join(map(str, place)).upper() or "settings"


@cache
def get_settings() -> Settings:
    """The settings of this process, for scripts, the REPL and Alembic; the application is handed its own."""
    return load_settings()
