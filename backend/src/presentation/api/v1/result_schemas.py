"""Results of evaluations on the wire."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from src.presentation.api.dependencies import PageQuery
from src.presentation.api.wire import NextCursor

_RESULT: dict[str, Any] = {
    "id": "51b3d6a8-0b8a-4b0e-8e02-b0d8b8e0a5a7",
    "position": 0,
    "repeat": 1,
    "case_name": "refund",
    "outcome": "passed",
    "score": 1.0,
    "passed": True,
    "input": {"message": "I was charged twice. Please refund one."},
    "expected": "billing",
    "output": "billing",
    "error": None,
    "assertions": [{"type": "equals", "passed": True, "score": 1.0, "reason": "equal", "weight": 1.0}],
    "latency_ms": 104.0,
    "attempts": 1,
    "prompt_tokens": 86,
    "completion_tokens": 2,
    "token_count": 88,
    "cost_usd": None,
    "created_at": "2026-11-09T08:30:00.400Z",
}


class ResultQuery(PageQuery):
    outcome: Literal["passed", "failed", "errored"] | None = Field(default=None, description="Only these.")


class ResultOut(BaseModel):
    """One answer and its verdict, or the reason why there is none."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [_RESULT]})

    id: str
    position: int | None = Field(description="The case's place in its suite, from 0.")
    repeat: int
    case_name: str
    outcome: Literal["passed", "failed", "errored"]
    score: float
    passed: bool
    input: dict[str, Any]
    expected: str | None
    output: str | None
    error: str | None = Field(description="Why there is no answer.")
    assertions: list[dict[str, Any]] = Field(description="Verdict, score and reason of each assertion.")
    latency_ms: float = Field(description="Of the call that answered.")
    attempts: int
    prompt_tokens: int | None
    completion_tokens: int | None
    token_count: int | None
    cost_usd: float | None = Field(description="Null when the model has no known price.")
    created_at: datetime


class ResultPage(BaseModel):
    model_config = ConfigDict(
        from_attributes=True, json_schema_extra={"examples": [{"items": [_RESULT], "next_cursor": None}]}
    )

    items: list[ResultOut]
    next_cursor: NextCursor
