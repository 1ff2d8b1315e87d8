import os
import shutil
import socket
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from src.core.config.settings.base import AppEnv, Settings
from src.infrastructure.shared.database.turso_connection import TursoConnection
from src.operations.checks import local_file, machine
from src.operations.verdict import Level
from tests.backends import on_sqlite
from tests.integration.operations.checks.scenes import Look, OpenScene
from tests.llm_server import FakeLlm


@pytest.mark.parametrize(
    ("version", "has_it"),
    [
        ((3, 6, 23), False),
        ((3, 7, 0), True),
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 45, 0), True),
        ((3, 50, 6), True),
        ((3, 50, 7), False),
        ((3, 51, 0), True),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 53, 0), False),
    ],
)
def test_sqlite_versions_with_the_wal_reset_bug_are_known(version: tuple[int, ...], has_it: bool) -> None:
    assert machine.has_wal_reset_bug(version) is has_it
    assert ("WAL-reset" in machine.judge_sqlite(version, is_guarded=True).message) is has_it
    assert machine.judge_sqlite(version, is_guarded=False).level == (Level.WARN if has_it else Level.OK)


@pytest.mark.parametrize(
    ("version", "level"), [((3, 10, 9), "fail"), ((3, 11, 0), "ok"), ((3, 13, 2), "ok"), ((3, 14, 0), "warn")]
)
def test_python_versions_are_judged(version: tuple[int, ...], level: str) -> None:
    assert machine.judge_python(version).level == level


def test_python_without_a_virtual_environment_is_fine_in_an_image_only(
    open_scene: OpenScene, tmp_path: Path
) -> None:
    clone, image = open_scene(), open_scene(backend=tmp_path)
    assert (clone.project, image.project) == (clone.backend.parent, None)

    def judged(prefix: Path, *, is_virtual: bool, image_too: bool = False) -> tuple[str, str]:
        found = machine.judge_environment(
            prefix=prefix, is_virtual=is_virtual, scene=image if image_too else clone
        )
        return found.level, found.message

    assert judged(Path("/usr"), is_virtual=False)[0] == "warn"
    assert judged(Path("/usr"), is_virtual=False, image_too=True)[0] == "skip"
    assert judged(clone.backend / ".venv", is_virtual=True) == ("ok", "the project's own, backend/.venv")
    assert "another than" in judged(Path("/home/me/venv"), is_virtual=True)[1]


def test_installed_packages_are_compared_with_the_lock(look: Look, clone: Path) -> None:
    lock = clone / "backend" / "requirements.lock"
    assert look("machine.packages").level == "ok"

    lock.write_text("sqlalchemy==1.4.0 \\\n    --hash=sha256:0\nno-such-package==2.0\nother-system==1 ; x\n")
    found = look("machine.packages")
    assert (found.level, found.fix) == ("fail", "Run: make clean setup")
    assert "sqlalchemy is 2." in found.message
    assert "no-such-package 2.0 is not installed" in found.message
    assert "other-system" not in found.message

    lock.unlink()
    assert look("machine.packages").level == "skip"


def test_driver_that_is_missing_is_named(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "turso-serverless 0" in look("machine.driver").message
    site = [path for path in sys.path if "site-packages" in path]
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path not in site])
    found = look("machine.driver")
    assert (found.level, found.fix) == ("warn", "Run: make clean setup")  # a local file can do without
    assert "turso-serverless" in found.message
    monkeypatch.setenv("DATABASE_URL", "libsql://db.example")
    assert look("machine.driver").level == "fail"
    monkeypatch.setenv("PORT", "many")
    assert look("machine.driver").level == "fail"


def test_src_of_somebody_else_is_seen_where_the_user_stands(
    look: Look, open_scene: OpenScene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = open_scene(backend=Path(machine.__file__).parents[3])
    monkeypatch.chdir(tmp_path)
    assert look("machine.imports", here).level == "ok"

    (tmp_path / "src" / "core").mkdir(parents=True)
    (tmp_path / "src" / "__init__.py").write_text("")
    assert "another one" in look("machine.imports", here).message
    (tmp_path / "src" / "core").rmdir()
    found = look("machine.imports", here)
    assert (found.level, "hides ours" in found.message) == ("warn", True)
    assert "No module named 'src.core'" in found.message


def test_launcher_that_may_not_be_run_is_mended(look: Look, open_scene: OpenScene, clone: Path) -> None:
    launcher = clone / "autoforge"
    assert look("machine.launcher").level == "ok"

    launcher.chmod(0o644)
    found = look("machine.launcher")
    assert (found.level, found.can_mend) == ("fail", True)
    assert found.check.mend is not None
    found.check.mend(open_scene())
    assert look("machine.launcher").level == "ok"

    launcher.unlink()
    found = look("machine.launcher")
    assert ("git checkout" in (found.fix or ""), found.can_mend) == (True, False)


def test_tools_of_the_guide_are_not_needed_but_git_is(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}" if name in ("git", "gh") else None)
    found = look("machine.tools")
    assert (found.level, found.message) == (
        "ok",
        "here: git, gh; not here and not needed: turso, redis-cli, docker",
    )
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert look("machine.tools").level == "warn"


def test_port_that_is_taken_fails_unless_it_is_ours(
    look: Look, open_scene: OpenScene, llm: FakeLlm, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        monkeypatch.setenv("PORT", str(port))
        found = look("machine.port")
        assert (found.level, f"--port {port + 1}" in (found.fix or "")) == ("fail", True)
        monkeypatch.setattr(machine, "serves_us", lambda *_: True)
        assert look("machine.port").level == "ok"
    monkeypatch.undo()
    assert machine.judge_port("127.0.0.1", port).message.endswith("is free")
    assert machine.serves_us("127.0.0.1", int(llm.base_url.rpartition(":")[2])) is False
    assert look("machine.port", open_scene(AppEnv.STAGING)).level == "skip"


def test_folder_that_takes_no_file_fails(
    look: Look, open_scene: OpenScene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/data/a.db")
    assert look("machine.folder").level == "ok"
    (tmp_path / "data").write_text("")
    assert look("machine.folder").level == "fail"
    (tmp_path / "data").unlink()
    monkeypatch.setattr(os, "access", lambda *_: False)  # root, who runs tests, may write anywhere
    found = look("machine.folder")
    assert (found.level, "DATABASE_URL" in (found.fix or "")) == ("fail", True)


@pytest.mark.parametrize(("free", "level"), [(5e9, "ok"), (5e8, "warn"), (1e6, "fail")])
def test_room_on_the_disk_is_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: float, level: str
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    assert local_file.judge_disk(tmp_path / "absent" / "autoforge.db").level == level


@on_sqlite
def test_write_test_leaves_nothing_behind(
    look: Look, open_scene: OpenScene, migrated_settings: Settings
) -> None:
    scene = open_scene(read_settings=lambda: migrated_settings)
    assert look("machine.write", scene).level == "ok"
    connection = sqlite3.connect(scene.database.path)
    assert connection.execute("SELECT * FROM sqlite_master WHERE name LIKE 'doctor%'").fetchall() == []
    connection.execute("CREATE TABLE doctor_was_here (id)")
    connection.close()
    found = look("machine.write", scene)
    assert (found.level, "already exists" in found.message) == ("fail", True)


@on_sqlite
def test_other_writer_is_told_and_not_waited_for(
    look: Look, open_scene: OpenScene, migrated_settings: Settings
) -> None:
    scene = open_scene(read_settings=lambda: migrated_settings)
    holder = sqlite3.connect(scene.database.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    found = look("machine.write", scene)
    holder.close()
    assert (found.level, found.message) == ("warn", "another process is writing to it now")


def test_file_that_is_no_database_cannot_be_written(
    look: Look, open_scene: OpenScene, migrated_on: Callable[[str], Settings]
) -> None:
    settings = migrated_on("sqlite")
    TursoConnection(settings).path.write_bytes(b"this only has the name of a database" * 100)
    found = look("machine.write", open_scene(read_settings=lambda: settings))
    assert (found.level, "not a database" in found.message) == ("fail", True)


def test_nothing_is_made_by_looking(look: Look, clone: Path) -> None:
    assert look("machine.write").level == "skip"
    assert look("migrations.current").level == "skip"
    assert not (clone / "backend" / "data").exists()
