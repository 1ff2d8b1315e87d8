"""Whether a server of this environment may start. Apart from the rest, since every start asks this and no more."""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from src.core.config.settings.base import SettingsError
from src.core.config.settings.declaration import AppEnv
from src.core.env_text import read


def own_env(folder: Path, process: Mapping[str, str]) -> AppEnv:
    """The environment of this process. Raises SettingsError when APP_ENV is none."""
    said = process.get("APP_ENV") or read(folder / ".env").get("APP_ENV") or AppEnv.LOCAL.value
    if said not in list(AppEnv):
        raise SettingsError(f"APP_ENV is none of {', '.join(AppEnv)}.")
    return AppEnv(said)


def require_fit(folder: Path, process: Mapping[str, str], *, now: Callable[[], datetime]) -> None:
    """Raises SettingsError that lists all that keeps a server of this environment from being started."""
    env = own_env(folder, process)
    if env is AppEnv.LOCAL:
        return
    from src.core.config.settings.faults import FaultKind
    from src.core.config.settings.given import given
    from src.core.config.settings.rules import faults

    values = {name: one.value for name, one in given(env, folder, process).items()}
    fatal = [
        fault
        for fault in faults(values, env, now=now())
        if fault.is_fatal and fault.kind is not FaultKind.UNKNOWN  # what nothing reads does no harm
    ]
    if fatal:
        lines = [f"{fault.message} {fault.fix}" for fault in fatal]
        raise SettingsError("\n  ".join([f"The server does not start as {env.value}.", *lines]))
