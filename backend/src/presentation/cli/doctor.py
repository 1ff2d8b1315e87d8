"""`autoforge doctor`: what is wrong with this installation, and how to mend it."""

from typing import Any

import typer

from src.core.config.settings.base import SettingsError
from src.presentation.cli.context import opened
from src.presentation.cli.output import JsonOption, show, show_json, show_table

_FAILED = 1
_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command("doctor")
def doctor(ctx: typer.Context, json: JsonOption = False) -> None:
    """Check this installation: what is wrong, and how to mend it. Changes nothing. Exit code 1 when something fails."""
    findings = _findings(ctx)
    if json:
        show_json({"healthy": _is_healthy(findings), "findings": findings})
    else:
        _show(findings)
    raise typer.Exit(0 if _is_healthy(findings) else _FAILED)


def _findings(ctx: typer.Context) -> list[dict[str, Any]]:
    try:
        with opened(ctx) as container:
            return [
                {"check": found.check, "level": found.level, "message": found.message, "fix": found.fix}
                for found in container.doctor()
            ]
    except SettingsError as exc:  # without settings there is nothing else to look at
        fix = "Correct the variable where it is set: the environment, backend/.env or backend/.env.local."
        return [{"check": "settings", "level": "fail", "message": str(exc), "fix": fix}]


def _is_healthy(findings: list[dict[str, Any]]) -> bool:
    return all(found["level"] != "fail" for found in findings)


def _show(findings: list[dict[str, Any]]) -> None:
    from rich.text import Text

    show_table(
        ("", "Check", "Finding"),
        [
            (Text(found["level"], style=_STYLES[found["level"]]), found["check"], found["message"])
            for found in findings
        ],
        wide=("Finding",),
    )
    for found in findings:
        if found["fix"] is not None:
            show(f"\n{found['check']}: {found['fix']}")
    show("\nAll is well." if _is_healthy(findings) else "\nSomething needs mending.")
