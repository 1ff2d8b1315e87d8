"""How much is measured."""

import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`seconds` is the length of one round of load; `flat_cases` of a run that must not need more memory, if asked."""

    start_rounds: int = 5
    help_rounds: int = 7
    http_rounds: int = 3
    seconds: int = 2
    prompts: int = 10_000
    evaluation_rounds: int = 5
    flat_cases: int | None = None
    generator: str = "built-in"
    runtime_venv: Path | None = None
    builds_environment: bool = False
    with_published: bool = False


def say(message: str) -> None:
    """Progress, on stderr."""
    print(f"  {message}", file=sys.stderr, flush=True)
