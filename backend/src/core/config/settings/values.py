"""What can be told of a value by looking at it."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic_settings import NoDecode

# What stands where a value has not been filled in yet: ${NAME}, xxxxxx, [your-org], your-key, changeme, <…>, （…）, …
_PLACEHOLDER = re.compile(
    r"\$\{[^}]*\}|(^|[_-])x{6,}$|\[your-[^\]]*\]|\byour[-_]|change[-_]?me|^<.*>$|^（.*）$|\.\.\.|…|^(example|placeholder|todo)$",
    re.IGNORECASE,
)


def is_placeholder(value: str) -> bool:
    return _PLACEHOLDER.search(value) is not None


def is_loopback(host: str | None) -> bool:
    """Whether `host` is this machine: what is sent there passes no network."""
    return host in ("localhost", "::1") or re.fullmatch(r"127(\.\d{1,3}){3}", host or "") is not None


def _split_commas(value: Any) -> Any:
    return (
        tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value
    )


CommaSeparated = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_commas)]
