"""Test suites as files: YAML with everything, or bare cases in CSV or JSONL."""

from collections.abc import Callable, Iterator
from pathlib import Path

from src.application.evaluation.ports import RunDefaults
from src.application.services import SuiteMedia
from src.domain.evaluation.errors import SuiteFileError
from src.domain.evaluation.suite import TestCase, require_suite_header
from src.domain.shared.errors import RuleViolationError
from src.infrastructure.evaluation.suite_files.case_fields import (
    AssertionCheck,
    CaseBuilder,
    CaseRecord,
    Defaults,
)
from src.infrastructure.evaluation.suite_files.csv_cases import csv_records
from src.infrastructure.evaluation.suite_files.jsonl_cases import jsonl_records
from src.infrastructure.evaluation.suite_files.run_defaults import referred_path
from src.infrastructure.shared.input_files.located import Field
from src.infrastructure.shared.input_files.source import Source

_MEDIA: dict[str, SuiteMedia] = {
    ".yaml": "yaml",
    ".yml": "yaml",
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
_Records = Callable[[], Iterator[CaseRecord]]


class SuiteFile:
    """A suite that was read (a SuiteSource), with the run settings that stand in it.

    The head is checked already; cases are read, checked and dropped one by one each time they are walked. Of each case
    only its name stays in memory during a walk.
    """

    def __init__(
        self,
        *,
        label: str,
        name: str,
        records: _Records,
        check: AssertionCheck | None = None,
        description: str | None = None,
        threshold: float = 1.0,
        run: RunDefaults | None = None,
        defaults: Defaults | None = None,
    ) -> None:
        self.name, self.description, self.threshold = name, description, threshold
        self.run = run or RunDefaults()
        self._label, self._records, self._check = label, records, check
        self._defaults = defaults or Defaults()

    def cases(self) -> Iterator[TestCase]:
        """Cases in order, defaults merged in. Raises SuiteFileError at the first wrong one, or when there is none."""
        builder = CaseBuilder(self._defaults, self._check)
        for record in self._records():
            yield builder.build(record)
        if not builder.count:
            raise SuiteFileError("there are no cases in it.", file=self._label)


def open_suite(path: Path, *, name: str | None = None, check: AssertionCheck | None = None) -> SuiteFile:
    """The suite in a .yaml, .yml, .csv, .jsonl or .ndjson file.

    `name` wins over the one in the file; bare cases are else named after the file. `check` sees each assertion with its
    placeholders filled and raises BadAssertionError. Raises SuiteFileError.
    """
    source = Source(str(path), path)
    media = _MEDIA.get(path.suffix.lower())
    if media is None:
        source.open().close()  # no such file, or a directory, is the better message
        raise SuiteFileError(_unknown_suffix(path, tuple(_MEDIA)), file=source.label)
    if media == "yaml":
        return _yaml_suite(source, name=name, folder=path.parent, check=check)
    return _bare_suite(source, media, path.stem if name is None else name, check)


def parse_suite(
    data: bytes,
    *,
    media: SuiteMedia,
    label: str,
    name: str | None = None,
    check: AssertionCheck | None = None,
) -> SuiteFile:
    """The suite in a request body, which `label` names in errors. It cannot refer to files.

    `name` wins over the one in the body; CSV and JSONL have none and need it. Raises SuiteFileError.
    """
    source = Source(label, body=data)
    if media == "yaml":
        return _yaml_suite(source, name=name, folder=None, check=check)
    if name is None:
        raise SuiteFileError("a suite of bare cases needs one.", file=label, field="name")
    return _bare_suite(source, media, name, check)


def _bare_suite(source: Source, media: SuiteMedia, name: str, check: AssertionCheck | None) -> SuiteFile:
    source.open().close()
    suite = SuiteFile(label=source.label, name=name, records=_streamed(source, media), check=check)
    try:
        require_suite_header(suite.name, suite.threshold)
    except RuleViolationError as exc:
        key, _, reason = str(exc).partition(": ")
        raise SuiteFileError(reason, file=source.label, field=key) from exc
    return suite


def _yaml_suite(
    source: Source, *, name: str | None, folder: Path | None, check: AssertionCheck | None
) -> SuiteFile:
    # Loads PyYAML, which the start of the command line tool should not wait for.
    from src.infrastructure.evaluation.suite_files.yaml_suite import read_yaml_suite

    suite = read_yaml_suite(source, name=name, folder=folder, check=check)
    return SuiteFile(
        label=source.label,
        name=suite.name,
        records=_yaml_records(suite.cases, folder),
        check=check,
        description=suite.description,
        threshold=suite.threshold,
        run=suite.run,
        defaults=suite.defaults,
    )


def _yaml_records(cases: Field, folder: Path | None) -> _Records:
    if isinstance(cases.value, list):
        return lambda: map(CaseRecord.of, cases.items())
    path = referred_path(cases, folder)
    media = _MEDIA.get(path.suffix.lower())
    if media is None or media == "yaml":
        raise cases.error(_unknown_suffix(path, (".csv", ".jsonl", ".ndjson")))
    source = Source(str(path), path)
    try:
        source.open().close()
    except SuiteFileError as exc:
        raise cases.error(f"{path}: {exc.reason}") from exc
    return _streamed(source, media)


def _streamed(source: Source, media: SuiteMedia) -> _Records:
    return lambda: csv_records(source) if media == "csv" else jsonl_records(source)


def _unknown_suffix(path: Path, known: tuple[str, ...]) -> str:
    suffix = f"ends in {path.suffix!r}" if path.suffix else "has no suffix"
    return f"the file name {suffix}; it tells the format, and known are {', '.join(known)}."
