"""Every setting as a row: what the templates, the checks, the secrets and the reference page are made from."""

import types
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import AliasChoices, SecretStr
from pydantic.fields import FieldInfo

from src.core.config.settings.base import GROUPS, AppEnv
from src.core.config.settings.declaration import Declared, Home, SettingsGroup

PREFIXES: Mapping[AppEnv, str] = {AppEnv.STAGING: "STAGING_", AppEnv.PRODUCTION: "PROD_"}


@dataclass(frozen=True, slots=True)
class Group:
    en: str
    ja: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """`kind` tells people what is taken ("a whole number"); `usual` is the default of the type itself."""

    name: str
    old_names: tuple[str, ...]
    group: Group
    kind: str
    is_secret: bool
    usual: str | None
    declared: Declared

    @property
    def en(self) -> str:
        return self.declared.en

    @property
    def ja(self) -> str:
        return self.declared.ja

    @property
    def home(self) -> Home:
        return self.declared.home

    @property
    def is_generated(self) -> bool:
        return self.declared.generated

    @property
    def for_runner(self) -> bool:
        return self.declared.runner

    @property
    def or_else(self) -> str | None:
        """The setting that, when it has a value, stands in for this one."""
        return self.declared.or_else

    def is_for(self, env: AppEnv) -> bool:
        return env in self.declared.only

    def is_required(self, env: AppEnv) -> bool:
        return env in self.declared.required

    def default(self, env: AppEnv) -> str | None:
        """As it is written in a file; None when there is none."""
        own = self.declared.default(env)
        return self.usual if own is None else own

    def source(self, env: AppEnv) -> str | None:
        """The GitHub secret or variable that holds the value of `env`; None when it is not kept there."""
        if env not in PREFIXES or self.home not in (Home.SECRET, Home.VARIABLE) or not self.is_for(env):
            return None
        return self.name if self.declared.shared else PREFIXES[env] + self.name


@cache
def all_settings() -> tuple[Setting, ...]:
    """In the order of their declaration."""
    return tuple(
        _setting(name, field, group) for group in GROUPS for name, field in group.model_fields.items()
    )


def find_setting(name: str) -> Setting | None:
    """The setting that is called so, now or of old."""
    return next((found for found in all_settings() if name == found.name or name in found.old_names), None)


def get_setting(name: str) -> Setting:
    """Raises KeyError when there is none, now or of old."""
    found = find_setting(name)
    if found is None:
        raise KeyError(name)
    return found


def _setting(name: str, field: FieldInfo, group: type[SettingsGroup]) -> Setting:
    [declared] = [found for found in field.metadata if isinstance(found, Declared)]
    alias = field.validation_alias
    old = alias.choices[1:] if isinstance(alias, AliasChoices) else ()
    return Setting(
        name=name.upper(),
        old_names=tuple(str(found).upper() for found in old),
        group=Group(*group.title),
        kind=_kind(field.annotation),
        is_secret=_bare(field.annotation) is SecretStr,
        usual=_written(field.default),
        declared=declared,
    )


def _bare(annotation: Any) -> Any:
    """Without `| None`."""
    if get_origin(annotation) in (Union, types.UnionType):
        [annotation] = [found for found in get_args(annotation) if found is not types.NoneType]
    return annotation


def _kind(annotation: Any) -> str:
    bare = _bare(annotation)
    if get_origin(bare) is Literal:
        return " | ".join(get_args(bare))
    if isinstance(bare, type) and issubclass(bare, Enum):
        return " | ".join(choice.value for choice in bare)
    if get_origin(bare) is tuple:
        return "list"
    return {bool: "true | false", int: "integer", float: "number"}.get(bare, "text")


def _written(value: Any) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(value) or None
    if isinstance(value, Enum):
        return str(value.value)
    return None if value is None else str(value)
