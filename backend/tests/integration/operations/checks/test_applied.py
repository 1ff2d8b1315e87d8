"""Phase 4-5 on a file and on a libSQL server: each thing broken for real."""

from pathlib import Path

import pytest

from src.core.config.settings.base import AppEnv, Settings
from src.operations.checks.scene import Scene
from tests.backends import on_sqlite
from tests.integration.operations.checks.scenes import Look, OpenScene
from tests.integration.operations.checks.test_migration_files import SECOND


@pytest.fixture
def scene(open_scene: OpenScene, migrated_settings: Settings) -> Scene:
    return open_scene(read_settings=lambda: migrated_settings)


def _run(scene: Scene, sql: str) -> None:
    with scene.database.write_transaction() as connection:
        connection.exec_driver_sql(sql)
        connection.commit()


def test_migrated_database_is_fine(look: Look, scene: Scene) -> None:
    for name in ("migrations.current", "migrations.unlocked", "migrations.drift", "schema.migrated"):
        assert look(name, scene).level == "ok", name


def test_migration_to_come_is_named_and_applied(look: Look, scene: Scene, clone: Path) -> None:
    new = scene.versions / "20261124_0002_describe_prompts_by_their_title.py"
    new.write_text(SECOND.format(parent="0001", back='raise NotImplementedError("kept")'))
    found = look("migrations.current", scene)
    assert (found.level, found.message) == ("fail", "1 pending; the database is at 0001")
    assert found.fix == "Run: autoforge db upgrade"
    assert found.check.mend is not None
    assert found.can_mend is scene.database.is_local
    if not scene.database.is_local:
        with pytest.raises(RuntimeError, match="run: autoforge db upgrade"):
            found.check.mend(scene)
        return
    assert found.check.mend(scene).startswith("autoforge db upgrade: applied 0002")
    assert look("migrations.current", scene).message == "at 0002, the newest"


@on_sqlite
def test_deployed_environment_is_never_migrated_on_the_side(
    look: Look, open_scene: OpenScene, migrated_settings: Settings
) -> None:
    scene = open_scene(AppEnv.STAGING, read_settings=lambda: migrated_settings)
    new = scene.versions / "20261124_0002_describe_prompts_by_their_title.py"
    new.write_text(SECOND.format(parent="0001", back='raise NotImplementedError("kept")'))
    found = look("migrations.current", scene)
    mend = found.check.mend
    assert (found.level, found.can_mend) == ("fail", False)
    assert mend is not None
    with pytest.raises(RuntimeError, match="db upgrade --env staging"):
        mend(scene)


def test_database_of_a_newer_version_is_told(look: Look, scene: Scene) -> None:
    _run(scene, "UPDATE alembic_version SET version_num = '0999'")
    found = look("migrations.current", scene)
    assert (found.level, "'0999'" in found.message) == ("fail", True)
    assert "Update the software" in (found.fix or "")
    assert not found.can_mend


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("ALTER TABLE prompts ADD COLUMN mood TEXT", "mood"),
        ("DROP INDEX idx_prompts_user_id", "idx_prompts_user_id"),
        ("DROP TABLE test_results", "test_results"),
    ],
)
def test_what_was_changed_by_hand_is_named(look: Look, scene: Scene, sql: str, said: str) -> None:
    _run(scene, sql)
    found = look("migrations.drift", scene)
    assert (found.level, said in found.message) == ("fail", True)
    assert "autoforge db check" in (found.fix or "")


def test_models_without_a_migration_are_named(look: Look, scene: Scene) -> None:
    first = next(scene.versions.glob("*_0001_*.py"))
    lines = first.read_text(encoding="utf-8").splitlines()
    first.write_text("\n".join(line for line in lines if "idx_prompts_user_id" not in line), encoding="utf-8")
    found = look("schema.migrated", scene)
    assert (found.level, "idx_prompts_user_id" in found.message) == ("fail", True)
    assert "alembic revision --autogenerate" in (found.fix or "")


def test_migration_under_way_is_told(look: Look, scene: Scene) -> None:
    with scene.migrations.locked("upgrade to head", notice=lambda _: None, wait=True):
        found = look("migrations.unlocked", scene)
    assert (found.level, "it is being migrated" in found.message) == ("warn", True)
    assert look("migrations.unlocked", scene).level == "ok"


def test_migration_that_ended_on_the_way_is_told(look: Look, scene: Scene) -> None:
    with scene.migrations.locked("upgrade to head", notice=lambda _: None, wait=True):
        pass  # which makes the table
    _run(scene, "INSERT INTO _migration_lock VALUES (1, 'elsewhere/1/2', 'upgrade to head', 0, 1)")
    found = look("migrations.unlocked", scene)
    assert (found.level, "ended on the way" in found.message) == ("warn", True)
    assert found.fix == "Run: autoforge db upgrade"
