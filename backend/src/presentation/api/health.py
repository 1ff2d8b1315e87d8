"""Whether the process lives, and whether it can do its work."""

import logging
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from src.presentation.api.dependencies import ServicesDep
from src.presentation.api.problems import problem_response, problems
from src.presentation.api.responses import json_response

router = APIRouter(tags=["health"])
log = logging.getLogger(__name__)


class HealthOut(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "ok"}]})

    status: Literal["ok"] = Field(default="ok", description="Always `ok`; anything else is a problem.")


@router.get("/healthz", response_model=HealthOut)
async def get_liveness() -> Response:
    """Tell that the process answers; asks nothing of the database."""
    return json_response(HealthOut())


@router.get("/readyz", response_model=HealthOut, responses=problems(503))
def get_readiness(request: Request, services: ServicesDep) -> Response:
    """Tell whether the database answers and is migrated."""
    try:
        services.require_ready()
    except Exception:  # whatever the driver raises, the answer is "not ready"
        log.warning("not ready", exc_info=True)
        detail = "The database does not answer, or is not migrated. The log of the server tells why."
        return problem_response(request.scope, 503, "not_ready", "Not ready", detail)
    return json_response(HealthOut())
