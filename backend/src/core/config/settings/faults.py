"""What can be wrong with the settings of an environment, or with the files that hold them."""

from dataclasses import dataclass
from enum import StrEnum

from src.core.config.settings.catalogue import Setting
from src.core.config.settings.declaration import AppEnv


class FaultKind(StrEnum):
    # of values
    MISSING = "missing"
    UNKNOWN = "unknown"
    OLD_NAME = "old-name"
    PLACEHOLDER = "placeholder"
    INVALID = "invalid"
    WEAK = "weak"
    EXPIRED = "expired"
    WRONG_ENVIRONMENT = "wrong-environment"
    DISAGREEMENT = "disagreement"
    # of files
    LEFT_OVER = "left-over"
    NO_FILE = "no-file"
    UNREADABLE = "unreadable"
    SYNTAX = "syntax"
    DUPLICATE = "duplicate"
    MODE = "mode"
    OWNER = "owner"
    SYMLINK = "symlink"
    FOLDER = "folder"
    TRACKED = "tracked"
    NOT_IGNORED = "not-ignored"
    LITERAL_SECRET = "literal-secret"  # noqa: S105 - the name of a fault


@dataclass(frozen=True, slots=True)
class Fault:
    """`name` is of a setting or a file. `message` is a sentence that holds no value; `fix` the command, or the deed.

    One that is not `is_fatal` is a warning: it works, and should be seen to.
    """

    kind: FaultKind
    name: str
    message: str
    fix: str
    is_fatal: bool = True


def remedy(setting: Setting, env: AppEnv) -> str:
    """How another value gets there."""
    source = setting.source(env)
    if source is None:
        return f"Set {setting.name} in backend/.env.{env.value}, or in the environment."
    return f"Set {source} (a {setting.home.value} at GitHub, or here), and run: autoforge env render --env {env.value}"
