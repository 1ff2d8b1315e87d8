"""How a setting is declared: beside its type and default, what a person and a generator want to know of it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class AppEnv(StrEnum):
    LOCAL = "local"
    STAGING = "staging"
    PRODUCTION = "production"


DEPLOYED = (AppEnv.STAGING, AppEnv.PRODUCTION)


class Home(StrEnum):
    """Where the value of a deployed environment lives. Locally everything is in `.env.local`."""

    PLAIN = "plain"  # in the template, for everybody to read
    SECRET = "secret"  # noqa: S105 - of the environment at GitHub
    VARIABLE = "variable"  # a variable of the environment at GitHub
    HAND = "hand"  # with whoever runs the command, and nowhere else


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """The annotation of a field of the settings.

    `en`, `ja`: one line of documentation. `local`, `staging`, `production`: the default there, as it is written in a
    file, where it is not the field's own. `required`: environments that cannot go without it; `or_else` names the
    setting that may stand in for it. `only`: the environments in whose files it has a place. `shared`: the name at
    GitHub has no prefix. `runner`: read where commands are run, never by the server. `generated`: locally it makes
    itself.
    """

    en: str
    ja: str
    home: Home = Home.PLAIN
    local: str | None = None
    staging: str | None = None
    production: str | None = None
    required: tuple[AppEnv, ...] = ()
    or_else: str | None = None
    only: tuple[AppEnv, ...] = tuple(AppEnv)
    shared: bool = False
    runner: bool = False
    generated: bool = False

    def default(self, env: AppEnv) -> str | None:
        """The default that holds in `env` alone."""
        return {AppEnv.LOCAL: self.local, AppEnv.STAGING: self.staging, AppEnv.PRODUCTION: self.production}[
            env
        ]


class SettingsGroup(BaseModel):
    """Settings of one subject, which is called `title` in English and Japanese. A base of `Settings`, never made."""

    model_config = ConfigDict(defer_build=True)
    title: ClassVar[tuple[str, str]]
