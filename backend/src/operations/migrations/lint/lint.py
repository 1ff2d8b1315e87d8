"""Reads migrations and says what in them could lose data, stop a running release, or fail on Turso.

A file is judged as if it lay beside the migrations of this project; a folder is a chain of its own.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError

from src.domain.shared.errors import RuleViolationError
from src.operations.migrations.lint.chain_rules import check_chain
from src.operations.migrations.lint.data_rules import check_data
from src.operations.migrations.lint.file_rules import check_file
from src.operations.migrations.lint.markers import Marker, read_markers
from src.operations.migrations.lint.migration import Migration
from src.operations.migrations.lint.rule import CONTRACT, NOT_A_MIGRATION, UNUSED_MARKER, Finding, finding
from src.operations.migrations.lint.schema_rules import Made, check_parents, check_schema
from src.operations.migrations.lint.steps import Taken, steps_of
from src.operations.migrations.lint.transaction_rules import check_transactions


class UnreadableError(ValueError):
    """A file that Python cannot parse."""

    def __init__(self, reason: str, line: int) -> None:
        super().__init__(reason)
        self.line = line


class NothingToLintError(RuleViolationError):
    """A path that is not there, or a folder without migrations."""

    code = "nothing_to_lint"
    title = "There is nothing to lint"


@dataclass(frozen=True, slots=True)
class Report:
    """`files` are those that were judged, `findings` what was found in them, in order."""

    files: tuple[str, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class _Read:
    migration: Migration
    markers: Sequence[Marker]
    steps: Sequence[Taken]
    findings: Sequence[Finding]


def lint(paths: Sequence[Path], *, project: Path) -> Report:
    """Judges files and folders, by default the folder `project`. Raises NothingToLintError."""
    files: set[str] = set()
    findings: list[Finding] = []
    for folder in [path for path in paths if path.is_dir()] or ([] if paths else [project]):
        sources = _sources(folder)
        if not sources:
            raise NothingToLintError(f"There are no migrations in {folder}.")
        files |= sources.keys()
        findings += check(sources)
    single = [path for path in paths if not path.is_dir()]
    if single:
        asked = {_shown(path): _read(path) for path in single}
        files |= asked.keys()
        findings += (found for found in check(_sources(project) | asked) if found.path in asked)
    return Report(tuple(sorted(files)), tuple(sorted(set(findings))))


def check(sources: Mapping[str, bytes]) -> list[Finding]:
    """What is wrong with the migrations of one chain, given by path."""
    findings: list[Finding] = []
    read: list[_Read] = []
    for path, source in sources.items():
        try:
            read.append(_judged(*_parsed(path, source)))
        except UnreadableError as exc:
            findings.append(finding(NOT_A_MIGRATION, path, f"Python cannot read it: {exc}", at=exc.line))
        except (RecursionError, MemoryError):
            findings.append(finding(NOT_A_MIGRATION, path, "it is nested too deeply to be read"))
    chain = list(check_chain([found.migration for found in read]))
    parents = {table for found in read for taken in found.steps for table in taken.step.refers_to}
    for one in read:
        path = one.migration.path
        found = [*one.findings, *check_parents(one.migration, one.steps, parents)]
        findings += _unmarked(one, [*found, *(each for each in chain if each.path == path)])
    return findings


def _parsed(path: str, source: bytes) -> tuple[Migration, list[Marker], list[Finding]]:
    try:
        text = source.decode("utf-8-sig")
        return Migration(path, text), *read_markers(path, text)
    except (SyntaxError, ValueError, TokenError) as exc:
        # a ValueError is of what is not UTF-8, or has a NUL in it
        reason, line = getattr(exc, "msg", None) or str(exc), getattr(exc, "lineno", None) or 1
        raise UnreadableError(reason, line) from None


def _judged(migration: Migration, markers: Sequence[Marker], unclear: Iterable[Finding]) -> _Read:
    steps = steps_of(migration)
    made = Made(steps)
    return _Read(
        migration,
        markers,
        steps,
        [
            *unclear,
            *check_file(migration),
            *check_schema(migration, steps, made),
            *check_data(migration, steps, made),
            *check_transactions(migration, steps),
        ],
    )


def _unmarked(one: _Read, findings: Iterable[Finding]) -> Iterator[Finding]:
    """The findings that no marker speaks of, and the markers that speak of no finding."""
    used: set[Marker] = set()
    for found in findings:
        speaking = [marker for marker in one.markers if _speaks_of(marker, found)]
        used |= set(speaking)
        if not speaking:
            yield found
    for marker in one.markers:
        if marker not in used:
            is_contract = marker.kind == "contract"
            what = "nothing here needs a contract step" if is_contract else "it allows nothing that is there"
            yield finding(UNUSED_MARKER, one.migration.path, what, at=marker.line)


def _speaks_of(marker: Marker, found: Finding) -> bool:
    return found.code in CONTRACT if marker.kind == "contract" else marker.covers(found)


def _sources(folder: Path) -> dict[str, bytes]:
    """What Alembic would read in `folder`."""
    files = (
        path for path in folder.glob("*.py") if path.name != "__init__.py" and not path.name.startswith(".")
    )
    return {_shown(path): _read(path) for path in sorted(files)}


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise NothingToLintError(f"{path} cannot be read: {exc.strerror or exc}.") from None


def _shown(path: Path) -> str:
    """Relative to where the caller stands, when it is below."""
    absolute = path.resolve()
    here = Path.cwd().resolve()
    return str(absolute.relative_to(here) if absolute.is_relative_to(here) else absolute)
