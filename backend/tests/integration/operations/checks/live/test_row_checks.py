"""The guide's tests on a live database: they prove what they say, and take away what they stored."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, select

from src.core.config.settings.base import Settings
from src.domain.shared.errors import UnavailableError
from src.infrastructure.database.models import Base, EvaluationModel, PromptModel
from src.infrastructure.shared.database.local_sqlite import EngineRole
from src.operations.checks import live_rows
from src.operations.checks.live_rows import LIVE
from src.operations.checks.scene import Scene
from src.operations.verdict import Level
from tests.backends import on_sqlite
from tests.fault_proxy import FaultProxy
from tests.integration.operations.checks.live.conftest import SceneOf, look

IDS = [check.id for check in LIVE]
HOUR = timedelta(hours=1)


@pytest.fixture
def scene(scene_of: SceneOf, migrated_settings: Settings) -> Scene:
    """Of a migrated database without a row."""
    token = migrated_settings.turso_auth_token
    return scene_of("local", database_url=migrated_settings.database_url, turso_auth_token=token)


def rows(scene: Scene) -> int:
    with scene.database.engine(EngineRole.READ).connect() as connection:
        return sum(len(connection.execute(select(table)).all()) for table in Base.metadata.tables.values())


def store(scene: Scene, *, workspace: str, user: str = "autoforge-verify", age: timedelta = 2 * HOUR) -> None:
    with scene.database.write_session() as session:
        prompt = PromptModel(
            workspace_id=workspace,
            title="Test",
            content="left over",
            user_id=user,
            created_at=datetime.now(UTC) - age,
        )
        session.add(prompt)
        session.flush()
        session.add(EvaluationModel(workspace_id=workspace, prompt_id=prompt.id))
        session.commit()


def test_migrated_database_passes_all_and_is_left_as_it_was(scene: Scene) -> None:
    found = {id_: look(id_, scene) for id_ in IDS}
    assert {verdict.level for verdict in found.values()} == {Level.OK}, found
    assert rows(scene) == 0


def test_rows_of_people_stay(scene: Scene) -> None:
    store(scene, workspace="local", user="somebody")
    store(scene, workspace="verify-team", user="somebody")  # a name that people may choose
    store(scene, workspace=f"verify-{'0' * 32}", user="somebody")
    assert look("live.crud", scene).level is Level.OK
    assert rows(scene) == 6


def test_left_over_of_a_killed_run_goes_after_an_hour(scene: Scene) -> None:
    store(scene, workspace=f"verify-{'0' * 32}", age=HOUR / 2)  # perhaps of a run that goes on at this moment
    store(scene, workspace=f"verify-{'1' * 32}")
    assert look("live.crud", scene).level is Level.OK
    assert rows(scene) == 2


def test_missing_table_is_named(scene: Scene) -> None:
    with scene.database.write_transaction() as connection:
        connection.exec_driver_sql("DROP TABLE test_results")
        connection.commit()
    found = look("live.tables", scene)
    assert (found.level, found.message, found.fix) == (
        Level.FAIL,
        "missing: test_results",
        "Run: autoforge db upgrade",
    )


@pytest.mark.parametrize(
    ("trigger", "id_", "said"),
    [
        ("AFTER UPDATE ON prompts BEGIN SELECT RAISE(ABORT, 'no update'); END", "live.crud", "no update"),
        ("AFTER DELETE ON prompts BEGIN SELECT RAISE(ABORT, 'no delete'); END", "live.crud", "no delete"),
        (
            "AFTER UPDATE ON prompts WHEN NEW.title = 'Changed' BEGIN UPDATE prompts SET title = 'Test'; END",
            "live.crud",
            "a prompt that was changed reads as before",
        ),
        (
            "AFTER INSERT ON evaluations BEGIN UPDATE evaluations SET overall_score = 0.5; END",
            "live.relationships",
            "an evaluation is not found at its prompt",
        ),
    ],
)
def test_database_that_does_something_else_is_told_of(
    scene: Scene, trigger: str, id_: str, said: str
) -> None:
    with scene.database.write_transaction() as connection:
        connection.exec_driver_sql(f"CREATE TRIGGER in_the_way {trigger}")
        connection.commit()
    found = look(id_, scene)
    assert (found.level, said in found.message) == (Level.FAIL, True), found
    with scene.database.write_transaction() as connection:
        connection.exec_driver_sql("DROP TRIGGER in_the_way")
        connection.commit()


def test_failure_half_way_leaves_nothing(scene: Scene) -> None:
    """Also when nothing is an ordinary error any more, as with Ctrl-C."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch = pytest.MonkeyPatch()
    with monkeypatch.context() as patch:
        patch.setattr(live_rows, "_read", interrupted)
        with pytest.raises(KeyboardInterrupt):
            look("live.crud", scene)
    assert rows(scene) == 0


@on_sqlite
def test_ctrl_c_of_a_real_process_leaves_nothing(scene: Scene, migrated_settings: Settings) -> None:
    program = (
        "import os, signal, sys\n"
        "from datetime import UTC, datetime\n"
        "from src.core.config.settings.base import AppEnv, load_settings\n"
        "from src.operations.checks import live_rows\n"
        "from src.operations.checks.scene import Scene\n"
        "def interrupted(*_):\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    signal.pause()\n"
        "live_rows._read = interrupted\n"
        "read = lambda: load_settings(database_url=sys.argv[1])\n"
        "live_rows.LIVE[3].look(Scene(AppEnv.LOCAL, now=datetime.now(UTC), read_settings=read))\n"
    )
    backend = Path(__file__).parents[5]
    ended = subprocess.run(
        [sys.executable, "-c", program, migrated_settings.database_url],
        cwd=backend,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.defpath},
    )
    assert "KeyboardInterrupt" in ended.stderr
    assert ended.returncode == -signal.SIGINT
    assert rows(scene) == 0


def test_relationships_are_never_seen_by_others(scene: Scene) -> None:
    commits: list[object] = []
    event.listen(scene.database.engine(EngineRole.WRITE), "commit", commits.append)
    assert look("live.relationships", scene).level is Level.OK
    assert commits == []


def test_network_that_fails_on_the_way_is_an_outage_and_leaves_nothing(
    scene_of: SceneOf, migrated_on: Callable[[str], Settings]
) -> None:
    settings = migrated_on("libsql")
    host, port = settings.database_url.removeprefix("libsql://").partition("?")[0].split(":")
    with FaultProxy(host, int(port)) as proxy:
        scene = scene_of("local", database_url=proxy.url, turso_auth_token=settings.turso_auth_token)
        proxy.answer(503, when="UPDATE prompts", times=1)
        with pytest.raises(UnavailableError):
            look("live.crud", scene)
        assert rows(scene) == 0
