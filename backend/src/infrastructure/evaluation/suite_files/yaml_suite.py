"""The YAML form of a suite: its head, its run settings and where its cases are."""

from dataclasses import dataclass
from pathlib import Path

from src.application.evaluation.ports import RunDefaults
from src.domain.evaluation.suite import require_suite_header
from src.domain.shared.errors import RuleViolationError
from src.infrastructure.evaluation.suite_files.case_fields import AssertionCheck, Defaults, read_defaults
from src.infrastructure.evaluation.suite_files.run_defaults import RUN_KEYS, read_run_defaults
from src.infrastructure.shared.input_files.located import Field
from src.infrastructure.shared.input_files.source import Source
from src.infrastructure.shared.input_files.yaml_tree import read_yaml

MAX_YAML_BYTES = 64 * 1024 * 1024
_KEYS = ("name", "description", "threshold", *RUN_KEYS, "defaults", "cases")


@dataclass(frozen=True, slots=True)
class YamlSuite:
    """`cases` holds a list that is not empty, or the path of a file."""

    name: str
    description: str | None
    threshold: float
    run: RunDefaults
    defaults: Defaults
    cases: Field


def read_yaml_suite(
    source: Source, *, name: str | None, folder: Path | None, check: AssertionCheck | None
) -> YamlSuite:
    """`name` wins over the file's own; `folder` is where its relative paths begin, None = it may name no file."""
    root = read_yaml(source.text(max_bytes=MAX_YAML_BYTES), file=source.label)
    if root.value is None:
        raise root.error("the file is empty; a suite needs at least `name` and `cases`.")
    fields = root.mapping(_KEYS)
    if name is None and "name" not in fields:
        raise root.child("name").error("is missing; it is the suite's name in the workspace.")
    own_name = fields["name"].text() if "name" in fields else ""
    suite = YamlSuite(
        name=own_name if name is None else name,
        description=fields["description"].text() if "description" in fields else None,
        threshold=fields["threshold"].number() if "threshold" in fields else 1.0,
        run=read_run_defaults(fields, folder),
        defaults=read_defaults(fields["defaults"], check) if "defaults" in fields else Defaults(),
        cases=_cases(root),
    )
    try:
        require_suite_header(suite.name, suite.threshold)
    except RuleViolationError as exc:
        key, _, reason = str(exc).partition(": ")
        raise root.child(key).error(reason) from exc
    return suite


def _cases(root: Field) -> Field:
    cases = root.child("cases")
    if cases.value is None:
        raise cases.error("is missing; it is a list of cases, or the path of a .csv or .jsonl file.")
    if not isinstance(cases.value, list | str):
        raise cases.error("takes a list of cases, or the path of a .csv or .jsonl file.")
    if not cases.value:
        raise cases.error("there are no cases in it.")
    return cases
