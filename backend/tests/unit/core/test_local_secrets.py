import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from src.core.config.settings.base import BACKEND_DIR, load_settings, read_env_files
from src.core.config.settings.local_secrets import ensure_local_secret

NAME = "JWT_SECRET_KEY"


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_secret_that_is_needed_first_is_made(folder: Path) -> None:
    assert ensure_local_secret(NAME, folder=folder)

    made = load_settings().require_secret(NAME)
    assert len(made) >= 64
    assert mode_of(folder / ".env.local") == 0o600


def test_each_secret_is_another(tmp_path: Path) -> None:
    made = set()
    for name in ("a", "b", "c"):
        folder = tmp_path / name
        folder.mkdir()
        ensure_local_secret(NAME, folder=folder)
        made.add(read_env_files(folder)[NAME])

    assert len(made) == 3


def test_secret_that_is_there_is_never_overwritten(folder: Path) -> None:
    (folder / ".env.local").write_text(f"{NAME}=mine\n")

    assert not ensure_local_secret(NAME, folder=folder)

    assert (folder / ".env.local").read_text() == f"{NAME}=mine\n"


def test_secret_is_made_once(folder: Path) -> None:
    ensure_local_secret(NAME, folder=folder)
    before = (folder / ".env.local").read_text()

    assert not ensure_local_secret(NAME, folder=folder)

    assert (folder / ".env.local").read_text() == before


def test_secret_in_the_environment_needs_no_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "from outside")

    assert not ensure_local_secret(NAME, folder=folder)

    assert not (folder / ".env.local").exists()


def test_secret_in_the_common_file_counts(folder: Path) -> None:
    (folder / ".env").write_text(f"{NAME}=common\n")

    assert not ensure_local_secret(NAME, folder=folder)

    assert not (folder / ".env.local").exists()


@pytest.mark.parametrize("before", [f"{NAME}=\n", f'{NAME}=""\n'])
def test_empty_secret_counts_as_none(folder: Path, before: str) -> None:
    (folder / ".env.local").write_text(before)

    assert ensure_local_secret(NAME, folder=folder)

    assert len(load_settings().require_secret(NAME)) >= 64


@pytest.mark.parametrize("before", ["# 私の設定\nPORT=1002\n\nA='x y'\n", "PORT=1002"])
def test_rest_of_the_file_stays_as_it_is(folder: Path, before: str) -> None:
    (folder / ".env.local").write_text(before, encoding="utf-8")

    ensure_local_secret(NAME, folder=folder)

    assert (folder / ".env.local").read_text(encoding="utf-8").startswith(before)
    assert load_settings().port == 1002
    assert NAME in read_env_files(folder)


def test_file_that_others_could_read_is_closed(folder: Path) -> None:
    (folder / ".env.local").write_text("PORT=1002\n")
    (folder / ".env.local").chmod(0o644)

    ensure_local_secret(NAME, folder=folder)

    assert mode_of(folder / ".env.local") == 0o600


def test_no_other_file_is_left_but_the_lock(folder: Path) -> None:
    ensure_local_secret(NAME, folder=folder)

    assert sorted(path.name for path in folder.iterdir()) == [".env.local", ".env.local.lock"]


def test_write_that_fails_leaves_the_file_as_it_was(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replaced as a whole or not at all; a full disk shows at `fsync`."""
    (folder / ".env.local").write_text("PORT=1002\n")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        ensure_local_secret(NAME, folder=folder)

    assert (folder / ".env.local").read_text() == "PORT=1002\n"
    assert sorted(path.name for path in folder.iterdir()) == [".env.local", ".env.local.lock"]


def test_processes_that_need_secrets_at_once_lose_none(folder: Path) -> None:
    program = (
        "import sys; from pathlib import Path;"
        "from src.core.config.settings.local_secrets import ensure_local_secret as ensure;"
        "print('ready', flush=True); sys.stdin.readline();"
        "print(*[ensure(name, folder=Path(sys.argv[1])) for name in sys.argv[2:]])"
    )
    names = [NAME, "CLERK_SECRET_KEY", "LANGFUSE_SECRET_KEY"]
    command = [sys.executable, "-c", program, str(folder), *names]
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    processes: list[Any] = [subprocess.Popen(command, cwd=BACKEND_DIR, text=True, **pipes) for _ in range(3)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    said = " ".join(process.communicate(timeout=15)[0] for process in processes).split()

    assert (said.count("True"), said.count("False")) == (3, 6)
    assert sorted(read_env_files(folder)) == sorted(names)
    assert (folder / ".env.local").read_text().count("=") == 3
