"""Cases from JSONL: one JSON object a line, blank lines skipped."""

from collections.abc import Iterator

from src.infrastructure.evaluation.suite_files.case_fields import CaseRecord
from src.infrastructure.shared.input_files.json_text import parse_json
from src.infrastructure.shared.input_files.located import Field
from src.infrastructure.shared.input_files.source import Source


def jsonl_records(source: Source) -> Iterator[CaseRecord]:
    for number, line in enumerate(source.lines(), start=1):
        if line.isspace() or not line:
            continue
        place = Field(None, source.label, number)
        yield CaseRecord.of(place._replace(value=parse_json(line, place)))
