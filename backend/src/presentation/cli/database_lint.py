"""`autoforge db lint`: what in a migration could lose data, stop a running release, or fail on Turso."""

from pathlib import Path
from typing import Annotated

import typer

from src.presentation.cli.context import opened
from src.presentation.cli.output import JsonOption, counted, show, show_json

_FAILED = 1

FilesArgument = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[FILE]...",
        help="Migrations to judge, by default those of this version. A file is judged as if it lay beside "
        "them, a folder as a chain of its own.",
    ),
]


def lint(ctx: typer.Context, files: FilesArgument = None, json: JsonOption = False) -> None:
    """Read migrations, without running them, for what could lose data, stop a running release, or fail on Turso.

    Exit code 1 with findings. docs/migrations.md has for each of them what to write instead.
    """
    with opened(ctx) as container:
        report = container.lint_migrations(files or [])
    if json:
        findings = [
            {
                "path": found.path,
                "line": found.line,
                "code": found.code,
                "name": found.name,
                "message": found.message,
                "recipe": found.recipe,
            }
            for found in report.findings
        ]
        show_json({"files": list(report.files), "findings": findings})
    else:
        for found in report.findings:
            show(f"{found}\n    {found.recipe}")
        said = counted(len(report.findings), "finding") if report.findings else "no findings"
        show(f"{counted(len(report.files), 'migration')}, {said}.")
    raise typer.Exit(_FAILED if report.findings else 0)
