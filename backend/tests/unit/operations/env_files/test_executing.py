import os
import sys
from pathlib import Path

import pytest

from src.core import env_text
from src.core.config.settings.base import SettingsError
from src.core.config.settings.declaration import AppEnv
from src.operations.env_files.executing import environment_of
from tests.env_values import NOW, RANDOM, sound_values

LOCAL, STAGING = AppEnv.LOCAL, AppEnv.STAGING
OWN_COMMANDS = str(Path(sys.executable).parent)


@pytest.fixture
def file(folder: Path) -> Path:
    path = folder / ".env.staging"
    path.write_text("".join(env_text.assignment(k, v) for k, v in sound_values(STAGING).items()))
    return path


def environment(folder: Path, *passed: str, env: AppEnv = STAGING, **process: str) -> dict[str, str]:
    return environment_of(env, folder, process, passed=passed, now=NOW)


def refused(folder: Path, *passed: str, env: AppEnv = STAGING) -> str:
    with pytest.raises(SettingsError) as caught:
        environment(folder, *passed, env=env)
    assert RANDOM not in str(caught.value)
    return str(caught.value)


def test_command_gets_the_values_of_the_file_and_what_programs_need(folder: Path, file: Path) -> None:
    found = environment(
        folder, PATH="/bin", HOME="/home/yui", LC_ALL="ja_JP.UTF-8", OPENAI_API_KEY="mine", AWS_SECRET="mine"
    )

    path = f"{OWN_COMMANDS}{os.pathsep}/bin"
    assert found == sound_values(STAGING) | {"PATH": path, "HOME": "/home/yui", "LC_ALL": "ja_JP.UTF-8"}


def test_own_commands_are_not_put_on_the_path_twice(folder: Path, file: Path) -> None:
    path = f"/bin{os.pathsep}{OWN_COMMANDS}"

    assert environment(folder, PATH=path)["PATH"] == path


def test_environment_is_the_one_that_was_named_whatever_is_set(folder: Path, file: Path) -> None:
    file.write_text(file.read_text().replace("APP_ENV=staging", "APP_ENV=production"))

    assert environment(folder, APP_ENV="local")["APP_ENV"] == "staging"


def test_common_file_comes_first_and_the_other_wins(folder: Path, file: Path) -> None:
    (folder / ".env").write_text("PORT=1\nLOG_LEVEL=ERROR\n")
    with file.open("a") as end:
        end.write("PORT=2\n")

    found = environment(folder)

    assert (found["PORT"], found["LOG_LEVEL"]) == ("2", "ERROR")


def test_variable_that_is_passed_by_name_goes_along_and_wins(folder: Path, file: Path) -> None:
    found = environment(folder, "CI_TOKEN", "PORT", CI_TOKEN="x", PORT="9")

    assert (found["CI_TOKEN"], found["PORT"]) == ("x", "9")
    assert "--pass CI_TOKEN: it is not set here." in refused(folder, "CI_TOKEN")


def test_absent_file_is_refused_with_the_command_that_makes_it(folder: Path) -> None:
    assert "autoforge env render --env staging" in refused(folder)
    assert "autoforge env init" in refused(folder, env=LOCAL)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("REDIS_PASSWORD=", "#"), "REDIS_PASSWORD is not set"),
        (
            (f"REDIS_PASSWORD={RANDOM}", "REDIS_PASSWORD='${STAGING_REDIS_PASSWORD}'"),
            "still holds a placeholder",
        ),
        (("APP_ENV", "a line\nAPP_ENV"), "line 1: is not of the form NAME=value"),
    ],
)
def test_file_that_is_not_whole_is_refused(
    folder: Path, file: Path, change: tuple[str, str], why: str
) -> None:
    file.write_text(file.read_text().replace(*change))

    assert why in refused(folder)


def test_file_that_is_no_text_is_refused(folder: Path, file: Path) -> None:
    file.write_bytes(b"A=\x83")

    assert "byte 3 is no UTF-8" in refused(folder)


def test_what_is_only_weak_or_expired_keeps_no_command_from_running(folder: Path, file: Path) -> None:
    with file.open("a") as end:
        end.write("REDIS_PASSWORD=short\nTURSO_AUTH_TOKEN=old\n")

    assert environment(folder)["REDIS_PASSWORD"] == "short"
