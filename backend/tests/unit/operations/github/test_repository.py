import subprocess
from pathlib import Path

import pytest

from src.core.config.settings.base import SettingsError, load_settings
from src.operations.github.repository import find_repository


def origin(folder: Path, address: str) -> Path:
    subprocess.run(["git", "init", "-q", folder], check=True)
    subprocess.run(["git", "-C", folder, "remote", "add", "origin", address], check=True)
    return folder


@pytest.mark.parametrize(
    "address",
    [
        "git@github.com:acme/my.app.git",
        "github.com:acme/my.app",
        "https://github.com/acme/my.app.git",
        "https://github.com/acme/my.app/",
        "https://user:secret@GitHub.com/acme/my.app",
        "ssh://git@github.com/acme/my.app.git",
        "ssh://git@ssh.github.com:443/acme/my.app.git",
    ],
)
def test_origin_names_the_repository(tmp_path: Path, address: str) -> None:
    assert find_repository(load_settings(), origin(tmp_path, address)) == "acme/my.app"


def test_setting_wins_over_origin(tmp_path: Path) -> None:
    folder = origin(tmp_path, "git@github.com:acme/app.git")
    assert find_repository(load_settings(github_repository="other/one"), folder) == "other/one"


def test_server_of_ones_own_has_its_own_host(tmp_path: Path) -> None:
    folder = origin(tmp_path, "git@git.acme.example:team/app.git")
    settings = load_settings(github_api_url="https://git.acme.example/api/v3")
    assert find_repository(settings, folder) == "team/app"


@pytest.mark.parametrize(
    "address",
    [
        "https://user:secret@gitlab.com/acme/app.git",
        "git@github.com.evil.example:acme/app.git",
        "https://user:secret@github.com/acme",
        "https://user:secret@github.com/acme/app/more",
        "/secret/folder/app.git",
    ],
)
def test_other_origin_is_refused_without_showing_its_address(tmp_path: Path, address: str) -> None:
    with pytest.raises(SettingsError, match="Set GITHUB_REPOSITORY to owner/name") as refused:
        find_repository(load_settings(), origin(tmp_path, address))
    assert "secret" not in str(refused.value)


def test_folder_without_origin_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="no git remote called origin"):
        find_repository(load_settings(), tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SettingsError, match="There is no git here"):
        find_repository(load_settings(), tmp_path)
