"""Which values an environment is given, by its files and by the process, whether they are right or not."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from src.core.config.settings.catalogue import find_setting
from src.core.config.settings.declaration import AppEnv
from src.core.env_text import read

PROCESS = "environment"


@dataclass(frozen=True, slots=True)
class Given:
    """`source` is the name of the file, or "environment" for the process."""

    value: str
    source: str


def given_by_files(env: AppEnv, folder: Path) -> dict[str, Given]:
    """What `.env` and `.env.{env}` say, by upper-case name, the second winning.

    A file that cannot be read says nothing. A `.env` that says it is of another environment is left out, as in
    `load_settings`.
    """
    common, own = read(folder / ".env"), read(folder / f".env.{env.value}")
    if common.get("APP_ENV", env.value) != env.value:
        common = {}
    return {
        name: Given(value, source)
        for source, found in ((".env", common), (f".env.{env.value}", own))
        for name, value in found.items()
    }


def given(env: AppEnv, folder: Path, process: Mapping[str, str]) -> dict[str, Given]:
    """What the files say and, winning, what of `process` is a setting."""
    of_process = {name.upper(): value for name, value in process.items() if value}
    if of_process.get("APP_ENV", AppEnv.LOCAL.value) != env.value:
        of_process.pop("APP_ENV", None)  # the environment was chosen for one command
        if of_process.get("DATABASE_URL", "").startswith("sqlite:"):
            del of_process["DATABASE_URL"]  # only local uses a file
    return given_by_files(env, folder) | {
        name: Given(value, PROCESS) for name, value in of_process.items() if find_setting(name)
    }
