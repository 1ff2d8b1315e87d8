"""What an environment at GitHub has to hold: told by the declaration of the settings alone."""

from dataclasses import dataclass

from src.core.config.settings.catalogue import Setting, all_settings
from src.core.config.settings.declaration import AppEnv, Home
from src.operations.github.records import Key, Kind

_KINDS = {Home.SECRET: Kind.SECRET, Home.VARIABLE: Kind.VARIABLE}


@dataclass(frozen=True, slots=True)
class Wanted:
    """`name` is that at GitHub, `setting.name` that in a file of the environment."""

    name: str
    kind: Kind
    setting: Setting
    is_required: bool

    @property
    def key(self) -> Key:
        return (self.kind, self.name)

    @property
    def names_in_files(self) -> frozenset[str]:
        return frozenset((self.name, self.setting.name, *self.setting.old_names))


def wanted_in(env: AppEnv) -> tuple[Wanted, ...]:
    """In the order of the declaration."""
    return tuple(
        Wanted(source, _KINDS[setting.home], setting, setting.is_required(env))
        for setting in all_settings()
        if (source := setting.source(env)) is not None
    )
