"""Watching over Alembic while it works: what is refused, and what happens inside each migration's transaction."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import wraps
from time import perf_counter
from typing import Any, Protocol

from sqlalchemy import Connection

from src.operations.migrations.lock import Lease
from src.operations.migrations.longest_transaction import LongestTransaction
from src.operations.migrations.safeguards import (
    MigrationRefusedError,
    References,
    broken_references,
    reading,
    refuse_broken_references,
    refuse_lost_rows,
    require_foreign_keys_off,
)
from src.operations.migrations.schema import row_counts
from src.operations.migrations.target import Caution, Target


class Step(Protocol):
    """What Alembic is going to do: a migration up or down, or a stamp."""

    migration_fn: Callable[..., None]
    is_upgrade: bool
    to_revisions_no_deps: Sequence[str]

    @property
    def info(self) -> Any: ...


Asked = Callable[[Any, Any], Iterable[Step]]


@dataclass(frozen=True, slots=True)
class Applied:
    """A migration that was done; `seconds` without the COMMIT, `leads_to` is None for the beginning.

    `held_seconds` is how long its longest transaction kept other writers waiting.
    """

    id: str
    title: str
    is_upgrade: bool
    leads_to: str | None
    seconds: float = 0.0
    held_seconds: float = 0.0


@dataclass(slots=True)
class Supervision:
    """Of one run. `current` is the migration whose transaction is open; it stays when that one fails.

    `is_private`: nobody else knows the database, a copy of ours, so that no lock is taken.
    """

    target: Target
    lease: Lease | None = None
    is_private: bool = False
    is_stamp_proved: bool = False
    on_begin: Callable[[str, str], None] = lambda _revision, _title: None
    applied: list[Applied] = field(default_factory=list)
    current: Applied | None = None
    _broken: References = field(default_factory=dict)
    _rows: dict[str, int] = field(default_factory=dict)
    _began: float = 0.0
    _held: LongestTransaction | None = None
    _allowed: tuple[str, ...] = ()

    @property
    def has_committed(self) -> bool:
        """Whether the `current` migration committed something before its end, which is not undone when it fails."""
        return self._held is not None and self._held.has_committed

    def require_unsafe(self, named: str | None) -> None:
        """For plain Alembic, which takes no backup and tries nothing on a copy."""
        if self.target.caution is Caution.NAME and not (named and self.target.answers_to(named)):
            raise MigrationRefusedError(
                f"Plain alembic changes {self.target.host} ({self.target.app_env.value}) without a backup. "
                f"The safe way is: autoforge db upgrade --env {self.target.app_env.value}\n"
                f"To go on nevertheless, repeat it with -x unsafe={self.target.name} after `alembic`."
            )

    def look_at(self, connection: Connection) -> None:
        """Before any transaction: which references are broken already."""
        with reading(connection):
            self._broken = broken_references(connection)

    def around(self, asked: Asked) -> Asked:
        """`asked`, with every step of it supervised."""

        @wraps(asked)
        def steps(heads: Any, context: Any) -> Iterable[Step]:
            found = list(asked(heads, context))
            self._refuse_unsafe(found)
            for step in found:
                if not step.info.is_stamp:
                    step.migration_fn = self._supervised(step, context)
            return found

        return steps

    def verify(self, *, ctx: Any, step: Any, **_: Any) -> None:
        """Runs inside the transaction of each step, after it and its version row: raising undoes both."""
        if step.is_stamp:
            return
        connection: Connection = ctx.connection
        refuse_broken_references(self._broken, broken_references(connection))
        refuse_lost_rows(self._rows, connection, allowed=self._allowed, may_drop=not step.is_upgrade)
        if self.lease is not None:
            self.lease.renew_in(connection)
        assert self.current is not None
        assert self._held is not None
        took, held = perf_counter() - self._began, self._held.stop()
        self.applied.append(replace(self.current, seconds=took, held_seconds=held))

    def _refuse_unsafe(self, steps: Sequence[Step]) -> None:
        if not steps or self.target.caution is Caution.NONE:
            return
        where = f"{self.target.host} ({self.target.app_env.value})"
        if steps[0].info.is_stamp and not self.is_stamp_proved:
            raise MigrationRefusedError(
                f"A stamp on {where} would claim a schema that nobody has looked at. "
                "autoforge db stamp compares first."
            )
        if not steps[-1].is_upgrade and not steps[-1].to_revisions_no_deps:
            raise MigrationRefusedError(
                f"Going back to the beginning would drop every table of {where}. Nothing was changed."
            )

    def _supervised(self, step: Any, context: Any) -> Callable[..., None]:
        migrate, revision = step.migration_fn, step.revision

        @wraps(migrate)
        def supervised(**arguments: Any) -> None:
            leads_to = next(iter(step.to_revisions_no_deps), None)
            self.current = Applied(revision.revision, revision.doc, step.is_upgrade, leads_to)
            self._began, held = perf_counter(), LongestTransaction(context.connection)
            self._held = held
            self._allowed = _may_lose_rows(revision.module)
            self.on_begin(revision.revision, revision.doc)
            require_foreign_keys_off(context.connection)
            if self.lease is not None:
                self.lease.renew_in(context.connection)
            self._rows = row_counts(context.connection)
            try:
                migrate(**arguments)
            except Exception as exc:
                held.stop()
                undone = "last transaction" if held.has_committed else "transaction"
                exc.add_note(f"In migration {revision.revision} ({revision.doc}), whose {undone} was undone.")
                raise

        return supervised


def _may_lose_rows(module: Any) -> tuple[str, ...]:
    named = getattr(module, "may_lose_rows", ())
    if not isinstance(named, tuple | list) or not all(isinstance(name, str) for name in named):
        raise MigrationRefusedError(f"may_lose_rows is {named!r}; write a tuple: may_lose_rows = ('table',)")
    return tuple(named)
