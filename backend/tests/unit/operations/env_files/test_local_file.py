import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from src.core.config.settings.base import BACKEND_DIR, SettingsError, load_settings, read_env_files
from src.core.config.settings.catalogue import all_settings
from src.core.config.settings.declaration import AppEnv
from src.operations.env_files.local_file import complete

NAME = "JWT_SECRET_KEY"


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def file(folder: Path) -> Path:
    return folder / ".env.local"


def test_file_that_is_not_there_is_made_with_the_secret(folder: Path, file: Path) -> None:
    found = complete(folder)

    assert (found.path, found.is_new, found.made) == (file, True, (NAME,))
    assert len(load_settings().require_secret(NAME)) >= 64
    assert mode_of(file) == 0o600


def test_new_file_shows_every_setting_with_its_line_and_default_and_sets_none(
    folder: Path, file: Path
) -> None:
    complete(folder)

    text = file.read_text(encoding="utf-8")
    assert list(read_env_files(folder)) == [NAME]
    for setting in all_settings():
        assert (f"\n# {setting.name}=" in text) == (setting.is_for(AppEnv.LOCAL) and setting.name != NAME)
        assert (f"# {setting.en}\n# {setting.ja}\n" in text) == setting.is_for(AppEnv.LOCAL)
    assert "\n# PORT=8000\n" in text


def test_default_that_is_uncommented_is_what_it_was(folder: Path, file: Path) -> None:
    plain = load_settings(jwt_secret_key=None)
    complete(folder)
    lines = file.read_text(encoding="utf-8").splitlines()
    opened = [
        line.removeprefix("# ") if line[:3].strip("# ").isupper() and "=" in line else line for line in lines
    ]
    file.write_text("\n".join(opened), encoding="utf-8")

    assert len(read_env_files(folder)) > 20
    assert load_settings(jwt_secret_key=None).model_dump() == plain.model_dump()


def test_each_secret_is_another(tmp_path: Path) -> None:
    made = set()
    for name in ("a", "b", "c"):
        folder = tmp_path / name
        folder.mkdir()
        complete(folder)
        made.add(read_env_files(folder)[NAME])

    assert len(made) == 3


@pytest.mark.parametrize("name", [".env.local", ".env"])
def test_secret_that_is_there_is_never_overwritten(folder: Path, name: str) -> None:
    (folder / name).write_text(f"{NAME}=mine\n")

    assert complete(folder).made == ()
    assert (folder / name).read_text() == f"{NAME}=mine\n"


def test_second_run_changes_not_one_byte(folder: Path, file: Path) -> None:
    complete(folder)
    before, moment = file.read_bytes(), file.stat().st_mtime_ns

    assert complete(folder).made == ()
    assert (file.read_bytes(), file.stat().st_mtime_ns) == (before, moment)


@pytest.mark.parametrize("before", [f"{NAME}=\n", f'{NAME}=""\n'])
def test_empty_secret_counts_as_none(folder: Path, file: Path, before: str) -> None:
    file.write_text(before)

    assert complete(folder).made == (NAME,)
    assert len(load_settings().require_secret(NAME)) >= 64


@pytest.mark.parametrize("before", ["# 私の設定\nPORT=1002\n\nA='x y'\n", "PORT=1002", "PORT=1002\r\n", ""])
def test_rest_of_the_file_stays_as_it_is(folder: Path, file: Path, before: str) -> None:
    file.write_bytes(before.encode())

    complete(folder)

    assert file.read_bytes().startswith(before.encode())
    assert file.read_bytes().count(b"=") == before.count("=") + 1
    assert load_settings().port == (1002 if before else 8000)
    assert NAME in read_env_files(folder)


@pytest.mark.parametrize("text", ["PORT=1002\n", f"{NAME}=mine\n"])
def test_file_that_others_could_read_is_closed(folder: Path, file: Path, text: str) -> None:
    file.write_text(text)
    file.chmod(0o644)

    complete(folder)

    assert mode_of(file) == 0o600


def test_dry_run_says_the_same_and_writes_nothing(folder: Path) -> None:
    found = complete(folder, dry_run=True)

    assert (found.is_new, found.made) == (True, (NAME,))
    assert list(folder.iterdir()) == []


def test_link_is_refused(folder: Path, file: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("PORT=1002\n")
    file.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(SettingsError, match="symbolic link"):
        complete(folder)

    assert (tmp_path / "elsewhere").read_text() == "PORT=1002\n"


def test_file_that_is_no_text_is_refused_and_left(folder: Path, file: Path) -> None:
    file.write_bytes(b"PORT=1002\n\x83\x65")

    with pytest.raises(SettingsError, match="byte 11 is no UTF-8"):
        complete(folder)

    assert file.read_bytes() == b"PORT=1002\n\x83\x65"


def test_no_other_file_is_left_but_the_lock(folder: Path) -> None:
    complete(folder)

    assert sorted(path.name for path in folder.iterdir()) == [".env.local", ".env.local.lock"]


def test_write_that_fails_leaves_the_file_as_it_was(
    folder: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Replaced as a whole or not at all; a full disk shows at `fsync`."""
    file.write_text("PORT=1002\n")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        complete(folder)

    assert file.read_text() == "PORT=1002\n"
    assert sorted(path.name for path in folder.iterdir()) == [".env.local", ".env.local.lock"]


def test_processes_at_once_make_one_secret(folder: Path, file: Path) -> None:
    program = (
        "import sys; from pathlib import Path;"
        "from src.operations.env_files.local_file import complete;"
        "print('ready', flush=True); sys.stdin.readline();"
        "print(len(complete(Path(sys.argv[1])).made))"
    )
    command = [sys.executable, "-c", program, str(folder)]
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    processes: list[Any] = [subprocess.Popen(command, cwd=BACKEND_DIR, text=True, **pipes) for _ in range(4)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    said = [process.communicate(timeout=30)[0].strip() for process in processes]

    assert sorted(said) == ["0", "0", "0", "1"]
    assert file.read_text(encoding="utf-8").count(f"\n{NAME}=") == 1
