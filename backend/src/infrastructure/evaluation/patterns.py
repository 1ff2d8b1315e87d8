"""Regular expressions that end: of the `regex` module, whose search can be told to give up."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import regex

MAX_PATTERN_LENGTH = 10_000
SEARCH_SECONDS = 1.0
"""Patience with one search. The module measures the CPU time of the whole process: beside other busy threads a search
is given up sooner, and on a machine that is short of CPUs later."""


def compile_pattern(text: str) -> "regex.Pattern[str]":
    """Without flags; `(?i)` and its like may stand in the pattern. Raises ValueError with a short message."""
    import regex

    if len(text) > MAX_PATTERN_LENGTH:
        raise ValueError(f"the pattern is longer than {MAX_PATTERN_LENGTH:,} characters")
    try:
        return regex.compile(text)
    except regex.error as exc:
        raise ValueError(str(exc)) from None
    except (RecursionError, OverflowError):
        raise ValueError("the pattern is nested too deeply or repeats too often") from None
