"""The PromptTemplate aggregate: a text whose variables have declared types."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from src.domain.prompt.prompt import PromptContent, checked_name, require_storable
from src.domain.shared.errors import RuleViolationError
from src.domain.shared.ids import Principal, TemplateId, WorkspaceId, new_id
from src.domain.shared.placeholders import (
    JsonValue,
    MissingVariablesError,
    UnknownVariablesError,
    fill,
    placeholders,
)


class VariableType(StrEnum):
    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    JSON = "json"


_PYTHON_TYPES: dict[VariableType, tuple[type, ...]] = {
    VariableType.STRING: (str,),
    VariableType.INTEGER: (int,),
    VariableType.NUMBER: (int, float),
    VariableType.BOOLEAN: (bool,),
    VariableType.JSON: (str, int, float, bool, list, dict, type(None)),
}


@dataclass(frozen=True, slots=True)
class TemplateVariable:
    """One declared variable; one that is not required has a default."""

    name: str
    type: VariableType = VariableType.STRING
    required: bool = True
    default: JsonValue = None
    description: str | None = None

    def __post_init__(self) -> None:
        if not self.required:
            self.require_type(self.default)

    def require_type(self, value: JsonValue) -> None:
        # bool is an int to Python, not to the people who declare variables
        is_bool_as_number = isinstance(value, bool) and bool not in _PYTHON_TYPES[self.type]
        if is_bool_as_number or not isinstance(value, _PYTHON_TYPES[self.type]):
            raise RuleViolationError(
                f"Variable {self.name!r} takes a {self.type.value}, not {type(value).__name__} {value!r:.60}."
            )


@dataclass(eq=False, slots=True, kw_only=True)
class PromptTemplate:
    """A text whose placeholders are exactly its declared `variables`."""

    id: TemplateId
    workspace_id: WorkspaceId
    name: str
    description: str | None
    template: str
    variables: tuple[TemplateVariable, ...]
    category: str
    usage_count: int
    created_at: datetime
    updated_at: datetime
    row_version: int = 0

    @classmethod
    def create(
        cls,
        *,
        name: str,
        template: str,
        variables: tuple[TemplateVariable, ...],
        category: str,
        by: Principal,
        now: datetime,
        description: str | None = None,
    ) -> "PromptTemplate":
        return cls(
            id=TemplateId(new_id()),
            workspace_id=by.workspace_id,
            name=checked_name(name),
            description=_checked_description(description),
            template=_checked_template(template, variables),
            variables=variables,
            category=_checked_category(category),
            usage_count=0,
            created_at=now,
            updated_at=now,
        )

    def change(
        self,
        *,
        now: datetime,
        name: str | None = None,
        description: str | None = None,
        template: str | None = None,
        variables: tuple[TemplateVariable, ...] | None = None,
        category: str | None = None,
    ) -> None:
        """None leaves a field as it is; text and variables are checked against each other as they end up."""
        template = self.template if template is None else template
        variables = self.variables if variables is None else variables
        self.template, self.variables = _checked_template(template, variables), variables
        if name is not None:
            self.name = checked_name(name)
        if description is not None:
            self.description = _checked_description(description) or None
        if category is not None:
            self.category = _checked_category(category)
        self.updated_at = now

    def instantiate(self, values: Mapping[str, JsonValue]) -> str:
        """The text with `values` filled in.

        Raises UnknownVariablesError, MissingVariablesError, or RuleViolationError for a value of the wrong type.
        """
        declared = {variable.name: variable for variable in self.variables}
        if unknown := values.keys() - declared.keys():
            raise UnknownVariablesError(unknown, declared)
        if missing := {v.name for v in self.variables if v.required} - values.keys():
            raise MissingVariablesError(missing)
        for name, value in values.items():
            declared[name].require_type(value)
        return fill(self.template, {v.name: values.get(v.name, v.default) for v in self.variables})


def _checked_template(template: str, variables: tuple[TemplateVariable, ...]) -> str:
    """The template, when the variables that it uses are exactly those that are declared."""
    PromptContent(template)
    declared = [variable.name for variable in variables]
    if repeated := {name for name in declared if declared.count(name) > 1}:
        raise RuleViolationError(f"Declared twice: {', '.join(sorted(repeated))}.")
    used = set(placeholders(template))
    if undeclared := used - set(declared):
        raise RuleViolationError(f"Used but not declared: {', '.join(sorted(undeclared))}.")
    if unused := set(declared) - used:
        raise RuleViolationError(f"Declared but not used: {', '.join(sorted(unused))}.")
    return template


def _checked_category(category: str) -> str:
    if not category.strip() or len(category) > 100:
        raise RuleViolationError(f"A category has 1 to 100 characters, not {len(category)}.")
    require_storable(category, "category")
    return category


def _checked_description(description: str | None) -> str | None:
    require_storable(description or "", "description")
    return description
