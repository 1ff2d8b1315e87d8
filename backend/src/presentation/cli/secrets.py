"""`autoforge secrets`: the values and the protection of an environment at GitHub."""

from pathlib import Path
from typing import Annotated, Any

import typer

from src.core.config.settings.base import AppEnv
from src.presentation.cli import secrets_views as views
from src.presentation.cli.context import opened
from src.presentation.cli.output import JsonOption, command_group, say, show_json
from src.presentation.cli.secrets_ports import Environment, GithubSecrets, Step

app = command_group("Secrets, variables and protection of the environments at GitHub.")

_FAILED = 1


EnvOption = Annotated[Environment, typer.Option("--env", help="The environment at GitHub.")]
OnlyOption = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="NAME", help="Only this value, under either of its names; repeatable."),
]
FromOption = Annotated[
    Path | None,
    typer.Option("--from", metavar="FILE", help="File with values, backend/.env.{env} if absent."),
]
ForceOption = Annotated[bool, typer.Option("--force", help="Send also what has not changed.")]
ReviewerOption = Annotated[
    list[str] | None,
    typer.Option("--reviewer", metavar="USER", help="Let this user approve deploys, too; repeatable."),
]
PruneOption = Annotated[
    bool, typer.Option("--prune", help="Take away branches and tags beside ours that may deploy.")
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]


@app.command("plan")
def plan(
    ctx: typer.Context,
    env: EnvOption,
    only: OnlyOption = None,
    file: FromOption = None,
    force: ForceOption = False,
    reviewers: ReviewerOption = None,
    prune: PruneOption = False,
    json: JsonOption = False,
) -> None:
    """Show each value that has to be at GitHub, whether it is, and what push would do. Changes nothing."""
    _plan(ctx, env, _options(only, file, reviewers, force=force, prune=prune), json=json, dry_run=False)


@app.command("push")
def push(
    ctx: typer.Context,
    env: EnvOption,
    only: OnlyOption = None,
    file: FromOption = None,
    force: ForceOption = False,
    reviewers: ReviewerOption = None,
    prune: PruneOption = False,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """Protect the environment, and send the values that have changed, secrets in sealed boxes.

    They come from variables of their name at GitHub (STAGING_TURSO_AUTH_TOKEN) and from backend/.env.{env}. Exit code 1
    when GitHub does not take all of the protection.
    """
    options = _options(only, file, reviewers, force=force, prune=prune)
    if dry_run:
        _plan(ctx, env, options, json=json, dry_run=True)
        return

    def on_step(step: Step) -> None:
        if not json:
            views.show_sent(step)

    with opened(ctx) as container:
        pushed = container.github_secrets.push(
            AppEnv(env), on_step=on_step, on_wait=lambda: say("Waiting for another push to end."), **options
        )
    if json:
        show_json(views.pushed_object(pushed))
    else:
        views.show_pushed(pushed)
    raise typer.Exit(0 if pushed.is_protected else _FAILED)


@app.command("check")
def check(
    ctx: typer.Context,
    env: EnvOption,
    file: FromOption = None,
    accept: Annotated[
        list[str] | None,
        typer.Option(
            "--accept", metavar="NAME", help="Somebody else changed this one, and that is right; repeatable."
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Look for what is missing at GitHub, unknown, changed by somebody else, other than here, or over 90 days old.

    Exit code 1 when something has to be mended.
    """
    with opened(ctx) as container:
        secrets: GithubSecrets = container.github_secrets
        if accept:
            secrets.accept(AppEnv(env), accept)
        facts = secrets.examine(AppEnv(env), file=file)
    if json:
        show_json(views.facts_object(facts))
    else:
        views.show_facts(facts)
    raise typer.Exit(0 if facts.is_good else _FAILED)


def _plan(
    ctx: typer.Context, env: Environment, options: dict[str, Any], *, json: bool, dry_run: bool
) -> None:
    """A dry run fails where push would refuse; a plan does not."""
    with opened(ctx) as container:
        found = container.github_secrets.plan(AppEnv(env), **options)
    if json:
        show_json({**views.plan_object(found, is_protected=found.is_protected), "dry_run": dry_run})
    else:
        views.show_plan(found)
    raise typer.Exit(_FAILED if dry_run and found.faults else 0)


def _options(
    only: list[str] | None, file: Path | None, reviewers: list[str] | None, *, force: bool, prune: bool
) -> dict[str, Any]:
    return {
        "only": tuple(only or ()),
        "file": file,
        "force": force,
        "reviewers": tuple(reviewers or ()),
        "prune": prune,
    }
