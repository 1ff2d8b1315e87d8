"""Regular expressions that end: of the `regex` module, whose search can be told to give up."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import regex

SEARCH_SECONDS = 1.0
"""Patience with one search. The module measures the CPU time of the whole process: beside other busy threads a search
is given up sooner, and on a machine that is short of CPUs later."""

# The module does not look at the clock while it searches for a literal part: it prepares that in time cubic in the
# part's length (5 s for 2,000 equal characters), and searches in 20 ns times its length times the text's at worst.
MAX_PATTERN_LENGTH = 2_000
_MAX_PRODUCT = 200_000_000


class SearchGivenUpError(Exception):
    """Whether the pattern matches cannot be found out in reasonable time; the message says what to do."""


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


def is_found(pattern: "regex.Pattern[str]", text: str, *, seconds: float = SEARCH_SECONDS) -> bool:
    """Raises SearchGivenUpError after about `seconds`, or at once for a text that is too long."""
    if len(pattern.pattern) * len(text) > _MAX_PRODUCT:
        raise SearchGivenUpError("is too long a pattern for so long a text")
    try:
        return pattern.search(text, timeout=seconds) is not None
    except TimeoutError:
        raise SearchGivenUpError(f"took over {seconds:g} s; simplify the pattern") from None
