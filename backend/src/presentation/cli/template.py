"""`autoforge template`: texts with typed variables."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from src.application.prompt import template_commands
from src.application.prompt.queries import TemplateView
from src.application.services import Services
from src.domain.prompt.errors import TemplateNotFoundError
from src.domain.prompt.template import TemplateVariable, VariableType
from src.domain.shared.ids import TemplateId
from src.domain.shared.placeholders import JsonValue, placeholders
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
    show,
    show_fields,
    show_json,
    show_table,
)
from src.presentation.cli.paging import every
from src.presentation.cli.texts import (
    ContentOption,
    FileOption,
    as_json_value,
    read_assignments,
    read_mapping,
    read_structure,
    read_text,
)

app = command_group("Texts with typed variables, filled on demand.")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the template, or its id.")]
_VARIABLE_KEYS = {"name", "type", "required", "default", "description"}


@app.command("create")
def create(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Unique name, with / for folders.")],
    file: FileOption = None,
    content: ContentOption = None,
    variables: Annotated[
        Path | None,
        typer.Option(help="JSON or YAML list of variables (name, type, required, default, description)."),
    ] = None,
    category: Annotated[str, typer.Option(help="Where it belongs.")] = "general",
    description: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    json: JsonOption = False,
) -> None:
    """Create a template. Without --variables each {{name}} in it is a required string."""
    text = read_text(file, content)
    declared = _infer_variables(text) if variables is None else _read_variables(variables)
    with services_of(ctx) as services:
        template = template_commands.create_template(
            name=name,
            template=text,
            variables=declared,
            category=category,
            description=description,
            by=services.principal,
            uow=services.unit_of_work(),
            now=services.now(),
        )
        if json:
            show_json(services.templates.get(template.id))
        else:
            show(f"Created template {template.name} with {counted(len(declared), 'variable')}.")


@app.command("list")
def list_templates(
    ctx: typer.Context,
    category: Annotated[str | None, typer.Option(help="Only templates of this category.")] = None,
    limit: LimitOption = 50,
    json: JsonOption = False,
) -> None:
    """List templates, newest first."""
    with services_of(ctx) as services:
        found = list(every(lambda page: services.templates.list(category, page), limit=limit))
    if json:
        show_json({"items": found})
    elif found:
        rows = [
            (t.name, t.category, _names(t.variables), str(t.usage_count), moment(t.updated_at)) for t in found
        ]
        show_table(
            ("Name", "Category", "Variables", "Used", "Changed"),
            rows,
            right=("Used",),
            wide=("Name", "Variables"),
        )
    else:
        say("No templates here. Create one: autoforge template create NAME --file FILE")


@app.command("show")
def show_template(ctx: typer.Context, name: NameArgument, json: JsonOption = False) -> None:
    """Show a template with its variables and its text."""
    with services_of(ctx) as services:
        template = _find_template(services, name)
    if json:
        show_json(template)
        return
    show_fields(
        [
            ("Name", template.name),
            ("Category", template.category),
            ("Description", template.description),
            ("Used", counted(template.usage_count, "time")),
            ("Id", template.id),
        ]
    )
    if template.variables:
        show("")
        show_table(
            ("Variable", "Type", "Default", "Description"), [_variable_row(v) for v in template.variables]
        )
    show(f"\n--- template\n{template.template}")


@app.command("instantiate")
def instantiate(
    ctx: typer.Context,
    name: NameArgument,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A variable's value; may be repeated."),
    ] = None,
    values: Annotated[Path | None, typer.Option(help="JSON or YAML file of values; --set wins.")] = None,
    json: JsonOption = False,
) -> None:
    """Print the text with its variables filled in."""
    given: dict[str, JsonValue] = read_mapping(values) if values is not None else {}
    with services_of(ctx) as services:
        template = _find_template(services, name)
        types = {str(variable["name"]): variable.get("type") for variable in template.variables}
        for key, text in read_assignments(assignments or ()).items():
            given[key] = (
                text if types.get(key, VariableType.STRING) == VariableType.STRING else as_json_value(text)
            )
        filled = template_commands.instantiate_template(
            template_id=TemplateId(template.id), values=given, uow=services.unit_of_work()
        )
    if json:
        show_json({"text": filled})
    else:
        show(filled)


@app.command("delete")
def delete(ctx: typer.Context, name: NameArgument, yes: YesOption = False, json: JsonOption = False) -> None:
    """Delete a template for good."""
    with services_of(ctx) as services:
        template = _find_template(services, name)
        require_yes(yes, f"This deletes template {template.name} for good.")
        template_commands.delete_template(
            template_id=TemplateId(template.id), expected_row_version=None, uow=services.unit_of_work()
        )
    if json:
        show_json({"id": template.id, "name": template.name, "deleted": True})
    else:
        show(f"Deleted template {template.name}.")


def _find_template(services: Services, key: str) -> TemplateView:
    """By name, else by id. Raises TemplateNotFoundError."""
    try:
        return services.templates.get_by_name(key)
    except TemplateNotFoundError:
        return services.templates.get(key)


def _infer_variables(text: str) -> tuple[TemplateVariable, ...]:
    return tuple(TemplateVariable(name) for name in placeholders(text))


def _read_variables(path: Path) -> tuple[TemplateVariable, ...]:
    entries = read_structure(path)
    if not isinstance(entries, list):
        raise InputError(f"{path}: takes a list of variables.")
    return tuple(_variable(entry, f"{path}, variable {number}") for number, entry in enumerate(entries, 1))


def _variable(entry: Any, where: str) -> TemplateVariable:
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        raise InputError(f"{where}: a variable is a mapping with a `name`.")
    if unknown := entry.keys() - _VARIABLE_KEYS:
        raise InputError(f"{where}: unknown key {min(map(str, unknown))!r:.60}.")
    try:
        kind = VariableType(entry.get("type", "string"))
    except ValueError as exc:
        known = ", ".join(kind.value for kind in VariableType)
        raise InputError(f"{where}: type: {entry.get('type')!r:.60} is none of {known}.") from exc
    required = entry.get("required", "default" not in entry)
    if not isinstance(required, bool):
        raise InputError(f"{where}: required: takes true or false.")
    return TemplateVariable(entry["name"], kind, required, entry.get("default"), entry.get("description"))


def _names(variables: Sequence[Mapping[str, JsonValue]]) -> str:
    return ", ".join(str(variable["name"]) for variable in variables)


def _variable_row(variable: Mapping[str, JsonValue]) -> tuple[str, str, str, str]:
    default = "required" if variable.get("required", True) else repr(variable.get("default"))
    return str(variable["name"]), str(variable.get("type")), default, str(variable.get("description") or "")
