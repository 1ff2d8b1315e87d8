"""Driver errors become ours here and nowhere else."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import IntegrityError


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
