"""Phase 4-1 on a copy of the files: each thing broken in turn turns its own check red."""

import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest

from src.operations.checks.all_checks import ALL_CHECKS
from src.operations.checks.check import run
from src.operations.checks.migration_files import MIGRATION_FILES, WAYS_BACK
from tests.integration.operations.checks.scenes import Look, OpenScene

SECOND = '''"""Describe prompts by their title

Revision ID: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "{parent}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(sa.text("UPDATE prompts SET description = title WHERE id = '1'"))


def downgrade() -> None:
    {back}
'''


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def _versions(backend: Path) -> Path:
    return backend / "alembic" / "versions"


def _first(backend: Path) -> Path:
    return next(_versions(backend).glob("*_0001_*.py"))


def _second(backend: Path, *, parent: str = "0001", back: str = 'raise NotImplementedError("kept")') -> None:
    path = _versions(backend) / "20261124_0002_describe_prompts_by_their_title.py"
    path.write_text(SECOND.format(parent=parent, back=back), encoding="utf-8")


def _two_heads(backend: Path) -> None:
    _second(backend)
    path = _versions(backend) / "20261124_0003_describe_prompts_by_their_title.py"
    path.write_text(
        SECOND.format(parent="0001", back="raise NotImplementedError('kept')").replace("0002", "0003")
    )


FAULTS: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "ini removed": (lambda b: (b / "alembic.ini").unlink(), "migrations.ini", "git checkout"),
    "ini unreadable": (
        lambda b: (b / "alembic.ini").write_text("script_location = alembic\n"),
        "migrations.ini",
        "git checkout",
    ),
    "other script_location": (
        lambda b: _edit(b / "alembic.ini", "script_location = alembic", "script_location = migrations"),
        "migrations.ini",
        "git checkout",
    ),
    "no prepend_sys_path": (
        lambda b: _edit(b / "alembic.ini", "prepend_sys_path = .\n", ""),
        "migrations.ini",
        "git checkout",
    ),
    "URL in the ini": (
        lambda b: _edit(
            b / "alembic.ini", "[loggers]", "sqlalchemy.url = libsql://x?authToken=canary-1\n[loggers]"
        ),
        "migrations.ini-url",
        "Remove that line",
    ),
    "env.py without models": (
        lambda b: _edit(b / "alembic" / "env.py", "from src.infrastructure.database.models import Base", ""),
        "migrations.env",
        "git checkout",
    ),
    "env.py without metadata": (
        lambda b: _edit(b / "alembic" / "env.py", "target_metadata=Base.metadata,", ""),
        "migrations.env",
        "git checkout",
    ),
    "env.py that is no Python": (
        lambda b: (b / "alembic" / "env.py").write_text("def (:\n"),
        "migrations.env",
        "git checkout",
    ),
    "no migration": (lambda b: _first(b).unlink(), "migrations.history", "git checkout"),
    "migration that is no Python": (
        lambda b: (_versions(b) / "20261124_0002_x.py").write_text("def (:\n"),
        "migrations.history",
        "Correct that file",
    ),
    "two heads": (_two_heads, "migrations.line", "down_revision"),
    "unknown parent": (lambda b: _second(b, parent="0009"), "migrations.line", "down_revision"),
    "other first title": (
        lambda b: _edit(_first(b), "Initial schema: prompts and evaluations", "Tables"),
        "migrations.first",
        "git checkout",
    ),
    "no way back": (lambda b: _second(b, back="pass"), "migrations.downgrades", "downgrade()"),
    "unsafe": (
        lambda b: _second(b, back="op.execute(sa.text('PRAGMA foreign_keys=OFF'))"),
        "migrations.lint",
        "autoforge db lint",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_turns_its_own_check_red(open_scene: OpenScene, clone: Path, fault: str) -> None:
    break_it, name, fix = FAULTS[fault]
    break_it(clone / "backend")

    findings = run([*MIGRATION_FILES, *WAYS_BACK], open_scene())

    [failed] = [found for found in findings if found.level == "fail"]
    assert failed.check.id == name
    assert fix in (failed.fix or "")
    assert {found.message for found in findings if found.level == "blocked"} <= {f"blocked by {name}"}
    assert "canary" not in repr([found.message for found in findings])


def test_files_of_the_clone_are_fine(open_scene: OpenScene) -> None:
    findings = run([check for check in ALL_CHECKS if check.phase == "4-1"], open_scene())
    assert {found.level for found in findings} == {"ok"}


def test_second_migration_is_fine_too(look: Look, clone: Path) -> None:
    _second(clone / "backend")
    assert look("migrations.history").message == "2 migrations"
    assert look("migrations.downgrades").level == "ok"


def test_alembic_that_is_not_installed_is_named(
    look: Look, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = metadata.version("alembic")
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    assert look("migrations.alembic").message == version
    monkeypatch.setenv("PATH", "")
    assert "not on the PATH of this shell" in look("migrations.alembic").message
    other = tmp_path / "alembic"
    other.write_text("")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert f"another one here: {other}" in look("migrations.alembic").message
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    assert (look("migrations.alembic").level, look("migrations.alembic").fix) == (
        "fail",
        "Run: make clean setup",
    )
    monkeypatch.setattr(sys, "path", [path for path in sys.path if "site-packages" not in path])
    assert look("migrations.alembic").message == "Alembic is not installed"
