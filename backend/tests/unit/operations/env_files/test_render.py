import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from src.core import env_text
from src.core.config.settings.base import BACKEND_DIR, SettingsError, load_settings
from src.core.config.settings.declaration import AppEnv
from src.core.config.settings.values import is_placeholder
from src.operations.env_files.executing import environment_of
from src.operations.env_files.render import Form, OutputRefusedError, plan
from src.operations.env_files.template import TemplateError
from tests.env_values import NOW, sound_values, sources

STAGING = AppEnv.STAGING
TEMPLATE = (BACKEND_DIR / ".env.staging.template").read_text(encoding="utf-8")
VALUES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=30)


@pytest.fixture(autouse=True)
def template(folder: Path) -> Path:
    path = folder / ".env.staging.template"
    path.write_text(TEMPLATE, encoding="utf-8")
    return path


@pytest.fixture
def file(folder: Path) -> Path:
    return folder / ".env.staging"


def render(folder: Path, output: Path | None = None) -> None:
    plan(STAGING, folder, sources(STAGING), output=output).write()


def test_file_holds_the_values_and_is_for_its_owner_only(folder: Path, file: Path) -> None:
    render(folder)

    assert env_text.values(file.read_text(encoding="utf-8")).items() >= sound_values(STAGING).items()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert sorted(path.name for path in folder.iterdir()) == [".env.staging", ".env.staging.template"]


def test_rendered_file_is_closed_though_the_old_one_was_open(folder: Path, file: Path) -> None:
    file.write_text("PORT=1\n")
    file.chmod(0o666)

    render(folder)

    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@given(st.tuples(VALUES, VALUES, VALUES, VALUES))
@example(("=", "==", "=a=", "a=="))
@example(("two words", "it's", 'say "x"', "a # b"))
@example(("$HOME", "`id`", "a\nb\r\nc\r", "back\\slash\\"))
@example(("日本語 の 値", "\u3000x\u3000", " lead", "trail "))
@example(("\ufeff", "'''", "\\'", "=#;"))
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_values_come_through_template_and_file_into_the_settings_unchanged(
    folder: Path, file: Path, values: tuple[str, str, str, str]
) -> None:
    assume(all(value.strip() and not is_placeholder(value) for value in values))
    names = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "LANGFUSE_SECRET_KEY", "LANGFUSE_PUBLIC_KEY")
    wanted = dict(zip(names, values, strict=True))

    plan(STAGING, folder, sources(STAGING) | {f"STAGING_{k}": v for k, v in wanted.items()}).write()

    read = load_settings(app_env=STAGING)
    assert {name: read.require_secret(name) for name in names[:3]} == dict(list(wanted.items())[:3])
    assert read.langfuse_public_key == values[3]
    handed_over = environment_of(STAGING, folder, {}, now=NOW)
    assert {name: handed_over[name] for name in names} == wanted


def test_json_of_secrets_holds_what_is_kept_at_github_and_nothing_of_the_template(folder: Path) -> None:
    output = folder / ".env.staging.json"
    given_values = sources(STAGING) | {"STAGING_OPENAI_API_KEY": '"日本"\n'}

    found = plan(STAGING, folder, given_values, form=Form.JSON, only_secrets=True)
    found.write()

    kept = {name: value for name, value in sound_values(STAGING).items() if name != "APP_ENV"}
    assert found.output == output
    assert json.loads(output.read_text(encoding="utf-8")) == kept | {"OPENAI_API_KEY": '"日本"\n'}
    assert stat.S_IMODE(output.stat().st_mode) == 0o600


def test_fault_in_the_template_leaves_the_old_file_whole(folder: Path, file: Path, template: Path) -> None:
    file.write_text("old\n")
    template.write_text(TEMPLATE + "NOPE=1\n", encoding="utf-8")

    with pytest.raises(TemplateError, match="NOPE is no setting"):
        render(folder)

    assert file.read_text() == "old\n"


def test_full_disk_leaves_the_old_file_whole(
    folder: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text("old\n")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        render(folder)

    assert file.read_text() == "old\n"
    assert sorted(path.name for path in folder.iterdir()) == [".env.staging", ".env.staging.template"]


def test_process_that_is_killed_before_the_rename_leaves_the_old_file_whole(folder: Path, file: Path) -> None:
    file.write_text("old\n")
    program = (
        "import os, sys; from pathlib import Path;"
        "from src.operations.env_files.render import plan;"
        "from src.core.config.settings.declaration import AppEnv;"
        "Path.replace = lambda *_: os.kill(os.getpid(), 9);"
        "plan(AppEnv.STAGING, Path(sys.argv[1]), os.environ).write()"
    )
    environment = os.environ | sources(STAGING)

    done = subprocess.run(
        [sys.executable, "-c", program, str(folder)], cwd=BACKEND_DIR, env=environment, check=False
    )

    assert done.returncode == -signal.SIGKILL
    assert file.read_text() == "old\n"
    left = [path for path in folder.iterdir() if path.name not in (".env.staging", ".env.staging.template")]
    assert all(path.name.startswith(".env.") for path in left)  # which git ignores
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in left)


def test_rendering_does_not_show_its_text(folder: Path) -> None:
    found = plan(STAGING, folder, sources(STAGING))

    assert not any(value in repr(found) for value in sources(STAGING).values())


def test_template_that_is_not_there_or_no_text_is_refused(folder: Path, template: Path) -> None:
    template.write_bytes(b"A=\x83")
    with pytest.raises(SettingsError, match="byte 3 is no UTF-8"):
        render(folder)
    template.unlink()
    with pytest.raises(SettingsError, match="autoforge env generate"):
        render(folder)


def refused(folder: Path, output: Path) -> str:
    before = output.read_bytes() if output.is_file() else None
    with pytest.raises(OutputRefusedError) as caught:
        render(folder, output)
    assert (output.read_bytes() if output.is_file() else None) == before
    return str(caught.value)


def test_link_is_refused(folder: Path, file: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("x")
    file.symlink_to(tmp_path / "elsewhere")

    assert "symbolic link" in refused(folder, file)
    assert (tmp_path / "elsewhere").read_text() == "x"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("backend", "a folder"),
        ("nowhere/x", "no folder"),
        ("backend/.env.staging.template", "is a template"),
        ("backend/.env.new.template", "is a template"),
        ("backend/.env.example", "is a template"),
        ("backend/values.json", "images are built from"),
        ("backend/src/values", "images are built from"),
        ("backend/src/../values", "images are built from"),
    ],
)
def test_place_where_values_must_not_be_is_refused(folder: Path, tmp_path: Path, name: str, why: str) -> None:
    (folder / "src").mkdir()

    assert why in refused(folder, tmp_path / name)


def test_place_that_is_reached_by_a_link_is_judged_where_it_is(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").symlink_to(folder)

    assert "images are built from" in refused(folder, tmp_path / "elsewhere" / "values")


def test_file_outside_every_clone_is_taken(folder: Path, tmp_path: Path) -> None:
    render(folder, tmp_path / "values")

    assert (tmp_path / "values").stat().st_size > 100


def test_file_that_git_tracks_is_refused(folder: Path, file: Path, git: Callable[..., str]) -> None:
    file.write_text("old\n")
    git("add", "--force", ".env.staging")

    assert "git rm --cached" in refused(folder, file)


def test_file_that_git_does_not_ignore_is_refused(
    folder: Path, tmp_path: Path, git: Callable[..., str]
) -> None:
    assert "not ignored by git" in refused(folder, tmp_path / "values.json")


def test_file_that_git_ignores_is_taken(folder: Path, file: Path, git: Callable[..., str]) -> None:
    render(folder)

    assert git("status", "--short", "--untracked-files=all").count(".env.staging\n") == 0
    assert file.exists()


def test_without_a_git_to_ask_only_names_that_we_ignore_are_taken(
    folder: Path, tmp_path: Path, git: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert "not ignored by git" in refused(folder, tmp_path / "values.json")
    render(folder)
