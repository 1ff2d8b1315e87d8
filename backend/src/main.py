"""The web application. `uvicorn --factory src.main:create_app` serves it; so does `autoforge up`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute
from fastapi_offline import FastAPIOffline
from starlette.middleware.cors import CORSMiddleware

from src.bootstrap import Container
from src.core.config.settings.base import Settings, load_settings
from src.presentation.api import health
from src.presentation.api.dependencies import Read, Write
from src.presentation.api.edge import EdgeMiddleware
from src.presentation.api.problems import install_problems, problems
from src.presentation.api.responses import API_ROOT
from src.presentation.api.v1 import evaluations, prompts, suites, templates

VERSION = "0.1.0"
_DESCRIPTION = """
Versions prompts, and tells with evidence which one is better.

* **Errors** are problems (RFC 9457) of the media type `application/problem+json`; their `type` ends in a stable code.
* **Changes** to a row need `If-Match` with the ETag that was read: 428 without one, 412 when the row has changed since.
* **Lists** are pages: send `next_cursor` as `cursor` until it is null.
* **Unknown fields** are refused, and nothing is converted: `"1"` is no number.
"""
_TAGS: list[dict[str, Any]] = [
    {"name": "prompts", "description": "Prompts and their versions, which only grow and never change."},
    {"name": "templates", "description": "Texts whose variables have declared types."},
    {
        "name": "suites",
        "description": "Cases with assertions. A suite never changes; changed cases are a new version.",
    },
    {"name": "evaluations", "description": "Runs of a prompt version over a suite, and their results."},
    {"name": "health", "description": "For whoever watches the process."},
]


def create_app(settings: Settings | None = None, container: Container | None = None) -> FastAPI:
    """`settings` are read from the environment, and the container made, when they are not given."""
    if container is None:
        container = Container(settings or load_settings())
    settings = container.settings
    app = FastAPIOffline(
        docs_url="/docs",
        redoc_url=None,
        static_url="/docs-static",
        title="AutoForgeNexus",
        version=VERSION,
        description=_DESCRIPTION,
        openapi_tags=_TAGS,
        lifespan=_closing(container),
        generate_unique_id_function=_operation_id,
        redirect_slashes=False,
    )
    app.state.services, app.state.settings = container.services, settings
    app.state.read = Read(container.services, is_local=container.database.is_local)
    app.state.write = Write(container.services, is_local=container.database.is_local)
    app.include_router(health.router, responses=problems(500))
    fault = problems(500, 503, 504)
    for router in (prompts.router, templates.router, suites.router, evaluations.router):
        app.include_router(router, prefix=API_ROOT, responses=fault, max_body_size=settings.max_body_bytes)
    app.include_router(
        suites.import_router, prefix=API_ROOT, responses=fault, max_body_size=settings.max_import_bytes
    )
    install_problems(app)
    app.add_middleware(EdgeMiddleware)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=settings.cors_origins,
        allow_credentials=settings.cors_credentials and "*" not in settings.cors_origins,
        allow_methods=["GET", "POST", "PATCH", "DELETE"],
        allow_headers=["Content-Type", "If-Match", "If-None-Match", "X-Request-Id"],
        expose_headers=["ETag", "Location", "X-Request-Id"],
    )
    return app


def _closing(container: Container) -> Any:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await run_in_threadpool(container.close)

    return lifespan


def _operation_id(route: APIRoute) -> str:
    return route.name
