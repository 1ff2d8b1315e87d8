"""A run as a stream of events, read from the database: it shows runs of every process, not only of this one."""

import asyncio
import time
from collections.abc import AsyncIterator

from fastapi.concurrency import run_in_threadpool
from fastapi.sse import ServerSentEvent
from pydantic import BaseModel, ConfigDict

from src.application.evaluation.queries import EvaluationProgress, EvaluationView
from src.application.services import Services
from src.presentation.api.v1.evaluation_schemas import Status

POLL_SECONDS = 0.5
QUIET_SECONDS = 2.0  # without a change for so long, it is worth asking whether the run was abandoned
_OPEN = ("pending", "running")


class ProgressEvent(BaseModel):
    """Data of the events `progress` and `done`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"status": "running", "total": 60, "completed": 24, "abandoned": False}]
        }
    )

    status: Status
    total: int
    completed: int
    abandoned: bool = False


async def progress_events(first: EvaluationView, services: Services) -> AsyncIterator[ServerSentEvent]:
    """`progress` now and at each change, then `done`. Leaving the generator ends the polling."""
    shown, row_version, changed_at = _event(first), first.row_version, time.monotonic()
    is_abandoned = first.is_abandoned(services.now())
    yield ServerSentEvent(event="progress", data=shown)
    while shown.status in _OPEN and not is_abandoned:
        await asyncio.sleep(POLL_SECONDS)
        progress = await run_in_threadpool(services.evaluations.progress, first.id)
        if progress.row_version != row_version:
            row_version, changed_at = progress.row_version, time.monotonic()
        elif time.monotonic() - changed_at > QUIET_SECONDS:
            view = await run_in_threadpool(services.evaluations.get, first.id)
            is_abandoned, changed_at = view.is_abandoned(services.now()), time.monotonic()
        if (latest := _event(progress)) != shown:
            shown = latest
            yield ServerSentEvent(event="progress", data=shown)
    yield ServerSentEvent(event="done", data=shown.model_copy(update={"abandoned": is_abandoned}))


def _event(progress: EvaluationProgress | EvaluationView) -> ProgressEvent:
    return ProgressEvent.model_validate(
        {"status": progress.status, "total": progress.total, "completed": progress.completed}
    )
