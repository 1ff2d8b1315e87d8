"""What routes are handed, and the parts of a request that several of them read."""

from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import Depends, Header
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from src.application.services import Services
from src.application.shared.page import (
    DEFAULT_PAGE_SIZE,
    MAX_PAGE_SIZE,
    PageRequest,
    decode_cursor,
)
from src.application.shared.unit_of_work import UnitOfWork, WouldWaitError
from src.core.config.settings.base import Settings
from src.presentation.api.etags import expected_row_version
from src.presentation.api.problems import RequestRefusedError

NEWEST_FIRST = (int, str)  # the kinds of a cursor over (created_at, id)
T = TypeVar("T")


class Read:
    """How the few hot reads reach the database.

    A point read of a local file takes 0.15 ms and waits for nobody, where the way through the thread pool costs
    0.5 ms: it stays on the event loop. A read of a remote database never does.
    """

    def __init__(self, services: Services, *, is_local: bool) -> None:
        self._services, self._is_local = services, is_local

    async def __call__(self, query: Callable[[Services], T]) -> T:
        if self._is_local:
            return query(self._services)
        return await run_in_threadpool(query, self._services)


class Write:
    """How the hottest write reaches the database.

    On a local file it takes 0.6 ms, and as much again for the way through the thread pool: it runs on the event loop
    while nobody else is writing. When it would have to wait for another writer it goes to a thread, so that the loop
    never waits. A write to a remote database always does.
    """

    def __init__(self, services: Services, *, is_local: bool) -> None:
        self._services, self._is_local = services, is_local

    async def __call__(self, use_case: Callable[[UnitOfWork], T]) -> T:
        """`use_case` begins with its unit of work, and is called again when that could not be entered."""
        if self._is_local:
            try:
                return use_case(self._services.impatient_unit_of_work())
            except WouldWaitError:
                pass
        return await run_in_threadpool(use_case, self._services.unit_of_work())


# Dependencies are `async`: FastAPI sends others through its thread pool, one hop for each.
async def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


async def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


async def _read(request: Request) -> Read:
    read: Read = request.app.state.read
    return read


async def _write(request: Request) -> Write:
    write: Write = request.app.state.write
    return write


async def _optional_if_match(
    if_match: Annotated[
        str | None,
        Header(description='The ETag that you read, such as `"3"`; the change is refused when it is old.'),
    ] = None,
) -> int | None:
    return None if if_match is None else expected_row_version(if_match)


async def _required_if_match(
    if_match: Annotated[
        str | None,
        Header(description='Required. The ETag that you read, such as `"3"`, or `*` for whatever is there.'),
    ] = None,
) -> int | None:
    if if_match is None:
        raise RequestRefusedError(
            428,
            "precondition_required",
            "If-Match is missing",
            "Send the row's ETag in If-Match, so that nobody else's change is overwritten, or If-Match: * to do that.",
        )
    return expected_row_version(if_match)


ServicesDep = Annotated[Services, Depends(_services)]
SettingsDep = Annotated[Settings, Depends(_settings)]
ReadDep = Annotated[Read, Depends(_read)]
WriteDep = Annotated[Write, Depends(_write)]
IfMatch = Annotated[int | None, Depends(_required_if_match)]
OptionalIfMatch = Annotated[int | None, Depends(_optional_if_match)]
IfNoneMatch = Annotated[
    str | None, Header(description="ETags that you have; 304 when one of them is current.")
]


class PageQuery(BaseModel):
    """Query of a list. Pages are keyset pages: rows added meanwhile neither repeat nor hide any."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=DEFAULT_PAGE_SIZE, ge=1, le=MAX_PAGE_SIZE, description="Rows on the page.")
    cursor: str | None = Field(default=None, description="`next_cursor` of the page before.")

    def request(self, kinds: tuple[type, ...] = NEWEST_FIRST) -> PageRequest:
        """`kinds` are the types of the parts of the list's key. Raises BadCursorError."""
        return PageRequest(self.limit, decode_cursor(self.cursor, kinds))
