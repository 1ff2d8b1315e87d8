"""`autoforge prompt`: the registry."""

from pathlib import Path
from typing import Annotated

import typer

from src.application.prompt import commands
from src.application.prompt.queries import PromptFilter, PromptSummary, PromptView
from src.application.services import Services
from src.domain.prompt.errors import PromptNotFoundError
from src.domain.prompt.prompt import PromptContent, PromptStatus
from src.domain.shared.ids import PromptId
from src.presentation.cli.confirming import YesOption, require_yes
from src.presentation.cli.context import services_of
from src.presentation.cli.errors import InputError
from src.presentation.cli.output import (
    JsonOption,
    LimitOption,
    command_group,
    counted,
    moment,
    say,
    shortened,
    show,
    show_fields,
    show_json,
    show_table,
)
from src.presentation.cli.paging import every
from src.presentation.cli.texts import ContentOption, FileOption, read_text

app = command_group("Create, revise and look at prompts.")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the prompt, or its id.")]
SystemOption = Annotated[
    str | None, typer.Option("--system", help="System message. A file may have it in its front matter.")
]


@app.command("create")
def create(
    ctx: typer.Context,
    title: Annotated[
        str | None, typer.Option(help="What people call it. A file may have it in its front matter.")
    ] = None,
    file: FileOption = None,
    content: ContentOption = None,
    system: SystemOption = None,
    name: Annotated[
        str | None, typer.Option(help="Unique name, with / for folders. Made of the title if absent.")
    ] = None,
    description: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="A tag; may be repeated.")] = None,
    json: JsonOption = False,
) -> None:
    """Create a prompt at version 1, from a file, --content or standard input."""
    with services_of(ctx) as services:
        text, found_title = _read_content(services, file, content, system)
        if title is None and found_title is None:
            raise InputError("--title: the prompt needs one.")
        prompt = commands.create_prompt(
            title=title if title is not None else found_title or "",
            content=text,
            name=name,
            description=description,
            tags=tuple(tag or ()),
            by=services.principal,
            uow=services.unit_of_work(),
            now=services.now(),
        )
        _report(services, prompt.id, f"Created prompt {prompt.name}, version 1.", json=json)


@app.command("list")
def list_prompts(
    ctx: typer.Context,
    status: Annotated[PromptStatus | None, typer.Option(help="Only prompts of this status.")] = None,
    deleted: Annotated[bool, typer.Option("--deleted", help="The deleted prompts instead.")] = False,
    limit: LimitOption = 50,
    json: JsonOption = False,
) -> None:
    """List prompts, newest first."""
    where = PromptFilter(status=status.value if status else None, deleted=deleted)
    with services_of(ctx) as services:
        found = list(every(lambda page: services.prompts.list(where, page), limit=limit))
    if json:
        show_json({"items": found})
    elif found:
        _show_list(found, deleted=deleted)
    else:
        say("No prompts here. Create one: autoforge prompt create --title TEXT --file FILE")


@app.command("show")
def show_prompt(
    ctx: typer.Context,
    name: NameArgument,
    version: Annotated[int | None, typer.Option(min=1, help="This version instead of the newest.")] = None,
    json: JsonOption = False,
) -> None:
    """Show a prompt with its text."""
    with services_of(ctx) as services:
        prompt = find_prompt(services, name)
        shown = services.prompts.get_version(prompt.id, version or prompt.version)
    if json:
        show_json(prompt if version is None else shown)
        return
    is_head = shown.version == prompt.version
    show_fields(
        [
            ("Name", prompt.name),
            ("Title", prompt.title),
            ("Version", f"{shown.version}{'' if is_head else f' (the newest is {prompt.version})'}"),
            ("Status", prompt.status),
            ("Description", prompt.description),
            ("Tags", ", ".join(prompt.tags) or None),
            ("Variables", ", ".join(PromptContent(shown.content, shown.system_message).variables) or None),
            ("Hash", shown.content_hash),
            ("Created", moment(shown.created_at)),
            ("Id", prompt.id),
        ]
    )
    if shown.system_message is not None:
        show(f"\n--- system message\n{shown.system_message}")
    show(f"\n--- content\n{shown.content}")


@app.command("revise")
def revise(
    ctx: typer.Context,
    name: NameArgument,
    file: FileOption = None,
    content: ContentOption = None,
    system: SystemOption = None,
    json: JsonOption = False,
) -> None:
    """Add a version, from a file, --content or standard input."""
    with services_of(ctx) as services:
        prompt_id = PromptId(find_prompt(services, name).id)
        text, _ = _read_content(services, file, content, system)
        prompt = commands.revise_prompt(
            prompt_id=prompt_id,
            content=text,
            by=services.principal,
            uow=services.unit_of_work(),
            now=services.now(),
        )
        _report(services, prompt.id, f"Prompt {prompt.name} is at version {prompt.version}.", json=json)


@app.command("versions")
def versions(
    ctx: typer.Context, name: NameArgument, limit: LimitOption = 50, json: JsonOption = False
) -> None:
    """List the versions of a prompt, newest first."""
    with services_of(ctx) as services:
        prompt_id = find_prompt(services, name).id
        found = list(every(lambda page: services.prompts.list_versions(prompt_id, page), (int,), limit=limit))
    if json:
        show_json({"items": found})
        return
    show_table(
        ("Version", "Created", "Hash", "Text"),
        [(str(v.version), moment(v.created_at), v.content_hash[:8], shortened(v.content, 60)) for v in found],
        right=("Version",),
        wide=("Text",),
    )


@app.command("archive")
def archive(ctx: typer.Context, name: NameArgument, json: JsonOption = False) -> None:
    """Take a prompt out of use; it takes no versions until it is activated."""
    with services_of(ctx) as services:
        prompt_id = PromptId(find_prompt(services, name).id)
        prompt = commands.archive_prompt(
            prompt_id=prompt_id, expected_row_version=None, uow=services.unit_of_work(), now=services.now()
        )
        _report(services, prompt.id, f"Prompt {prompt.name} is archived.", json=json)


@app.command("activate")
def activate(ctx: typer.Context, name: NameArgument, json: JsonOption = False) -> None:
    """Put a draft or an archived prompt into use."""
    with services_of(ctx) as services:
        prompt_id = PromptId(find_prompt(services, name).id)
        prompt = commands.activate_prompt(
            prompt_id=prompt_id, expected_row_version=None, uow=services.unit_of_work(), now=services.now()
        )
        _report(services, prompt.id, f"Prompt {prompt.name} is active.", json=json)


@app.command("delete")
def delete(ctx: typer.Context, name: NameArgument, yes: YesOption = False, json: JsonOption = False) -> None:
    """Hide a prompt and its versions everywhere; `restore` brings them back."""
    with services_of(ctx) as services:
        found = find_prompt(services, name)
        require_yes(yes, f"This deletes prompt {found.name} with {counted(found.version, 'version')}.")
        commands.delete_prompt(
            prompt_id=PromptId(found.id),
            expected_row_version=None,
            uow=services.unit_of_work(),
            now=services.now(),
        )
    if json:
        show_json({"id": found.id, "name": found.name, "deleted": True})
    else:
        show(f"Deleted prompt {found.name}. To bring it back: autoforge prompt restore {found.id}")


@app.command("restore")
def restore(
    ctx: typer.Context,
    prompt: Annotated[str, typer.Argument(metavar="ID", help="Id of a deleted prompt, or its name.")],
    json: JsonOption = False,
) -> None:
    """Bring back a deleted prompt with all its versions."""
    with services_of(ctx) as services:
        named = list(
            every(lambda page: services.prompts.list(PromptFilter(name=prompt, deleted=True), page), limit=1)
        )
        restored = commands.restore_prompt(
            prompt_id=PromptId(named[0].id if named else prompt),
            expected_row_version=None,
            uow=services.unit_of_work(),
            now=services.now(),
        )
        _report(
            services, restored.id, f"Restored prompt {restored.name}, version {restored.version}.", json=json
        )


def find_prompt(services: Services, key: str) -> PromptView:
    """By name, else by id. Raises PromptNotFoundError."""
    try:
        return services.prompts.get_by_name(key)
    except PromptNotFoundError:
        return services.prompts.get(key)


def _read_content(
    services: Services, file: Path | None, content: str | None, system: str | None
) -> tuple[PromptContent, str | None]:
    """Content and title (None without one); only a file can have a front matter."""
    if file is None or content is not None or str(file) == "-":
        return PromptContent(read_text(file, content), system), None
    found, title = services.suite_files.read_prompt(file)
    return (found if system is None else PromptContent(found.text, system)), title


def _report(services: Services, prompt_id: PromptId, line: str, *, json: bool) -> None:
    if json:
        show_json(services.prompts.get(prompt_id))
    else:
        show(line)


def _show_list(found: list[PromptSummary], *, deleted: bool) -> None:
    rows = [(p.name, str(p.version), p.status, moment(p.updated_at), p.title) for p in found]
    if deleted:
        rows = [(*row[:-1], prompt.id) for row, prompt in zip(rows, found, strict=True)]
    columns = ("Name", "Version", "Status", "Changed", "Id" if deleted else "Title")
    show_table(columns, rows, right=("Version",), wide=("Name", "Title"))
