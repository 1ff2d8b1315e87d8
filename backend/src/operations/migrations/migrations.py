"""The schema of the database: where it stands, and moving it. Alembic is imported only when there is work for it."""

import ast
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text

from src.core.config.settings.base import BACKEND_DIR
from src.core.file_lock import exclusive
from src.domain.shared.errors import DomainError
from src.infrastructure.shared.database.local_sqlite import EngineRole
from src.infrastructure.shared.database.turso_connection import TursoConnection

if TYPE_CHECKING:
    from alembic.config import Config

VERSIONS = BACKEND_DIR / "alembic" / "versions"


class UnknownRevisionError(DomainError):
    """The database, or the caller, names a revision that this version of the software does not have."""

    code = "unknown_revision"
    title = "Unknown revision"


class SchemaNotCurrentError(DomainError):
    code = "schema_not_current"
    title = "The database is not current"


@dataclass(frozen=True, slots=True)
class Revision:
    id: str
    parent: str | None
    title: str


@dataclass(frozen=True, slots=True)
class MigrationStatus:
    """`current` is None for a database without our tables; `pending` are the revisions to come, oldest first."""

    url: str
    current: str | None
    head: str
    pending: tuple[Revision, ...]


class Migrations:
    def __init__(self, database: TursoConnection) -> None:
        self._database = database

    @cached_property
    def chain(self) -> tuple[Revision, ...]:
        """All revisions, oldest first, read from the files themselves (importing Alembic takes 0.3 s)."""
        by_parent = {revision.parent: revision for revision in map(_read_revision, VERSIONS.glob("*.py"))}
        chain: list[Revision] = []
        while (following := by_parent.get(chain[-1].id if chain else None)) is not None:
            chain.append(following)
        return tuple(chain)

    def status(self) -> MigrationStatus:
        """Raises UnknownRevisionError when a newer version of the software made this database."""
        current = self._current()
        known = [revision.id for revision in self.chain]
        if current is not None and current not in known:
            raise UnknownRevisionError(
                f"The database is at revision {current!r}, which this version does not know "
                f"(its newest is {known[-1]!r}). "
                "A newer version made it: update the software, or use another database."
            )
        done = known.index(current) + 1 if current is not None else 0
        return MigrationStatus(self._database.get_connection_url(), current, known[-1], self.chain[done:])

    def require_current(self) -> None:
        """Raises SchemaNotCurrentError when migrations are pending, and what the driver raises without a database."""
        if pending := self.status().pending:
            raise SchemaNotCurrentError(f"{len(pending)} migrations are pending. Run: autoforge db upgrade")

    def upgrade(self, revision: str = "head") -> tuple[Revision, ...]:
        """Applies what is pending up to `revision`, each in a transaction of its own; returns what was applied.

        Processes that start together wait for each other: the second finds nothing left to do. Raises
        UnknownRevisionError.
        """
        target = self._checked(revision)
        if not self.status().pending:
            return ()
        with self._alone():
            before = self.status().pending
            if not before:
                return ()
            from alembic import command

            command.upgrade(self._config(), target)
            after = self.status().pending
        return before[: len(before) - len(after)]

    def downgrade(self, revision: str) -> None:
        """Goes back to `revision`, "-1" for one step, "base" for an empty database. Rows that do not fit are lost."""
        from alembic import command

        target = revision if revision in ("-1", "base") else self._checked(revision)
        with self._alone():
            command.downgrade(self._config(), target)

    def _alone(self) -> AbstractContextManager[None]:
        if not self._database.is_local:
            return nullcontext()
        path = self._database.path
        path.parent.mkdir(parents=True, exist_ok=True)
        return exclusive(path.with_name(path.name + "-migrate.lock"))

    def _checked(self, revision: str) -> str:
        if revision != "head" and revision not in {known.id for known in self.chain}:
            listed = ", ".join(known.id for known in self.chain)
            raise UnknownRevisionError(f"There is no revision {revision!r}. Known are: {listed}.")
        return revision

    def _current(self) -> str | None:
        if self._database.is_local and not self._database.path.exists():
            return None
        with self._database.engine(EngineRole.READ).connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            current: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
            return current

    def _config(self) -> "Config":
        from alembic.config import Config

        config = Config(BACKEND_DIR / "alembic.ini")
        config.set_main_option("script_location", str(BACKEND_DIR / "alembic").replace("%", "%%"))
        config.attributes["connection"] = self._database.engine(EngineRole.WRITE)
        config.attributes["configure_logger"] = False
        return config


def _read_revision(path: Path) -> Revision:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    values = {
        target.id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and target.id in ("revision", "down_revision")
    }
    title = (ast.get_docstring(tree) or path.stem).splitlines()[0]
    return Revision(values["revision"], values["down_revision"], title)
