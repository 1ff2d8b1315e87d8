"""Evaluations on the wire."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from src.application.evaluation.queries import EvaluationView
from src.domain.evaluation.evaluation import (
    MAX_ATTEMPTS,
    MAX_CONCURRENCY,
    MAX_REPEATS,
    MAX_TIMEOUT_SECONDS,
    RunSettings,
)
from src.domain.evaluation.suite import MAX_NAME_LENGTH
from src.domain.shared.placeholders import JsonValue
from src.presentation.api.dependencies import PageQuery
from src.presentation.api.wire import MAX_NUMBER, NextCursor, RequestBody

MAX_ANSWERS = (
    20_000  # they are stored with the run; a longer recording belongs into a file, for the command line
)
Status = Literal["pending", "running", "completed", "failed", "cancelled"]
_PROMPT_ID = "3f0c8a52-7d55-4e86-9f0b-0d6f0f6f2a11"
_SUITE_ID = "0c5cbb9e-0f0d-4d0e-9a0a-4a8b8f4a6c21"
_SETTINGS: dict[str, Any] = {
    "repeats": 1,
    "concurrency": 8,
    "timeout_seconds": 60.0,
    "max_attempts": 4,
    "parameters": {"temperature": 0},
    "case_filter": None,
    "base_url": "http://127.0.0.1:8080/v1",
}
_METRICS: dict[str, Any] = {
    "total": 60,
    "passed": 57,
    "failed": 3,
    "errored": 0,
    "pass_rate": 0.95,
    "threshold": 0.9,
    "meets_threshold": True,
    "prompt_tokens": 5210,
    "completion_tokens": 1804,
    "cost_usd": None,
    "unpriced": 60,
    "latency_ms": {"mean": 112.4, "p50": 104.0, "p95": 181.9, "max": 240.3},
}
_EVALUATION: dict[str, Any] = {
    "id": "9d7a5a0c-6c0f-4f6a-8f25-7d1f5a3e1b42",
    "prompt_id": _PROMPT_ID,
    "prompt_name": "support/triage",
    "prompt_version": 2,
    "content_hash": "5d0d2c7b9e4f4f0f8f3b9d9a6c1e2f7a8b9c0d1e2f3a4b5c6d7e8f9a0b1c2d3e",
    "suite_id": _SUITE_ID,
    "suite_name": "support-triage",
    "suite_version": 1,
    "suite_hash": "c1f0f6c6cbb1c1f6f0f5f6b1d6a0b6f6a1b2c3d4e5f60718293a4b5c6d7e8f90",
    "status": "completed",
    "abandoned": False,
    "provider": "openai",
    "model": "smollm2-135m-instruct",
    "settings": _SETTINGS,
    "total": 60,
    "completed": 60,
    "overall_score": 0.965,
    "metrics": _METRICS,
    "execution_time_ms": 1893,
    "error_message": None,
    "lease_expires_at": None,
    "started_at": "2026-11-09T08:30:00.000Z",
    "finished_at": "2026-11-09T08:30:01.900Z",
    "created_at": "2026-11-09T08:30:00.000Z",
    "updated_at": "2026-11-09T08:30:01.900Z",
    "row_version": 12,
}


class ScriptedAnswer(RequestBody):
    """A recorded answer, for the provider `scripted`, which replays and asks no model."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"case": "refund", "answer": "billing"}]})

    case: str = Field(min_length=1, max_length=MAX_NAME_LENGTH, description="Name of the case.")
    answer: str = Field(description="What the model is played to have said.")
    repeat: int | None = Field(
        default=None, ge=1, le=MAX_REPEATS, description="Only for this repeat; else for all."
    )
    prompt_hash: str | None = Field(
        default=None,
        max_length=64,
        description="Only for the prompt version with this `content_hash`; else for all.",
    )


class EvaluationCreate(RequestBody):
    """Keys of providers never travel with a request: the server has them in its environment."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "prompt_id": _PROMPT_ID,
                    "suite_id": _SUITE_ID,
                    "provider": "openai",
                    "model": "smollm2-135m-instruct",
                    "base_url": "http://127.0.0.1:8080/v1",
                    "parameters": {"temperature": 0},
                },
                {
                    "prompt_id": _PROMPT_ID,
                    "version": 1,
                    "suite_id": _SUITE_ID,
                    "provider": "scripted",
                    "answers": [{"case": "refund", "answer": "billing"}],
                },
            ]
        }
    )

    prompt_id: str = Field(max_length=MAX_NAME_LENGTH)
    version: int | None = Field(default=None, ge=1, le=MAX_NUMBER, description="The newest when absent.")
    suite_id: str = Field(max_length=MAX_NAME_LENGTH)
    provider: Literal["openai", "anthropic", "scripted"] = Field(
        description="`openai` is any endpoint that speaks its protocol; `scripted` replays `answers`."
    )
    model: str | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_NAME_LENGTH,
        description="Needed by `openai` and `anthropic`.",
    )
    base_url: str | None = Field(
        default=None,
        max_length=2000,
        description="The endpoint, if not the provider's own; outside local only those that LLM_BASE_URLS lists.",
    )
    parameters: dict[str, Any] = Field(default_factory=dict, description="Passed to the model as they are.")
    repeats: int = Field(default=1, ge=1, le=MAX_REPEATS, description="Times each case is asked.")
    concurrency: int = Field(default=8, ge=1, le=MAX_CONCURRENCY, description="Calls at the same time.")
    timeout_seconds: float = Field(
        default=60.0, ge=0.001, le=MAX_TIMEOUT_SECONDS, description="For each call."
    )
    max_attempts: int = Field(
        default=4, ge=1, le=MAX_ATTEMPTS, description="Calls for an answer, the first included."
    )
    case_filter: str | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_NAME_LENGTH,
        description="Only cases whose name matches this glob.",
    )
    answers: list[ScriptedAnswer] | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_ANSWERS,
        description="Needed by `scripted`, and for no other provider.",
    )

    @model_validator(mode="after")
    def _fits_provider(self) -> "EvaluationCreate":
        is_scripted = self.provider == "scripted"
        if is_scripted and (self.answers is None or self.base_url is not None):
            raise PydanticCustomError(
                "provider", "The provider `scripted` takes `answers`, and no `base_url`"
            )
        if not is_scripted and (self.model is None or self.answers is not None):
            raise PydanticCustomError(
                "provider", "Providers other than `scripted` take a `model`, and no `answers`"
            )
        return self

    def settings(self) -> RunSettings:
        options: dict[str, JsonValue] = {}
        if self.base_url is not None:
            options["base_url"] = self.base_url
        if self.answers is not None:
            options["answers"] = [answer.model_dump(exclude_none=True) for answer in self.answers]
        return RunSettings(
            provider=self.provider,
            model=self.model,
            repeats=self.repeats,
            concurrency=self.concurrency,
            timeout_seconds=self.timeout_seconds,
            max_attempts=self.max_attempts,
            parameters=self.parameters,
            case_filter=self.case_filter,
            provider_options=options,
        )


class EvaluationQuery(PageQuery):
    prompt_id: str | None = Field(default=None, description="Only of this prompt.")
    suite_id: str | None = Field(default=None, description="Only of this suite version.")
    status: Status | None = Field(default=None, description="Only these.")


class RunSettingsOut(BaseModel):
    """How a run calls its model. Scripted answers are left out: they can be large."""

    model_config = ConfigDict(json_schema_extra={"examples": [_SETTINGS]})

    repeats: int | None = None
    concurrency: int | None = None
    timeout_seconds: float | None = None
    max_attempts: int | None = None
    parameters: dict[str, Any] = {}
    case_filter: str | None = None
    base_url: str | None = None

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "RunSettingsOut":
        known = {name: stored[name] for name in cls.model_fields if name in stored}
        options = stored.get("provider_options") or {}
        return cls.model_validate({**known, "base_url": options.get("base_url")})


class EvaluationOut(BaseModel):
    """A run of one prompt version over one suite version with one model."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [_EVALUATION]})

    id: str
    prompt_id: str
    prompt_name: str
    prompt_version: int | None
    content_hash: str | None = Field(description="Of what was evaluated.")
    suite_id: str | None
    suite_name: str | None
    suite_version: int | None
    suite_hash: str | None = Field(description="Two runs with the same one ran exactly the same cases.")
    status: Status
    abandoned: bool = Field(description="It is not finished, and its process is gone: resume or cancel it.")
    provider: str | None
    model: str | None
    settings: RunSettingsOut
    total: int = Field(description="Cases × repeats.")
    completed: int = Field(description="Results that are stored.")
    overall_score: float | None = Field(description="Mean score of the answered cases, 0 to 1.")
    metrics: dict[str, Any] | None = Field(
        description="Counts, rates, tokens, cost and latencies, when it has ended."
    )
    execution_time_ms: int | None
    error_message: str | None
    lease_expires_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    created_at: datetime
    updated_at: datetime
    row_version: int = Field(description="The ETag of the row, without its quotes.")

    @classmethod
    def of(cls, view: EvaluationView, now: datetime) -> "EvaluationOut":
        fields = {
            name: getattr(view, name) for name in cls.model_fields if name not in ("abandoned", "settings")
        }
        return cls(abandoned=view.is_abandoned(now), settings=RunSettingsOut.of(view.settings), **fields)


class EvaluationPage(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_EVALUATION], "next_cursor": None}]})

    items: list[EvaluationOut]
    next_cursor: NextCursor
