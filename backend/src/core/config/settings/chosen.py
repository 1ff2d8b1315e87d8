"""Choosing an environment for one command, beside the one that the process is in."""

import os

from src.core.config.settings.base import AppEnv, SettingsError

# Variables that say which database it is: set for one environment, they would be used for the chosen one.
_OF_ONE_ENVIRONMENT = (
    "DATABASE_URL",
    "TURSO_DATABASE_URL",
    "TURSO_AUTH_TOKEN",
    "TURSO_STAGING_DATABASE_URL",
    "TURSO_STAGING_AUTH_TOKEN",
)


def overruled(chosen: AppEnv) -> str | None:
    """The APP_ENV of this process, when `chosen` is another one.

    Raises SettingsError when the process also names a database: it would be that of the other environment.
    """
    process = {name.upper(): value for name, value in os.environ.items() if value}
    own = process.get("APP_ENV")
    if own is None or own == chosen.value:
        return None
    if chosen is not AppEnv.LOCAL and process.get("DATABASE_URL", "").startswith("sqlite:"):
        del process["DATABASE_URL"]  # only local uses a file
    if named := [name for name in _OF_ONE_ENVIRONMENT if name in process]:
        raise SettingsError(
            f"APP_ENV={own} is set here together with {' and '.join(named)}, which would be taken for {chosen.value}. "
            f"Unset them, or set APP_ENV={chosen.value} with the values of {chosen.value}."
        )
    return own
