"""Comments that speak to the linter: `# autoforge: contract <reason>`, `# autoforge: allow AFM101 <reason>`."""

import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from src.operations.migrations.lint.rule import MARKER, RULES, Finding, finding

_COMMENT = re.compile(r"#\s*autoforge\s*:\s*(?P<word>[\w-]*)\s*(?P<rest>[^#]*)", re.IGNORECASE)
_CODES = re.compile(r"(?P<codes>AFM\d+(?:\s*,\s*AFM\d+)*)\b(?P<rest>.*)")
_NO_CODE = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)


@dataclass(frozen=True, slots=True)
class Marker:
    """`target` is the line that it speaks of: its own, or the next line of code when it stands alone."""

    kind: Literal["contract", "allow"]
    line: int
    target: int
    codes: tuple[str, ...] = ()

    def covers(self, found: Finding) -> bool:
        lines = range(found.first_line, found.last_line + 1)
        return found.code in self.codes and (self.line in lines or self.target in lines)


def read_markers(path: str, source: str) -> tuple[list[Marker], list[Finding]]:
    """The markers of a file that Python can parse, and what is wrong with those that cannot be used."""
    markers: list[Marker] = []
    findings: list[Finding] = []
    for line, target, column, text in _comments(source):
        if (comment := _COMMENT.match(text)) is None:
            continue
        word, rest = comment["word"].lower(), comment["rest"]
        if word == "contract":
            problem = (
                None if column == 0 else "a contract speaks of the whole migration: begin the line with it"
            )
            codes: tuple[str, ...] = ()
            reason = rest
        elif word == "allow":
            named = _CODES.match(rest)
            codes = tuple(re.findall(r"AFM\d+", named["codes"])) if named else ()
            reason = named["rest"] if named else rest
            problem = _problem_with(codes)
        else:
            problem, codes, reason = f"{word!r} is neither contract nor allow", (), rest
        if problem is None and not re.search(r"\w\w", reason):
            problem = f"the reason is missing: # autoforge: {word} {', '.join((*codes, ''))}<reason>".replace(
                ", <", " <"
            )
        if problem is not None:
            findings.append(finding(MARKER, path, problem, at=line))
        else:
            markers.append(Marker("contract" if word == "contract" else "allow", line, target, codes))
    return markers, findings


def _problem_with(codes: tuple[str, ...]) -> str | None:
    if not codes:
        return "it does not say what to allow: # autoforge: allow AFM101 <reason>"
    if unknown := [code for code in codes if code not in RULES]:
        return f"there is no rule {', '.join(unknown)}"
    if firm := [code for code in codes if not RULES[code].can_be_allowed]:
        return f"{', '.join(firm)} cannot be allowed"
    return None


def _comments(source: str) -> Iterator[tuple[int, int, int, str]]:
    """Line, line spoken of, column and text of each comment."""
    waiting: list[tuple[int, int, str]] = []
    last_code_line = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        line, column = token.start
        if token.type == tokenize.COMMENT:
            if line == last_code_line:
                yield line, line, column, token.string
            else:
                waiting.append((line, column, token.string))
        elif token.type not in _NO_CODE:
            for alone, begin, text in waiting:
                yield alone, line, begin, text
            waiting.clear()
            last_code_line = token.end[0]
    for alone, begin, text in waiting:
        yield alone, alone, begin, text
