"""`autoforge suite`: test suites."""

from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from src.application.evaluation import commands
from src.application.evaluation.ports import SuiteFile
from src.application.evaluation.queries import SuiteCaseView, SuiteView
from src.application.services import Services
from src.application.shared.page import PageRequest
from src.domain.evaluation.errors import SuiteNotFoundError
from src.domain.shared.errors import RuleViolationError
from src.domain.shared.placeholders import as_text
from src.presentation.cli.context import opened, services_of
from src.presentation.cli.output import (
    NONE,
    JsonOption,
    LimitOption,
    command_group,
    counted,
    moment,
    percent,
    say,
    short_id,
    shortened,
    show,
    show_fields,
    show_json,
    show_table,
)
from src.presentation.cli.paging import every

app = command_group("Test suites: cases and what is checked of each answer.")

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="A .yaml, .csv or .jsonl file.")]


@app.command("import")
def import_suite(
    ctx: typer.Context,
    file: FileArgument,
    name: Annotated[str | None, typer.Option(help="Store it under this name.")] = None,
    json: JsonOption = False,
) -> None:
    """Store a suite; changed content becomes its next version, the same content changes nothing."""
    with services_of(ctx) as services:
        source = services.suite_files.open(file, name=name)
        suite, is_new = commands.import_suite(
            source, by=services.principal, uow=services.unit_of_work(), now=services.now()
        )
        if json:
            show_json({"suite": services.suites.get(suite.id), "created": is_new})
        else:
            done = "Imported" if is_new else "Unchanged:"
            show(f"{done} suite {suite.name}, version {suite.version}, {counted(suite.case_count, 'case')}.")


@app.command("check")
def check(ctx: typer.Context, file: FileArgument, json: JsonOption = False) -> None:
    """Load a suite file and check every case and assertion; nothing is stored."""
    with opened(ctx) as container:
        source = container.services.suite_files.open(file)
        number = _check_cases(source, container.services)
    if json:
        show_json({"name": source.name, "cases": number, "threshold": source.threshold})
    else:
        show(f"{source.name}: {counted(number, 'case')}, no mistakes. Threshold {percent(source.threshold)}.")


@app.command("list")
def list_suites(ctx: typer.Context, limit: LimitOption = 50, json: JsonOption = False) -> None:
    """List the stored suites, newest first."""
    with services_of(ctx) as services:
        found = list(every(lambda page: services.suites.list(None, page), limit=limit))
    if json:
        show_json({"items": found})
    elif found:
        rows = [
            (
                s.name,
                str(s.version),
                f"{s.case_count:,}",
                percent(s.threshold),
                moment(s.created_at),
                short_id(s.id),
            )
            for s in found
        ]
        columns = ("Name", "Version", "Cases", "Threshold", "Imported", "Id")
        show_table(columns, rows, right=("Version", "Cases", "Threshold"), wide=("Name",))
    else:
        say("No suites yet. Import one: autoforge suite import FILE")


@app.command("show")
def show_suite(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the suite.")],
    cases: Annotated[int, typer.Option(min=1, help="Most cases to print.")] = 10,
    json: JsonOption = False,
) -> None:
    """Show a suite and its first cases."""
    with services_of(ctx) as services:
        suite = find_suite(services, name)
        shown = list(every(lambda page: services.suites.list_cases(suite.id, page), (int,), limit=cases))
    if json:
        show_json({"suite": suite, "cases": shown})
        return
    show_fields(
        [
            ("Name", suite.name),
            ("Version", str(suite.version)),
            ("Description", suite.description),
            ("Cases", f"{suite.case_count:,}"),
            ("Threshold", percent(suite.threshold)),
            ("Hash", suite.content_hash),
            ("Imported", moment(suite.created_at)),
            ("Id", suite.id),
        ]
    )
    show("")
    show_table(
        ("Case", "Expected", "Checks", "Variables"),
        [_case_row(case) for case in shown],
        wide=("Case", "Variables"),
    )
    if suite.case_count > len(shown):
        say(f"… and {suite.case_count - len(shown):,} more: --cases {suite.case_count}")


def find_suite(services: Services, name: str) -> SuiteView:
    """The newest version of the suite of that name. Raises SuiteNotFoundError."""
    versions = services.suites.list(name, PageRequest(1)).items
    if not versions:
        raise SuiteNotFoundError(name)
    return versions[0]


def _check_cases(source: SuiteFile, services: Services) -> int:
    """Number of cases. Raises what loading a wrong one raises, also when the suite's prompt needs more variables."""
    needed: set[str] = set()
    if source.run.prompt_file is not None:
        content, _ = services.suite_files.read_prompt(source.run.prompt_file)
        needed = set(content.variables)
    number = 0
    for case in source.cases():
        number += 1
        if missing := needed - case.variables.keys():
            raise RuleViolationError(
                f"{case.origin or case.name}: variables: the prompt {source.run.prompt_file} "
                f"needs {', '.join(sorted(missing))}."
            )
    return number


def _case_row(case: SuiteCaseView) -> tuple[str, str, str, str]:
    types = ", ".join(str(assertion.get("type")) for assertion in islice(case.assertions, 4))
    variables = ", ".join(f"{name}: {as_text(value)}" for name, value in case.variables.items())
    return (
        case.name,
        NONE if case.expected is None else shortened(case.expected, 30),
        types,
        shortened(variables, 60),
    )
