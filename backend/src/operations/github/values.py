"""The values of an environment as this machine has them: in the process environment, and in a file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from src.core import env_text
from src.core.config.settings.declaration import AppEnv
from src.core.config.settings.values import is_placeholder
from src.operations.github.errors import SecretsInputError
from src.operations.github.wanted import Wanted

MAX_BYTES = 48 * 1024
_IN_PROCESS = "the environment"


@dataclass(frozen=True, slots=True)
class Given:
    """`where` it is, in words."""

    value: SecretStr
    where: str


@dataclass(frozen=True, slots=True)
class Values:
    """What is given, by the name at GitHub; `emptied` was given without a value. `faults` are what is wrong with it."""

    given: Mapping[str, Given]
    emptied: frozenset[str]
    faults: Mapping[str, str]


def read_values(
    env: AppEnv, wanted: Sequence[Wanted], *, process: Mapping[str, str], file: Path, must_exist: bool
) -> Values:
    """The values of `wanted`. Raises SecretsInputError for a file that cannot be read or is of another environment."""
    entries = _read_file(file, env) if must_exist or file.exists() else []
    given: dict[str, Given] = {}
    emptied, faults = set(), {}
    for one in wanted:
        found = [(value, str(file)) for name, value in entries if name in one.names_in_files]
        if one.name in process:
            found.append((process[one.name], _IN_PROCESS))
        filled = [(value, where) for value, where in found if value.strip()]
        if found and not filled:
            emptied.add(one.name)
        if not filled:
            continue
        value, where = filled[-1]
        given[one.name] = Given(SecretStr(value), where)
        if (fault := _fault(one, filled)) is not None:
            faults[one.name] = fault
    return Values(given, frozenset(emptied), faults)


def _fault(one: Wanted, filled: Sequence[tuple[str, str]]) -> str | None:
    if (unfilled := next((where for value, where in filled if is_placeholder(value)), None)) is not None:
        return f"still holds a placeholder in {unfilled}; put the real value there"
    if len({value for value, _ in filled}) > 1:
        places = " and ".join(dict.fromkeys(where for _, where in filled))
        return f"has values that disagree, in {places}; keep one of them"
    value, where = filled[-1]
    if (size := len(value.encode())) > MAX_BYTES:
        return f"has {size:,} bytes in {where}, and GitHub takes {MAX_BYTES:,}"
    return None


def _read_file(file: Path, env: AppEnv) -> list[tuple[str, str]]:
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as exc:
        raise SecretsInputError(f"{file} cannot be read: {exc.strerror or exc}.") from None
    except UnicodeDecodeError:
        raise SecretsInputError(f"{file} is no text in UTF-8.") from None
    entries = []
    for line in env_text.lines(text):
        if line.trouble is not None:
            raise SecretsInputError(f"{file}, line {line.number}: it {line.trouble}.")
        entries.append((line.name, line.value))
    other = next((value for name, value in entries if name == "APP_ENV" and value != env.value), None)
    if other is not None:
        raise SecretsInputError(f"{file} says APP_ENV={other!r:.40}, and this is for {env.value}.")
    return entries
