"""Entity tags: the version of a row in quotes, strong, so that `If-Match` guards exactly that row."""

import re

from src.presentation.api.problems import RequestRefusedError

_OURS = re.compile(r'"([1-9]\d{0,17})"')
_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')


def etag_of(row_version: int) -> str:
    return f'"{row_version}"'


def expected_row_version(if_match: str) -> int | None:
    """The row version that an `If-Match` header asks for; None for `*`, which any version meets.

    Raises RequestRefusedError: 412 for a tag that no row of ours can have, 400 for what is no entity tag.
    """
    tag = if_match.strip()
    if tag == "*":
        return None
    if ours := _OURS.fullmatch(tag):
        return int(ours[1])
    if _TAG.fullmatch(tag):
        raise RequestRefusedError(
            412,
            "precondition_failed",
            "The precondition does not hold",
            f"If-Match: {tag!r:.80} is no tag of this row (ours are strong). Read the row and send its ETag.",
        )
    raise RequestRefusedError(
        400,
        "bad_etag",
        "If-Match is no entity tag",
        f'If-Match: {tag!r:.80} is not one entity tag in quotes, such as "3", and not *.',
    )


def is_listed(if_none_match: str | None, etag: str) -> bool:
    """Whether an `If-None-Match` header names `etag`, by the weak comparison that RFC 9110 asks for there."""
    if if_none_match is None:
        return False
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return etag in tags or tags == ["*"]
