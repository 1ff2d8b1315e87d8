"""Templates on the wire."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from src.domain.prompt.prompt import MAX_NAME_LENGTH
from src.domain.prompt.template import TemplateVariable, VariableType
from src.presentation.api.dependencies import PageQuery
from src.presentation.api.wire import MAX_DESCRIPTION_LENGTH, ChangeBody, NextCursor, RequestBody

MAX_VARIABLES = 200
_TypeName = Literal["string", "integer", "number", "boolean", "json"]
_TEXT = "Write {{count}} subject lines for a mail about {{topic}}."
_VARIABLES: list[Any] = [
    {
        "name": "topic",
        "type": "string",
        "required": True,
        "default": None,
        "description": "What the mail is about.",
    },
    {"name": "count", "type": "integer", "required": False, "default": 3, "description": None},
]
_TEMPLATE: dict[str, Any] = {
    "id": "b8a2e0c4-58f7-4a39-8b55-4f3f4c9a7e10",
    "name": "mail/subject-lines",
    "description": None,
    "template": _TEXT,
    "variables": _VARIABLES,
    "category": "marketing",
    "usage_count": 12,
    "created_at": "2026-11-02T10:00:00.000Z",
    "updated_at": "2026-11-02T10:00:00.000Z",
    "row_version": 1,
}


class VariableIn(RequestBody):
    """A declared variable. One that is not required needs a default of its type."""

    model_config = ConfigDict(json_schema_extra={"examples": _VARIABLES})

    name: str = Field(min_length=1, max_length=MAX_NAME_LENGTH, description="As in the text's `{{name}}`.")
    type: _TypeName = Field(default="string", description="What values it takes.")
    required: bool = Field(default=True, description="Whether a value must be given.")
    default: Any = Field(default=None, description="The value when none is given.")
    description: str | None = Field(default=None, max_length=MAX_DESCRIPTION_LENGTH)

    def to_domain(self) -> TemplateVariable:
        return TemplateVariable(
            name=self.name,
            type=VariableType(self.type),
            required=self.required,
            default=self.default,
            description=self.description,
        )


class TemplateCreate(RequestBody):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "mail/subject-lines",
                    "template": _TEXT,
                    "variables": [
                        {"name": "topic"},
                        {"name": "count", "type": "integer", "required": False, "default": 3},
                    ],
                    "category": "marketing",
                }
            ]
        }
    )

    name: str = Field(max_length=MAX_NAME_LENGTH, description="Unique in the workspace, `/` between folders.")
    template: str = Field(description="Text with `{{name}}` placeholders, each declared in `variables`.")
    variables: list[VariableIn] = Field(
        default_factory=list,
        max_length=MAX_VARIABLES,
        description="Exactly the variables that the text uses.",
    )
    category: str = Field(default="general", min_length=1, max_length=100)
    description: str | None = Field(default=None, max_length=MAX_DESCRIPTION_LENGTH)


class TemplateUpdate(ChangeBody):
    """Fields that are absent or null stay as they are; at least one must be there."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"category": "mail"}]})

    name: str | None = Field(default=None, max_length=MAX_NAME_LENGTH)
    template: str | None = Field(default=None, description="Checked against the variables as they end up.")
    variables: list[VariableIn] | None = Field(
        default=None, max_length=MAX_VARIABLES, description="Replaces all variables."
    )
    category: str | None = Field(default=None, min_length=1, max_length=100)
    description: str | None = Field(
        default=None, max_length=MAX_DESCRIPTION_LENGTH, description="An empty text removes it."
    )


class InstantiateIn(RequestBody):
    model_config = ConfigDict(json_schema_extra={"examples": [{"values": {"topic": "the autumn sale"}}]})

    values: dict[str, Any] = Field(
        default_factory=dict,
        description="A value for each required variable, of its type; others are optional.",
    )


class InstantiateOut(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"content": "Write 3 subject lines for a mail about the autumn sale."}]
        }
    )

    content: str = Field(description="The text with all values filled in.")


class TemplateQuery(PageQuery):
    category: str | None = Field(default=None, description="Only those of this category.")


class VariableOut(BaseModel):
    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": _VARIABLES})

    name: str
    type: _TypeName = "string"
    required: bool = True
    default: Any = None
    description: str | None = None


class TemplateOut(BaseModel):
    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [_TEMPLATE]})

    id: str
    name: str
    description: str | None
    template: str
    variables: list[VariableOut]
    category: str
    usage_count: int = Field(
        description="How often it was instantiated; counting changes neither row_version nor ETag."
    )
    created_at: datetime
    updated_at: datetime
    row_version: int = Field(description="The ETag of the row, without its quotes.")


class TemplatePage(BaseModel):
    model_config = ConfigDict(
        from_attributes=True, json_schema_extra={"examples": [{"items": [_TEMPLATE], "next_cursor": None}]}
    )

    items: list[TemplateOut]
    next_cursor: NextCursor
