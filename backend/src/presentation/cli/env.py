"""`autoforge env`: the files that hold the values of an environment, and commands run with them."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from src.core.config.settings.base import AppEnv
from src.presentation.cli import env_views as views
from src.presentation.cli.context import opened
from src.presentation.cli.env_ports import EnvFiles
from src.presentation.cli.errors import InputError
from src.presentation.cli.output import JsonOption, command_group, say, show_json

app = command_group("Environment files: make, render, check, compare, and run commands with them.")

_FAILED = 1


class Form(StrEnum):
    DOTENV = "dotenv"
    JSON = "json"


EnvOption = Annotated[AppEnv | None, typer.Option("--env", help="The environment; APP_ENV if absent.")]
GivenEnvOption = Annotated[AppEnv, typer.Option("--env", help="The environment.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]


@app.command("init")
def init(ctx: typer.Context, dry_run: DryRunOption = False, json: JsonOption = False) -> None:
    """Make backend/.env.local with secrets of its own, or add those that it lacks. What is there stays as it is."""
    with _env_files(ctx) as files:
        found = files.complete(dry_run=dry_run)
    if json:
        show_json(views.completion_object(found, dry_run=dry_run))
    else:
        views.show_completion(found, dry_run=dry_run)


@app.command("render")
def render(
    ctx: typer.Context,
    env: GivenEnvOption,
    template: Annotated[
        Path | None, typer.Option(help="The template; backend/.env.ENV.template if absent.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="The file to write; backend/.env.ENV if absent, with .json for JSON.")
    ] = None,
    form: Annotated[Form, typer.Option("--format", help="How it is written.")] = Form.DOTENV,
    secrets_only: Annotated[
        bool, typer.Option("--secrets-only", help="Only what is kept at GitHub, for `wrangler secret bulk`.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Say what would be rendered, and write nothing.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Fill in the template of staging or production from the environment. Names every fault, or writes the whole file.

    Values come from the variables that the template names, such as STAGING_TURSO_AUTH_TOKEN. The file has mode 0600.
    No value is ever printed, and nothing at all to stdout but names with --json.
    """
    if env is AppEnv.LOCAL:
        raise InputError("--env local: has no template. Run: autoforge env init")
    with _env_files(ctx) as files:
        found = files.plan_rendering(
            env, template=template, output=output, form=form.value, only_secrets=secrets_only
        )
        if not check:
            found.write()
    if json:
        show_json(views.rendering_object(found, only_check=check))
    else:
        views.tell_of_rendering(found, only_check=check)


@app.command("check")
def check(
    ctx: typer.Context,
    env: EnvOption = None,
    fix: Annotated[
        bool, typer.Option("--fix", help="Close files that others may read (mode 0600); nothing else.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Check the files of an environment and the values that it gets. Exit code 1 when something is wrong.

    Looks for what is missing, unknown, still a placeholder, of the wrong type, weak, expired, of another environment
    or in disagreement; and for files that others may read, that are links, or that git tracks or does not ignore.
    """
    with _env_files(ctx) as files:
        chosen = env or files.own_env
        if fix:
            for path in files.mend_modes(chosen):
                say(f"Closed {path} to others (mode 600).")
        found = files.examine(chosen)
    if json:
        show_json(views.faults_object(chosen, found))
    else:
        views.show_faults(chosen, found)
    raise typer.Exit(0 if views.is_healthy(found) else _FAILED)


@app.command("exec", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
def execute(
    ctx: typer.Context,
    env: GivenEnvOption,
    command: Annotated[list[str], typer.Argument(metavar="COMMAND", help="The command and its words.")],
    passed: Annotated[
        list[str] | None,
        typer.Option("--pass", metavar="NAME", help="Also hand over this variable of here; repeatable."),
    ] = None,
) -> None:
    """Run a command with exactly the values of an environment's files, and nothing else of what is set here.

    Of this environment only what programs need of the machine goes along (PATH, HOME, LANG, TZ, TERM, SSL_CERT_FILE…).
    No shell is in between; signals and the exit code are the command's own. Nothing is run when the file is not there,
    a required value is missing, or one is still a placeholder.
    """
    with _env_files(ctx) as files:
        failed = files.run(env, command, passed or ())
    say(f"Error: {failed.message}")
    raise typer.Exit(failed.code)


@app.command("diff")
def diff(
    ctx: typer.Context,
    first: Annotated[AppEnv, typer.Argument(metavar="A", help="An environment.")],
    second: Annotated[AppEnv, typer.Argument(metavar="B", help="Another one.")],
    json: JsonOption = False,
) -> None:
    """Compare two environments: which settings are the same, which differ, and where each value comes from.

    Files and defaults are compared, not what is set here. No value is shown, nor how long it is.
    """
    with _env_files(ctx) as files:
        _tell_of_missing_files(files, first, second)
        found = files.compare(first, second)
    if json:
        show_json(views.comparison_object(first, second, found))
    else:
        views.show_comparison(first, second, found)


@app.command("show")
def show_values(ctx: typer.Context, env: EnvOption = None, json: JsonOption = False) -> None:
    """Show every setting of an environment and where its value comes from; of a secret only that it is set."""
    with _env_files(ctx) as files:
        chosen = env or files.own_env
        _tell_of_missing_files(files, chosen)
        found = files.show(chosen)
    if json:
        show_json(views.settings_object(chosen, found))
    else:
        views.show_settings(found)


@app.command("generate")
def generate(
    ctx: typer.Context,
    check: Annotated[
        bool, typer.Option("--check", help="Say which are stale, and write nothing. Exit code 1 when one is.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Make anew what the declaration of the settings decides: templates, blocks of workflows, pages, lists of secrets.

    For working on the code, in a clone: after a setting was added or changed.
    """
    with _env_files(ctx) as files:
        found = files.generate(only_check=check)
        names = [str(path.relative_to(files.folder.parent)) for path in found]
    if json:
        show_json({"stale" if check else "written": names})
    elif check:
        views.tell_of_stale_artefacts(names)
    else:
        say(f"Wrote {', '.join(names)}" if names else "Everything is as the settings are declared.")
    raise typer.Exit(_FAILED if check and names else 0)


@contextmanager
def _env_files(ctx: typer.Context) -> Iterator[EnvFiles]:
    with opened(ctx) as container:
        yield container.env_files


def _tell_of_missing_files(files: EnvFiles, *environments: AppEnv) -> None:
    for env in environments:
        path = files.folder / f".env.{env.value}"
        if not path.exists():
            say(f"Note: {path} is not there.")
