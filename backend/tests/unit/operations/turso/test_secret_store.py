import os
import stat
from pathlib import Path

import pytest
from pydantic import SecretStr

from src.operations.turso.errors import SecretNotKeptError
from src.operations.turso.secret_store import SecretFile

SECRET = SecretStr("eyJ.a.b")


def test_file_holds_the_secret_and_is_for_its_owner_only(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        said = SecretFile(tmp_path / "token").keep(SECRET)
    finally:
        os.umask(before)

    path = tmp_path / "token"
    assert path.read_text() == "eyJ.a.b\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert said == f"{path}, mode 600"
    assert list(tmp_path.iterdir()) == [path]


def test_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("mine")

    with pytest.raises(SecretNotKeptError, match="left alone"):
        SecretFile(path).require_ready()
    with pytest.raises(SecretNotKeptError, match="File exists"):
        SecretFile(path).keep(SECRET)

    assert path.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("replaces", [False, True])
@pytest.mark.parametrize("target", ["real", "nowhere"])
def test_symbolic_link_is_refused(tmp_path: Path, target: str, replaces: bool) -> None:
    (tmp_path / "real").write_text("eyJ.old.one\n")
    (tmp_path / "link").symlink_to(tmp_path / target)

    with pytest.raises(SecretNotKeptError, match="symbolic link"):
        SecretFile(tmp_path / "link", replaces=replaces).require_ready()


def test_folder_that_is_not_there_is_refused_before_a_secret_is_made(tmp_path: Path) -> None:
    with pytest.raises(SecretNotKeptError, match="no folder that can be written to"):
        SecretFile(tmp_path / "none" / "token").require_ready()


def test_secret_may_be_replaced_by_another(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("eyJ.old.one\n")
    path.chmod(0o644)
    file = SecretFile(path, replaces=True)

    file.require_ready()
    current = file.current()
    file.keep(SECRET)

    assert current is not None
    assert current.get_secret_value() == "eyJ.old.one"
    assert path.read_text() == "eyJ.a.b\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"", b"two words", b"A=1\nB=2\n", b"\xff\xfe", b"x" * 100_000])
def test_file_with_something_else_is_not_replaced(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "token"
    path.write_bytes(content)

    with pytest.raises(SecretNotKeptError, match="something else than one token"):
        SecretFile(path, replaces=True).require_ready()


def test_folder_is_no_file_to_replace(tmp_path: Path) -> None:
    with pytest.raises(SecretNotKeptError, match="something else"):
        SecretFile(tmp_path, replaces=True).require_ready()


def test_no_secret_stays_behind_when_it_cannot_be_put_in_place(tmp_path: Path) -> None:
    (tmp_path / "folder" / "inner").mkdir(parents=True)
    with pytest.raises(SecretNotKeptError):
        SecretFile(tmp_path / "folder", replaces=True).keep(SECRET)
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
