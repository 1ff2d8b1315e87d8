"""Filling in a template: lines `NAME=text`, whose text may hold `${SOURCE}` and no other `$`.

A source is the name at GitHub of a value of that environment, and is looked up in what `fill` is handed.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from src.core import env_text
from src.core.config.settings.base import SettingsError
from src.core.config.settings.catalogue import PREFIXES, Setting, all_settings, find_setting
from src.core.config.settings.declaration import AppEnv, Home

_SOURCE = re.compile(r"\$(?:\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)\})?")
_PLACEHOLDER = re.compile(r"\$\{[^}]*\}")
_NO_LINE = 10**9


class TemplateError(SettingsError):
    """The template, or what should fill it, is wrong. The message has a line for each fault, and no value."""


@dataclass(frozen=True, slots=True)
class Filled:
    """`values` by setting, in the order of the template. `left_out` are optional settings, each with why."""

    values: Mapping[str, str]
    left_out: Mapping[str, str]


@dataclass(slots=True)
class _Filling:
    env: AppEnv
    given: Mapping[str, str]
    values: dict[str, str] = field(default_factory=dict)
    absent: dict[str, tuple[int, str]] = field(default_factory=dict)
    faults: list[tuple[int, str]] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict)

    def complain(self, line: int, what: str) -> None:
        self.faults.append((line, what))


def fill(text: str, env: AppEnv, given: Mapping[str, str], *, label: str) -> Filled:
    """The values that the template `text`, called `label`, has with what is `given`. Raises TemplateError."""
    state = _Filling(env, given)
    sources = {source: one for one in all_settings() if (source := one.source(env)) and not one.for_runner}
    for line in env_text.lines(text):
        setting = _setting_of(line, state)
        if setting is not None:
            _fill_line(line, setting, sources, state)
    left_out = dict(_judge_absent(state))
    _judge_missing(state)
    if state.faults:
        said = "\n  ".join(
            what if line == _NO_LINE else f"line {line}: {what}" for line, what in sorted(state.faults)
        )
        raise TemplateError(f"{label} cannot be rendered. Nothing was written.\n  {said}")
    return Filled(state.values, left_out)


def _setting_of(line: env_text.Line, state: _Filling) -> Setting | None:
    """The setting of a line, unless there is something wrong with that."""
    if line.trouble is not None:
        state.complain(line.number, f"it {line.trouble}")
        return None
    setting = find_setting(line.name)
    if setting is None:
        name = line.name if line.name.isupper() else "this"  # which may be anything, and no name
        state.complain(line.number, f"{name} is no setting")
    elif setting.name != line.name:
        state.complain(line.number, f"{line.name} is an old name; call it {setting.name}")
    elif setting.for_runner or not setting.is_for(state.env):
        state.complain(line.number, f"{line.name} has no place in {state.env.value}; remove the line")
    elif line.name in state.lines:
        state.complain(line.number, f"{line.name} stands in line {state.lines[line.name]} too")
    else:
        state.lines[line.name] = line.number
        return setting
    return None


def _fill_line(
    line: env_text.Line, setting: Setting, sources: Mapping[str, Setting], state: _Filling
) -> None:
    names, troubles = _names_in(line.value, sources, state.env)
    if setting.home is Home.SECRET and line.value and not names and not troubles:
        troubles.append(f"a template holds no secrets; write ${{{setting.source(state.env)}}}")
    if line.name == "APP_ENV" and line.value != state.env.value:
        troubles.append(f"this is a template of {state.env.value}, and it says another environment")
    for trouble in troubles:
        state.complain(line.number, f"{line.name}: {trouble}")
    if troubles:
        return
    unset = [_why(name, state.given) for name in names if not state.given.get(name, "").strip()]
    if unset or not line.value:
        state.absent[line.name] = (line.number, " and ".join(unset) or "the line is empty")
        return
    value = _SOURCE.sub(lambda found: state.given[found["name"]], line.value)
    if _PLACEHOLDER.search(value):
        state.complain(line.number, f"{line.name}: the value of {' or '.join(names)} holds ${{…}} itself")
        return
    try:
        env_text.assignment(line.name, value)
    except env_text.UnwritableValueError as exc:
        state.complain(
            line.number, f"{line.name}: the value of {' or '.join(names)} cannot be written: {exc}"
        )
        return
    state.values[line.name] = value


def _names_in(text: str, sources: Mapping[str, Setting], env: AppEnv) -> tuple[list[str], list[str]]:
    """The sources that `text` asks for, and what is wrong with its `$`."""
    names: list[str] = []
    troubles: list[str] = []
    for found in _SOURCE.finditer(text):
        name = found["name"]
        if name is None:
            troubles.append(
                f"the $ at character {found.start() + 1} does not begin ${{NAME}}, all that is taken"
            )
        elif name not in sources:
            troubles.append(_unknown_source(name, env))
        else:
            names.append(name)
    return list(dict.fromkeys(names)), troubles


def _unknown_source(name: str, env: AppEnv) -> str:
    for other, prefix in PREFIXES.items():
        if other is not env and name.startswith(prefix):
            return f"{name:.80} is of {other.value}; here names begin with {PREFIXES[env]}"
    return f"{name:.80} is no secret and no variable of {env.value}"


def _why(name: str, given: Mapping[str, str]) -> str:
    return f"{name} is {'empty' if name in given else 'not set'}"


def _judge_absent(state: _Filling) -> Iterator[tuple[str, str]]:
    for name, (line, why) in state.absent.items():
        if _is_needed(name, state):
            state.complain(line, f"{name} is required, and {why}{_instead(name)}")
        else:
            yield name, why


def _judge_missing(state: _Filling) -> None:
    for setting in all_settings():
        is_required = setting.is_required(state.env) and not setting.for_runner
        if is_required and setting.name not in state.lines and _is_needed(setting.name, state):
            state.complain(_NO_LINE, f"{setting.name} is required, and has no line{_instead(setting.name)}")


def _is_needed(name: str, state: _Filling) -> bool:
    setting = find_setting(name)
    return setting is not None and setting.is_required(state.env) and setting.or_else not in state.values


def _instead(name: str) -> str:
    setting = find_setting(name)
    return f" (nor has {setting.or_else}, which could stand in)" if setting and setting.or_else else ""
