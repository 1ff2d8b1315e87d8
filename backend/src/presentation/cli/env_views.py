"""How `autoforge env` shows what it found and did: names and where values come from, never a secret."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from src.core.config.settings.declaration import AppEnv
from src.core.config.settings.faults import Fault
from src.presentation.cli.env_ports import Compared, Completion, Rendering, Shown
from src.presentation.cli.output import NONE, counted, say, show, show_line, show_table

if TYPE_CHECKING:
    from rich.text import Text

_STYLES = {"fail": "bold red", "warn": "yellow"}


def show_completion(found: Completion, *, dry_run: bool) -> None:
    if not (found.made or found.is_new):
        show(f"{found.path} is complete, and was left as it is.")
        return
    verb = ("Would write" if dry_run else "Wrote") if found.is_new else ("Would add" if dry_run else "Added")
    where = "" if found.is_new else f" to {found.path}"
    what = f"{found.path} with " if found.is_new else ""
    show(f"{verb} {what}{counted(len(found.made), 'secret')}{where}: {', '.join(found.made) or NONE}")


def completion_object(found: Completion, *, dry_run: bool) -> dict[str, Any]:
    return {
        "path": str(found.path),
        "is_new": found.is_new,
        "made": list(found.made),
        "dry_run": dry_run,
    }


def tell_of_rendering(found: Rendering, *, only_check: bool) -> None:
    """On stderr: of what holds values there is no result to print."""
    for name, why in found.left_out.items():
        say(f"Left out {name}: {why}.")
    verb = "Would render" if only_check else "Rendered"
    say(f"{verb} {found.output} from {found.template}: {counted(len(found.written), 'setting')}, mode 600.")


def rendering_object(found: Rendering, *, only_check: bool) -> dict[str, Any]:
    return {
        "env": found.env.value,
        "template": str(found.template),
        "output": str(found.output),
        "written": list(found.written),
        "left_out": dict(found.left_out),
        "dry_run": only_check,
    }


def show_faults(env: AppEnv, faults: Sequence[Fault]) -> None:
    if not faults:
        show(f"Nothing is wrong with the files and values of {env.value}.")
        return
    for fault in faults:
        show_line(_line(fault))
        show(f"      {fault.fix}")
    fatal = sum(fault.is_fatal for fault in faults)
    show(f"\n{env.value}: {counted(fatal, 'fault')}, {counted(len(faults) - fatal, 'warning')}.")


def faults_object(env: AppEnv, faults: Sequence[Fault]) -> dict[str, Any]:
    return {
        "env": env.value,
        "healthy": is_healthy(faults),
        "faults": [
            {
                "kind": fault.kind.value,
                "level": _level(fault),
                "name": fault.name,
                "message": fault.message,
                "fix": fault.fix,
            }
            for fault in faults
        ],
    }


def is_healthy(faults: Sequence[Fault]) -> bool:
    return not any(fault.is_fatal for fault in faults)


def show_settings(rows: Sequence[Shown]) -> None:
    show_table(
        ("Setting", "Value", "Source"),
        [(row.name, NONE if row.value is None else row.value, _source(row)) for row in rows],
        wide=("Value",),
    )


def settings_object(env: AppEnv, rows: Sequence[Shown]) -> dict[str, Any]:
    return {"env": env.value, "items": rows}


def show_comparison(first: AppEnv, second: AppEnv, rows: Sequence[Compared]) -> None:
    show_table(
        ("Setting", "", first.value, second.value),
        [(row.name, _result(row, first, second), row.first or NONE, row.second or NONE) for row in rows],
    )


def comparison_object(first: AppEnv, second: AppEnv, rows: Sequence[Compared]) -> dict[str, Any]:
    return {
        "first": first.value,
        "second": second.value,
        "items": [
            {
                "name": row.name,
                "result": _result(row, first, second),
                "sources": {first.value: row.first, second.value: row.second},
            }
            for row in rows
        ],
    }


def _result(row: Compared, first: AppEnv, second: AppEnv) -> str:
    only = {"only first": f"only in {first.value}", "only second": f"only in {second.value}"}
    return only.get(row.result, str(row.result))


def _source(row: Shown) -> str:
    if not row.is_known:
        return f"{row.source}, and is no setting"
    return f"{row.source or NONE}{f', as {row.old_name}' if row.old_name else ''}"


def _level(fault: Fault) -> str:
    return "fail" if fault.is_fatal else "warn"


def _line(fault: Fault) -> "Text":
    from rich.text import Text

    return Text.assemble((_level(fault), _STYLES[_level(fault)]), f"  {fault.kind.value}: {fault.message}")


def tell_of_stale_artefacts(names: Sequence[str]) -> None:
    if not names:
        say("Everything is as the settings are declared.")
        return
    say("Not as the settings are declared:")
    for name in names:
        say(f"  {name}")
    say("Run: autoforge env generate")
