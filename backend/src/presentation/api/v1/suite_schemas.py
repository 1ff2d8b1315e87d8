"""Test suites on the wire."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from src.domain.evaluation.assertion import MAX_WEIGHT, AssertionType
from src.domain.evaluation.suite import MAX_NAME_LENGTH
from src.presentation.api.dependencies import PageQuery
from src.presentation.api.wire import MAX_DESCRIPTION_LENGTH, NextCursor, RequestBody

_TYPES = ", ".join(f"`{kind.value}`" for kind in AssertionType)
_ASSERTIONS: list[Any] = [
    {"type": "is-json", "value": {"type": "object", "required": ["category"]}},
    {"type": "contains", "value": "{{expected}}", "weight": 2.0},
    {"type": "not-icontains", "value": "as an AI"},
]
_CASE: dict[str, Any] = {
    "name": "refund",
    "variables": {"message": "I was charged twice. Please refund one."},
    "expected": "billing",
    "threshold": None,
    "assertions": _ASSERTIONS,
}
_SUITE: dict[str, Any] = {
    "id": "0c5cbb9e-0f0d-4d0e-9a0a-4a8b8f4a6c21",
    "name": "support-triage",
    "version": 1,
    "description": "What customers write, half of it Japanese.",
    "threshold": 0.9,
    "case_count": 60,
    "content_hash": "c1f0f6c6cbb1c1f6f0f5f6b1d6a0b6f6a1b2c3d4e5f60718293a4b5c6d7e8f90",
    "created_at": "2026-11-02T10:00:00.000Z",
    "superseded_at": None,
    "row_version": 1,
}


class AssertionIn(RequestBody):
    """One check of an answer."""

    model_config = ConfigDict(json_schema_extra={"examples": _ASSERTIONS})

    type: str = Field(max_length=50, description=f"One of {_TYPES}; each may begin with `not-`.")
    value: Any = Field(
        default=None,
        description="What the answer is compared with; texts in it may use `{{name}}` of the case's variables "
        "and `{{expected}}`. For `is-json` a JSON Schema.",
    )
    threshold: float | None = Field(
        default=None,
        ge=0,
        description="For `levenshtein` a distance, for `latency` milliseconds, for `cost` US dollars.",
    )
    weight: float = Field(
        default=1.0, ge=0, le=MAX_WEIGHT, description="Its share of the case's score; 0: only shown."
    )


class CaseIn(RequestBody):
    """An input and what is checked of the answer to it."""

    model_config = ConfigDict(json_schema_extra={"examples": [_CASE]})

    name: str | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_NAME_LENGTH,
        description="Unique in the suite; `case-0001` and so on by place when absent.",
    )
    variables: dict[str, Any] = Field(
        default_factory=dict, description="Values of the prompt's placeholders."
    )
    expected: str | None = Field(
        default=None, description="The wished-for answer; without assertions the answer must equal it."
    )
    threshold: float | None = Field(
        default=None, ge=0, le=1, description="Least score to pass; when absent every assertion must pass."
    )
    assertions: list[AssertionIn] = Field(default_factory=list, max_length=100)


class SuiteCreate(RequestBody):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "support-triage",
                    "description": "What customers write.",
                    "threshold": 0.9,
                    "cases": [_CASE, {"variables": {"message": "The app crashes."}, "expected": "bug"}],
                }
            ]
        }
    )

    name: str = Field(
        min_length=1, max_length=MAX_NAME_LENGTH, description="A known one makes its next version."
    )
    description: str | None = Field(default=None, max_length=MAX_DESCRIPTION_LENGTH)
    threshold: float = Field(default=1.0, ge=0, le=1, description="Least share of answers that must pass.")
    cases: list[CaseIn] = Field(min_length=1, description="In order.")


class SuiteQuery(PageQuery):
    name: str | None = Field(
        default=None, description="Every version of this suite, instead of all current suites."
    )


class SuiteOut(BaseModel):
    """The head of one version of a suite. Suites never change; changed cases are a new version."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [_SUITE]})

    id: str
    name: str
    version: int
    description: str | None
    threshold: float = Field(description="Least share of answers that must pass, 0 to 1.")
    case_count: int
    content_hash: str = Field(description="SHA-256 of the threshold and all cases.")
    created_at: datetime
    superseded_at: datetime | None = Field(
        description="When a newer version took its place; null on the current one."
    )
    row_version: int = Field(description="The ETag of the row, without its quotes.")


class SuitePage(BaseModel):
    model_config = ConfigDict(
        from_attributes=True, json_schema_extra={"examples": [{"items": [_SUITE], "next_cursor": None}]}
    )

    items: list[SuiteOut]
    next_cursor: NextCursor


class CaseOut(BaseModel):
    model_config = ConfigDict(
        from_attributes=True, json_schema_extra={"examples": [{"position": 0, **_CASE}]}
    )

    position: int = Field(description="Place in the suite, from 0.")
    name: str
    variables: dict[str, Any]
    expected: str | None
    threshold: float | None
    assertions: list[dict[str, Any]] = Field(
        description="As they were written, without what is at its default."
    )


class CasePage(BaseModel):
    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={"examples": [{"items": [{"position": 0, **_CASE}], "next_cursor": None}]},
    )

    items: list[CaseOut]
    next_cursor: NextCursor
