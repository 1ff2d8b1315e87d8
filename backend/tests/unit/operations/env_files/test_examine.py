import os
from collections.abc import Callable
from pathlib import Path

import pytest

from src.core import env_text
from src.core.config.settings.declaration import AppEnv
from src.core.replacing import replace_text
from src.operations.env_files import examine as examining
from src.operations.env_files.examine import mend_modes
from tests.env_values import NOW, RANDOM, sound_values

LOCAL, STAGING = AppEnv.LOCAL, AppEnv.STAGING
Git = Callable[..., str]


@pytest.fixture
def file(folder: Path) -> Path:
    """A file of staging with which nothing is wrong."""
    return write(folder / ".env.staging", **sound_values(STAGING))


def write(path: Path, **values: str) -> Path:
    path.write_text("".join(env_text.assignment(k, v) for k, v in values.items()), encoding="utf-8")
    path.chmod(0o600)
    return path


def examine(folder: Path, env: AppEnv = STAGING, **process: str) -> list[tuple[str, str]]:
    found = examining.examine(env, folder, NOW, process=process)
    assert not any(RANDOM in fault.message + fault.fix for fault in found)
    return [(fault.kind.value, fault.name) for fault in found]


def test_nothing_is_wrong_with_a_sound_file(folder: Path, file: Path, git: Git) -> None:
    assert examine(folder) == []


def test_locally_there_need_be_no_file(folder: Path, git: Git) -> None:
    assert examine(folder, LOCAL) == []


def test_absent_file_of_staging_is_told_and_not_every_value_it_would_hold(folder: Path) -> None:
    assert examine(folder) == [("no-file", "backend/.env.staging")]


def test_server_may_be_given_everything_by_its_process(folder: Path) -> None:
    assert examine(folder, **sound_values(STAGING)) == []
    assert examine(folder, APP_ENV="staging", PATH="/bin", GITHUB_TOKEN="x")[:1] == [
        ("missing", "TURSO_DATABASE_URL")
    ]


def test_value_of_the_process_wins_and_is_told_as_such(folder: Path, file: Path) -> None:
    [fault] = examining.examine(STAGING, folder, NOW, process={"REDIS_PASSWORD": "short"})

    assert (fault.kind, fault.name) == ("weak", "REDIS_PASSWORD")
    assert "set in the environment of the process" in fault.message


def test_process_of_another_environment_is_no_fault(folder: Path, file: Path) -> None:
    assert examine(folder, APP_ENV="local", DATABASE_URL="sqlite:///x.db") == []


def test_fault_of_a_value_is_found(folder: Path, file: Path) -> None:
    write(file, **sound_values(STAGING) | {"TURSO_AUTH_TOKEN": "${STAGING_TURSO_AUTH_TOKEN}"})

    assert examine(folder) == [("placeholder", "TURSO_AUTH_TOKEN")]


def test_common_file_counts_unless_it_is_of_another_environment(folder: Path, file: Path) -> None:
    write(folder / ".env", PORT="http")
    assert examine(folder) == [("invalid", "PORT")]

    write(folder / ".env", APP_ENV="local", PORT="http")
    assert examine(folder) == []


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
@pytest.mark.parametrize("name", [".env", ".env.staging"])
def test_file_that_others_can_use_is_told_and_closed(folder: Path, file: Path, name: str, mode: int) -> None:
    path = folder / name
    path.touch()
    path.chmod(mode)

    assert examine(folder) == [("mode", f"backend/{name}")]
    assert mend_modes(STAGING, folder) == [path]
    assert examine(folder) == []


def test_link_is_told_and_never_closed(folder: Path, file: Path, tmp_path: Path) -> None:
    target = file.rename(tmp_path / "elsewhere")
    target.chmod(0o644)
    file.symlink_to(target)

    assert examine(folder) == [("symlink", "backend/.env.staging")]
    assert mend_modes(STAGING, folder) == []


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_file_of_another_user_is_told(folder: Path, file: Path) -> None:
    os.chown(file, 12345, -1)

    assert examine(folder) == [("owner", "backend/.env.staging")]


def test_folder_that_everybody_can_write_is_told(folder: Path, file: Path) -> None:
    folder.chmod(0o777)
    assert examine(folder) == [("folder", str(folder))]

    folder.chmod(0o1777)  # as /tmp is: nobody can take away what is another's
    assert examine(folder) == []


def test_folder_instead_of_a_file_and_a_file_that_is_no_text_are_told(folder: Path) -> None:
    (folder / ".env.staging").mkdir()
    assert ("unreadable", "backend/.env.staging") in examine(folder)

    (folder / ".env.staging").rmdir()
    (folder / ".env.staging").write_bytes(b"A=\x83")
    (folder / ".env.staging").chmod(0o600)
    assert examine(folder) == [("unreadable", "backend/.env.staging")]


def test_line_that_cannot_be_read_is_told_with_its_number(folder: Path, file: Path) -> None:
    with file.open("a") as end:
        end.write("no assignment\n")

    [fault] = examining.examine(STAGING, folder, NOW, process={})

    assert fault.kind == "syntax"
    assert f"line {len(sound_values(STAGING)) + 1}:" in fault.message


def test_name_that_is_set_twice_is_told_unless_one_is_empty(folder: Path, file: Path) -> None:
    with file.open("a") as end:
        end.write("PORT=\nPORT=8001\n")
    assert examine(folder) == []

    with file.open("a") as end:
        end.write("port=8002\n")
    assert examine(folder) == [("duplicate", "PORT")]


def test_what_a_cut_off_rendering_left_is_told_with_what_removes_it(
    folder: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "replace", lambda *_: None)  # as if killed before the new file took its place
    replace_text(file, "PORT=1\n")
    replace_text(folder / ".env.staging.json", "{}")
    for name in (".env.staging.template", ".env.staging.lock", ".env.production.abcd1234"):
        (folder / name).touch()

    faults = examining.examine(STAGING, folder, NOW, process={})

    assert [(fault.kind, fault.is_fatal) for fault in faults] == [("left-over", False)] * 2
    for fault in faults:
        left = folder / Path(fault.name).name
        assert fault.fix == f"Run: rm '{left}'"
        left.unlink()
    assert examine(folder) == []


def test_file_that_git_tracks_is_told_once(folder: Path, file: Path, git: Git) -> None:
    git("add", "--force", ".env.staging")

    assert examine(folder) == [("tracked", "backend/.env.staging")]


def test_file_that_git_would_take_is_told(folder: Path, file: Path, git: Git) -> None:
    (folder / ".gitignore").write_text("!.env.staging\n")

    assert examine(folder) == [("not-ignored", "backend/.env.staging")]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        (".env.production.template", f"TURSO_AUTH_TOKEN={RANDOM}"),
        (".env.production.template", f"TURSO_DATABASE_URL=libsql://{RANDOM}"),
        (".env.example", f"OPENAI_API_KEY='{RANDOM}'"),
        ("../web/.env.prod", f"NEXT_PUBLIC_KEY=sk_live_{RANDOM}"),
    ],
)
def test_secret_in_a_tracked_file_is_told_wherever_it_is(
    folder: Path, file: Path, git: Git, name: str, line: str
) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(f"# head\n{line}\n")
    git("add", "--force", name)

    assert examine(folder) == [("literal-secret", os.path.normpath(f"backend/{name}"))]


def test_names_placeholders_and_defaults_in_tracked_files_are_no_secrets(
    folder: Path, file: Path, git: Git
) -> None:
    (folder / ".env.example").write_text(
        "REDIS_HOST=127.0.0.1\nOPENAI_API_KEY=\nANTHROPIC_API_KEY=your-key\nLOG_LEVEL=DEBUG\nX=1\n"
    )
    (folder / ".env.staging.template").write_text("TURSO_AUTH_TOKEN=${STAGING_TURSO_AUTH_TOKEN}\n")
    git("add", ".")

    assert examine(folder) == []


def test_file_that_only_lies_there_is_not_tracked(folder: Path, file: Path, git: Git) -> None:
    write(folder / ".env.production.template", TURSO_AUTH_TOKEN=RANDOM)

    assert examine(folder) == []


def test_without_git_all_else_is_still_told(
    folder: Path, file: Path, git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git("add", "--force", ".env.staging")
    file.chmod(0o644)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert examine(folder) == [("mode", "backend/.env.staging")]


def test_hook_of_git_asks_about_the_right_tree(
    folder: Path, file: Path, git: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    git("add", "--force", ".env.staging")
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere/index")

    assert examine(folder) == [("tracked", "backend/.env.staging")]


def test_project_itself_tracks_no_secret() -> None:
    found = examining.examine(LOCAL, Path(__file__).parents[4], NOW, process={})

    assert [fault for fault in found if fault.kind in ("literal-secret", "tracked", "not-ignored")] == []


def test_folder_that_is_reached_by_a_link_is_the_same(
    folder: Path, file: Path, git: Git, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(folder)
    assert examine(tmp_path / "link") == []

    git("add", "--force", ".env.staging")
    assert examine(tmp_path / "link") == [("tracked", "backend/.env.staging")]
