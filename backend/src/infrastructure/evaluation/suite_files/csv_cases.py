"""Cases from CSV: a header line, then one case a row.

A column is a variable; `__name`, `__expected`, `__threshold` and `__assertions` (a JSON list) are the case's own
fields, not given where the cell is empty. Blank lines and rows of nothing but empty cells are skipped.
"""

import csv
from collections.abc import Iterable, Iterator
from contextlib import closing

from src.domain.evaluation.errors import SuiteFileError
from src.domain.shared.placeholders import JsonValue
from src.infrastructure.evaluation.suite_files.case_fields import CaseRecord
from src.infrastructure.shared.input_files.json_text import parse_json
from src.infrastructure.shared.input_files.located import Field, suggestion
from src.infrastructure.shared.input_files.source import Source

_SPECIAL = ("__name", "__expected", "__threshold", "__assertions")
_IN_JSON = ("__threshold", "__assertions")


def csv_records(source: Source) -> Iterator[CaseRecord]:
    header: list[str] | None = None
    with closing(source.lines()) as lines:  # a row that is refused must not leave the file open
        for line, row in _rows(lines, source.label):
            if header is None:
                header = _header(row, Field(None, source.label, line))
            elif len(row) != len(header):
                raise SuiteFileError(
                    f"the row has {_columns(len(row))}, the header has {_columns(len(header))}.",
                    file=source.label,
                    line=line,
                )
            elif any(row):
                yield _record(header, row, source.label, line)


def _rows(lines: Iterable[str], file: str) -> Iterator[tuple[int, list[str]]]:
    """Each row that is not blank, with the line on which it begins (a quoted cell may go on for many)."""
    reader = csv.reader(lines, strict=True)
    line = 1
    try:
        for row in reader:
            if row:
                yield line, row
            line = reader.line_num + 1
    except csv.Error as exc:
        raise SuiteFileError(f"broken CSV: {_explained(exc)}.", file=file, line=line) from exc


def _explained(exc: csv.Error) -> str:
    reason = str(exc)
    if "unexpected end of data" in reason:
        return "a quote that this row opens is never closed"
    if "field limit" in reason:
        limit = f"{csv.field_size_limit():,}"
        return (
            f"a cell is longer than {limit} characters: an unclosed quote, or a text that needs a .jsonl file"
        )
    return reason


def _header(row: list[str], place: Field) -> list[str]:
    names = [name.strip() for name in row]
    if len(names) == 1 and any(mark in names[0] for mark in ";\t"):
        raise place.error(f"there is only one column, {names[0]!r:.60}; columns are separated by commas.")
    seen: set[str] = set()
    for number, name in enumerate(names, start=1):
        if not name:
            raise place.error(f"column {number} has no name.")
        if name in seen:
            raise place._replace(path=name).error(f"the column {name!r:.60} stands twice.")
        seen.add(name)
        if name.startswith("__") and name not in _SPECIAL:
            raise place._replace(path=name).error(f"unknown special column; {suggestion(name, _SPECIAL)}")
    return names


def _record(header: list[str], row: list[str], file: str, line: int) -> CaseRecord:
    variables: dict[str, JsonValue] = {}
    fields: dict[str, Field] = {}
    for name, cell in zip(header, row, strict=True):
        if name not in _SPECIAL:
            variables[name] = cell
        elif cell:
            place = Field(cell, file, line, name)
            fields[name.removeprefix("__")] = (
                place._replace(value=parse_json(cell, place)) if name in _IN_JSON else place
            )
    fields["variables"] = Field(variables, file, line)
    return CaseRecord(file, line, "__", fields)


def _columns(number: int) -> str:
    return "1 column" if number == 1 else f"{number} columns"
