"""Whether models, migrations and the database agree: three accounts of one schema."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from sqlalchemy import create_engine

from src.core.config.settings.base import AppEnv
from src.infrastructure.database.models import Base
from src.infrastructure.shared.database.local_sqlite import EngineRole, local_engine
from src.operations.migrations.alembic_commands import alembic_config, upgrade
from src.operations.migrations.revisions import Revision
from src.operations.migrations.schema import Schema, diff, snapshot
from src.operations.migrations.supervision import Supervision
from src.operations.migrations.target import Target

if TYPE_CHECKING:
    from src.operations.migrations.migrations import Migrations

_NOTHING = Schema({}, {}, {}, {})


@dataclass(frozen=True, slots=True)
class Drift:
    """`models`: what turns the schema that all migrations make into that of the models.

    `live`: what turns the schema that the migrations up to `current` make into that of the database. `pending`: the
    revisions that the database lacks.
    """

    current: str | None
    models: tuple[str, ...]
    live: tuple[str, ...]
    pending: tuple[Revision, ...]

    def __bool__(self) -> bool:
        return bool(self.models or self.live or self.pending)


def find_drift(migrations: "Migrations") -> Drift:
    status = migrations.status()
    newest = schema_made_by(migrations, status.head)
    expected = newest if status.current == status.head else schema_made_by(migrations, status.current)
    return Drift(
        status.current,
        diff(newest, schema_of_models()),
        diff(expected, live_schema(migrations)),
        status.pending,
    )


def live_schema(migrations: "Migrations") -> Schema:
    if migrations.database.is_local and not migrations.database.path.exists():
        return _NOTHING  # connecting would make the file
    with migrations.database.engine(EngineRole.READ).connect() as connection:
        return snapshot(connection)


def schema_of_models() -> Schema:
    engine = create_engine("sqlite://")
    try:
        Base.metadata.create_all(engine)
        with engine.connect() as connection:
            return snapshot(connection)
    finally:
        engine.dispose()


def schema_made_by(migrations: "Migrations", revision: str | None) -> Schema:
    """What the migrations up to `revision` make of an empty database."""
    if revision is None:
        return _NOTHING
    with TemporaryDirectory() as folder:
        file = Path(folder) / "empty.db"
        supervision = Supervision(Target(f"sqlite:///{file}", AppEnv.LOCAL, file), is_private=True)
        engine = local_engine(file, EngineRole.WRITE, synchronous="OFF")
        try:
            config = alembic_config(engine, supervision=supervision, versions=migrations.versions)
            upgrade(config, revision)
            with engine.connect() as connection:
                return snapshot(connection)
        finally:
            engine.dispose()
