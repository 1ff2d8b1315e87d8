"""Which values an environment has and where each comes from, without the values that are secrets."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from src.core.config.settings.catalogue import Setting, all_settings, find_setting
from src.core.config.settings.declaration import AppEnv, Home
from src.core.config.settings.given import Given, given, given_by_files

DEFAULT = "default"
SET = "set"


@dataclass(frozen=True, slots=True)
class Shown:
    """`value` is the value where everybody may see it, "set" where not, None where there is none.

    `source` is "default", ".env", ".env.staging" or "environment"; `old_name` the one that it goes by there.
    """

    name: str
    value: str | None
    source: str | None
    old_name: str | None = None
    is_known: bool = True


class Comparison(StrEnum):
    SAME = "same"
    DIFFERENT = "different"
    ONLY_FIRST = "only first"
    ONLY_SECOND = "only second"


@dataclass(frozen=True, slots=True)
class Compared:
    """`first` and `second` say where the value of each comes from; None where there is none."""

    name: str
    result: Comparison
    first: str | None
    second: str | None


def show(env: AppEnv, folder: Path, process: Mapping[str, str]) -> list[Shown]:
    """Every setting with a place in `env`, or a value; then the names in its files that are no settings."""
    values = given(env, folder, process)
    found = []
    for setting in all_settings():
        name, one = _find(setting, values)
        if one is None and not setting.is_for(env):
            continue
        old_name = None if name == setting.name else name
        if one is not None:
            found.append(Shown(setting.name, visible(setting, one.value), one.source, old_name))
        else:
            default = setting.default(env)
            found.append(Shown(setting.name, default, None if default is None else DEFAULT))
    strange = {name: one for name, one in values.items() if find_setting(name) is None}
    return found + [Shown(name, SET, one.source, is_known=False) for name, one in strange.items()]


def compare(first: AppEnv, second: AppEnv, folder: Path) -> list[Compared]:
    """The settings, and other names in the files, that either environment has a value for; of files and defaults."""
    one, other = (_effective(env, folder) for env in (first, second))
    found = []
    for name in dict.fromkeys((*one, *other)):
        a, b = one.get(name), other.get(name)
        if a is None or b is None:
            result = Comparison.ONLY_SECOND if a is None else Comparison.ONLY_FIRST
        else:
            result = Comparison.SAME if a.value == b.value else Comparison.DIFFERENT
        found.append(Compared(name, result, None if a is None else a.source, None if b is None else b.source))
    return found


def visible(setting: Setting, value: str) -> str:
    """`value`, where it is no secret and holds none, as a URL may; else "set"."""
    is_secret = setting.is_secret or setting.home is Home.SECRET
    may_hold_one = "://" in value and ("@" in value or "?" in value)
    return SET if is_secret or may_hold_one else value


def _effective(env: AppEnv, folder: Path) -> dict[str, Given]:
    values = given_by_files(env, folder)
    found: dict[str, Given] = {}
    for setting in all_settings():
        _, one = _find(setting, values)
        default = setting.default(env) if setting.is_for(env) else None
        if one is not None:
            found[setting.name] = one
        elif default is not None:
            found[setting.name] = Given(default, DEFAULT)
    return found | {name: one for name, one in values.items() if find_setting(name) is None}


def _find(setting: Setting, values: Mapping[str, Given]) -> tuple[str, Given | None]:
    for name in (setting.name, *setting.old_names):
        if name in values:
            return name, values[name]
    return setting.name, None
