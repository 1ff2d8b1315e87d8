"""Phase 4-3: a sound environment, and each kind of fault made for real."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from src.core import env_text
from src.core.config.settings.base import AppEnv
from src.core.config.settings.faults import FaultKind
from src.operations.checks.check import Finding, run
from src.operations.checks.settings import SETTINGS
from tests.env_values import sound_values
from tests.integration.operations.checks.scenes import OpenScene

Written = Callable[..., Path]


@pytest.fixture
def written(clone: Path, monkeypatch: pytest.MonkeyPatch) -> Written:
    """Writes the file of staging, with some values changed, or left out when they are None."""
    subprocess.run(["git", "init", "-q", str(clone)], check=True)
    (clone / "backend" / ".gitignore").write_text(".env*\n!.env*.template\n!.env.example\n")
    monkeypatch.delenv("DATABASE_URL", raising=False)

    def write(text: str = "", **changed: str | None) -> Path:
        values = {**sound_values(AppEnv.STAGING), **changed}
        path = clone / "backend" / ".env.staging"
        path.unlink(missing_ok=True)
        lines = [env_text.assignment(name, value) for name, value in values.items() if value is not None]
        path.write_text("".join([*lines, text]))
        path.chmod(0o600)
        return path

    return write


@pytest.fixture
def findings(
    open_scene: OpenScene, written: Written, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], list[Finding]]:
    def look() -> list[Finding]:
        monkeypatch.delenv("DATABASE_URL", raising=False)
        return run(SETTINGS, open_scene(AppEnv.STAGING))

    return look


def test_sound_file_is_fine(findings: Callable[[], list[Finding]], written: Written) -> None:
    written()
    assert {found.check.id: found.message for found in findings() if found.level != "ok"} == {}


def _git_add(path: Path) -> None:
    subprocess.run(["git", "-C", str(path.parent), "add", "-f", path.name], check=True)


def _template_with_secret(path: Path) -> None:
    template = path.with_name(".env.production.template")
    template.write_text("OPENAI_API_KEY=sk-canary-0123456789\n")
    _git_add(template)


def _link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


FAULTS: dict[str, tuple[Callable[[Written], object], str]] = {
    "no file": (lambda write: write().unlink(), "env-file.no-file"),
    "no UTF-8": (lambda write: write().write_bytes(b"PORT=\xff\n"), "env-file.unreadable"),
    "no name": (lambda write: write("just words\n"), "env-file.syntax"),
    "twice": (lambda write: write("LOG_LEVEL=INFO\nLOG_LEVEL=INFO"), "env-file.duplicate"),
    "mode": (lambda write: write().chmod(0o644), "env-file.mode"),
    "link": (lambda write: _link(write()), "env-file.symlink"),
    "folder": (lambda write: write().parent.chmod(0o777), "env-file.folder"),
    "tracked": (lambda write: _git_add(write()), "env-file.tracked"),
    "not ignored": (lambda write: write().with_name(".gitignore").unlink(), "env-file.not-ignored"),
    "secret in a template": (lambda write: _template_with_secret(write()), "env-file.literal-secret"),
    "missing": (lambda write: write(CLERK_SECRET_KEY=None), "settings.missing"),
    "placeholder": (
        lambda write: write(CLERK_SECRET_KEY="${STAGING_CLERK_SECRET_KEY}"),
        "settings.placeholder",
    ),
    "placeholder in an address": (
        lambda write: write(TURSO_DATABASE_URL="libsql://${HOST}"),
        "settings.placeholder",
    ),
    "mistyped": (lambda write: write(LOG_LEVLE="INFO"), "settings.unknown"),
    "weak": (lambda write: write(JWT_SECRET_KEY="short"), "settings.weak"),
    "other environment": (lambda write: write(APP_ENV="production"), "settings.wrong-environment"),
    "two minds": (lambda write: write(TURSO_STAGING_AUTH_TOKEN="another"), "settings.disagreement"),
    "wrong type": (lambda write: write(PORT="many"), "settings.valid"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_turns_its_own_check_red(
    findings: Callable[[], list[Finding]], written: Written, fault: str
) -> None:
    break_it, name = FAULTS[fault]
    break_it(written)

    found = findings()

    bad = [one for one in found if one.is_bad]
    assert [one.check.id for one in bad] == [name], [one.message for one in bad]
    assert bad[0].fix
    assert {one.message for one in found if one.level == "blocked"} <= {f"blocked by {name}"}
    assert "canary" not in repr([one.message for one in found])


def test_old_name_is_a_warning(findings: Callable[[], list[Finding]], written: Written) -> None:
    key = sound_values(AppEnv.STAGING)["CLERK_PUBLISHABLE_KEY"]
    written(CLERK_PUBLISHABLE_KEY=None, CLERK_PUBLIC_KEY=key)
    [bad] = [found for found in findings() if found.is_bad]
    assert (bad.check.id, bad.level) == ("settings.old-name", "warn")


def test_file_of_somebody_else_is_told(
    findings: Callable[[], list[Finding]], written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    written()
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    assert [found.check.id for found in findings() if found.is_bad] == ["env-file.owner"]


def test_mode_is_mended(
    findings: Callable[[], list[Finding]], written: Written, open_scene: OpenScene
) -> None:
    path = written()
    path.chmod(0o640)
    [bad] = [found for found in findings() if found.is_bad]
    assert bad.can_mend
    assert bad.check.mend is not None
    assert bad.check.mend(open_scene(AppEnv.STAGING)) == "chmod 600 backend/.env.staging"
    assert path.stat().st_mode & 0o777 == 0o600


def test_there_is_a_check_for_each_kind_of_fault() -> None:
    known = {check.id.partition(".")[2] for check in SETTINGS}
    # of a token that expired database.token-expiry tells, and of what is of the wrong type settings.valid
    # and what is left over harms no environment: `env check` tells it
    assert {kind.value for kind in FaultKind} - known == {"expired", "invalid", "left-over"}
