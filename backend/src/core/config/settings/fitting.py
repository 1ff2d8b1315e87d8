"""Whether a value fits the type of its setting, asked of the settings classes themselves."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from src.core.config.settings.base import GROUPS
from src.core.config.settings.catalogue import get_setting
from src.core.config.settings.declaration import Home


def typed(values: Mapping[str, str]) -> dict[str, Any]:
    """`values`, which are sound, with the types that they have in the settings."""
    found: dict[str, Any] = {}
    for group in GROUPS:
        given = {name: value for name, value in values.items() if name.lower() in group.model_fields}
        if given:
            read = group.model_validate({name.lower(): value for name, value in given.items()})
            found |= {name: getattr(read, name.lower()) for name in given}
    return found


def troubles(values: Mapping[str, str]) -> dict[str, str]:
    """What the type of each setting says against its value, by name."""
    found: dict[str, str] = {}
    for group in GROUPS:
        given = {name.lower(): value for name, value in values.items() if name.lower() in group.model_fields}
        try:
            group.model_validate(given)
        except ValidationError as exc:
            for error in exc.errors(include_input=False, include_url=False, include_context=False):
                name = str(error["loc"][0]).upper()
                message = error["msg"].removeprefix("Value error, ")
                found.setdefault(name, message[:1].lower() + message[1:])
    for name, value in values.items():
        setting = get_setting(name)
        if value != value.strip() and (setting.is_secret or setting.home is Home.SECRET):
            found.setdefault(name, "it begins or ends with a space or the end of a line")
    return found
