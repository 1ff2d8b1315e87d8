"""What is wrong with the values of an environment. Says names, never values; looks at nothing but what it is handed."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches

from src.core.config.settings.catalogue import Setting, all_settings, find_setting, get_setting
from src.core.config.settings.declaration import AppEnv, Home
from src.core.config.settings.faults import Fault, FaultKind, remedy
from src.core.config.settings.fitting import troubles
from src.core.config.settings.rules_of_meaning import RULES, Meaning
from src.core.config.settings.values import is_placeholder


def faults(values: Mapping[str, str], env: AppEnv, *, now: datetime) -> list[Fault]:
    """What is wrong with `values`, by name; an empty one counts as unset.

    A value that is still a placeholder, or of the wrong type, is told as that and judged no further.
    """
    written = {name.upper(): value for name, value in values.items() if value.strip()}
    found = [*_of_names(written, env)]
    by_name = _under_their_names(written)
    found += _missing(by_name, env)
    unfit = [*_placeholders(by_name, env)]
    unfit += _misfits(_without(by_name, unfit), env)
    meant = Meaning(_without(by_name, unfit), env, now)
    return [*found, *unfit, *(fault for rule in RULES for fault in rule(meant))]


def _of_names(written: Mapping[str, str], env: AppEnv) -> Iterator[Fault]:
    for name in written:
        setting = find_setting(name)
        if setting is None:
            yield _unknown(name, env)
        elif name != setting.name:
            yield _of_old(name, setting, written, env)
        elif env is not AppEnv.LOCAL and setting.for_runner:
            yield Fault(
                FaultKind.UNKNOWN,
                name,
                f"{name} has no place in {env.value}: only commands read it, and the server must not have it.",
                f"Remove it from backend/.env.{env.value}, and set it where the command is run.",
                is_fatal=False,
            )
        elif env is not AppEnv.LOCAL and not setting.is_for(env) and name != "DATABASE_URL":
            yield Fault(
                FaultKind.UNKNOWN,
                name,
                f"{name} has no place in {env.value}: nothing reads it there.",
                f"Remove it from backend/.env.{env.value}.",
                is_fatal=False,
            )


def _unknown(name: str, env: AppEnv) -> Fault:
    near = get_close_matches(name, [setting.name for setting in all_settings()], n=1, cutoff=0.85)
    file = f"backend/.env.{env.value}"
    if near:
        message, fix = (
            f"{name} is no setting; is {near[0]} meant?",
            f"Call it {near[0]} in {file}, or remove it.",
        )
    else:
        message, fix = (
            f"{name} is no setting, and nothing reads it.",
            f"Remove it from {file}, or from backend/.env.",
        )
    return Fault(FaultKind.UNKNOWN, name, message, fix, is_fatal=bool(near))


def _of_old(name: str, setting: Setting, written: Mapping[str, str], env: AppEnv) -> Fault:
    new = setting.name
    if "_STAGING_" in name and env is AppEnv.PRODUCTION:
        message = f"{name} is of staging, and this is production."
        return Fault(FaultKind.WRONG_ENVIRONMENT, name, message, f"Remove it, and set {new}.")
    if new in written and written[new] != written[name]:
        message = f"{name} and {new}, which is its name now, hold different values."
        return Fault(FaultKind.DISAGREEMENT, name, message, f"Remove {name}.")
    message = f"{name} is an old name of {new}."
    return Fault(FaultKind.OLD_NAME, name, message, f"Call it {new}.", is_fatal=False)


def _under_their_names(written: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in written.items():
        if (setting := find_setting(name)) is not None:
            if name == setting.name:
                found[name] = value
            else:
                found.setdefault(setting.name, value)
    return found


def _without(values: Mapping[str, str], unfit: Sequence[Fault]) -> dict[str, str]:
    names = {fault.name for fault in unfit}
    return {name: value for name, value in values.items() if name not in names}


def _missing(values: Mapping[str, str], env: AppEnv) -> Iterator[Fault]:
    for setting in all_settings():
        makes_itself = setting.is_generated and env is AppEnv.LOCAL
        if (
            setting.is_required(env)
            and setting.is_for(env)
            and not setting.for_runner
            and not makes_itself
            and setting.name not in values
            and setting.or_else not in values
        ):
            instead = f", and neither is {setting.or_else}" if setting.or_else else ""
            message = f"{setting.name} is not set{instead}."
            yield Fault(FaultKind.MISSING, setting.name, message, remedy(setting, env))


def _placeholders(values: Mapping[str, str], env: AppEnv) -> Iterator[Fault]:
    """`${…}` is one everywhere; "example" may well be a name, but is no secret."""
    for name, value in values.items():
        setting = get_setting(name)
        is_kept = setting.is_secret or setting.home in (Home.SECRET, Home.VARIABLE)
        if is_placeholder(value) and (is_kept or "${" in value):
            message = f"{name} still holds a placeholder."
            yield Fault(FaultKind.PLACEHOLDER, name, message, remedy(setting, env))


def _misfits(values: Mapping[str, str], env: AppEnv) -> Iterator[Fault]:
    for name, trouble in troubles(values).items():
        message = f"{name} cannot be used: {trouble}."
        yield Fault(FaultKind.INVALID, name, message, remedy(get_setting(name), env))
