"""A migration whose way to the server fails: what is said is what the database is found to be."""

from collections.abc import Callable, Iterator

import pytest

from src.core.config.settings.base import Settings
from src.infrastructure.shared.database.turso_connection import TursoConnection
from src.operations.migrations.alembic_commands import MigrationFailedError
from src.operations.migrations.migrations import Migrations
from src.operations.migrations.revisions import VERSIONS
from tests.backends import on_libsql
from tests.fault_proxy import FaultProxy
from tests.integration.operations.migrations.databases import rows_and_schema
from tests.integration.operations.migrations.revisions import HEAD, REBUILD_PROMPTS, Scripts

STEPS = f"{REBUILD_PROMPTS}\n    op.execute('UPDATE prompts SET title = 1')"


pytestmark = on_libsql


@pytest.fixture
def proxy(filled: TursoConnection) -> Iterator[FaultProxy]:
    port = filled.get_connection_url().removesuffix("?tls=0").rpartition(":")[2]
    with FaultProxy("127.0.0.1", int(port)) as proxy:
        yield proxy


@pytest.fixture
def through_proxy(proxy: FaultProxy, filled_settings: Settings, scripts: Scripts) -> Iterator[Migrations]:
    scripts.write(STEPS)
    database = TursoConnection(filled_settings.model_copy(update={"database_url": proxy.url}))
    yield Migrations(database, versions=(VERSIONS, scripts.folder), lease_seconds=2)
    database.dispose()


def in_migration(fault: Callable[[], None]) -> Callable[[str], None]:
    """As `notice`: `fault` comes when the migration has begun."""
    return lambda line: fault() if line.startswith("9001:") else None


def test_way_that_fails_in_the_middle_leaves_the_database_as_it_was(
    filled: TursoConnection, proxy: FaultProxy, through_proxy: Migrations
) -> None:
    before = rows_and_schema(filled)

    with pytest.raises(MigrationFailedError) as failed:
        through_proxy.upgrade(notice=in_migration(lambda: proxy.refuse(when="UPDATE prompts", times=1)))

    told = str(failed.value).splitlines()
    assert told[0].startswith("9001 (Made by a test) failed: ")
    assert told[1].startswith("  Line: 9001.py:")
    assert told[2:] == [f"The database is as it was, at {HEAD}."]
    assert rows_and_schema(filled) == before
    assert through_proxy.upgrade().current == "9001"


def test_commit_whose_answer_was_lost_is_looked_up(
    filled: TursoConnection, proxy: FaultProxy, through_proxy: Migrations
) -> None:
    with pytest.raises(MigrationFailedError) as failed:
        through_proxy.upgrade(notice=in_migration(lambda: proxy.lose_answer(when="COMMIT", times=1)))

    told = str(failed.value).splitlines()[-1]
    assert told.startswith("It was committed all the same: the database is at 9001. ")
    assert rows_and_schema(filled)[0] == "9001"
    assert through_proxy.upgrade().applied == ()


def test_server_that_cannot_be_reached_any_more_is_told_and_its_lock_ends(
    filled: TursoConnection, proxy: FaultProxy, through_proxy: Migrations
) -> None:
    before, said = rows_and_schema(filled), list[str]()

    with pytest.raises(MigrationFailedError, match=r"cannot be looked at now.*autoforge db status"):
        through_proxy.upgrade(notice=in_migration(proxy.refuse))
    proxy.heal()

    assert rows_and_schema(filled) == before
    assert through_proxy.holder() is not None
    assert through_proxy.upgrade(notice=said.append).current == "9001"
    assert any(line.startswith("Taking over from process ") for line in said)
