"""Driver errors become ours here and nowhere else."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import IntegrityError

from src.application.shared.database_errors import (
    DatabaseRefusedTokenError,
    DatabaseUnavailableError,
    OutcomeUnknownError,
)
from src.domain.shared.errors import DomainError
from src.infrastructure.shared.database.libsql.errors import CommitOutcomeUnknown, StreamLost

log = logging.getLogger(__name__)


def translate_errors(engine: Engine) -> None:
    """Lets every connection of `engine` raise our errors where the database cannot be asked."""

    @event.listens_for(engine, "handle_error", retval=True)
    def translate(context: ExceptionContext) -> DomainError | None:
        if not isinstance(context.original_exception, StreamLost):
            return None
        context.invalidate_pool_on_disconnect = False  # other connections have streams of their own
        return _meaning(context.original_exception)


def _meaning(lost: StreamLost) -> DomainError:
    if isinstance(lost, CommitOutcomeUnknown):
        return OutcomeUnknownError()
    if lost.status in (401, 403):
        log.error("The database refuses TURSO_AUTH_TOKEN (HTTP %s). Renew it, or its rights.", lost.status)
        return DatabaseRefusedTokenError(lost.status)
    return DatabaseUnavailableError(str(lost), retry_after=lost.retry_after)


@contextmanager
def on_unique_violation(*meanings: tuple[str, Exception]) -> Iterator[None]:
    """Raises the error of the first `meanings` pair whose column ("prompts.name") the failed constraint names."""
    try:
        yield
    except IntegrityError as exc:
        message = str(exc.orig)
        if message.startswith("UNIQUE constraint failed"):
            for column, error in meanings:
                if column in message:
                    raise error from exc
        raise
