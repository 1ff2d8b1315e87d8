import re
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from tests.fake_turso_database import FakeDatabase
from tests.fake_turso_platform import FakeTursoPlatform
from tests.integration.cli.turso_world import TursoCli

pytestmark = pytest.mark.usefixtures("libsql_binary")

INVALIDATE = ("token", "rotate", "mine", "--invalidate", "--confirm", "mine")
JWT = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")


@pytest.fixture
def mine(fake_turso: FakeTursoPlatform) -> FakeDatabase:
    return fake_turso.add_database("mine")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mine.token"


def test_pipe_gets_the_token_and_nothing_else(turso: TursoCli, mine: FakeDatabase) -> None:
    made = turso.done("token", "create", "mine")
    assert JWT.fullmatch(made.out.strip())
    assert made.out.count("\n") == 1
    assert "Token for mine, checked with a query, now in the pipe" in made.err
    assert "It cannot be shown again." in made.err


def test_file_gets_the_token_and_the_terminal_hears_about_it(
    turso: TursoCli, mine: FakeDatabase, path: Path
) -> None:
    made = turso.done("token", "create", "mine", "--for", "runtime", "--to-file", path)

    assert JWT.fullmatch(path.read_text().strip())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert f"{path}, mode 600" in made.out
    assert "data_read, data_add, data_update, data_delete" in made.out
    assert "left alone" in turso.refused("token", "create", "mine", "--to-file", path, code=1)
    assert len(mine.minted) == 1


def test_symbolic_link_is_no_file_for_a_token(turso: TursoCli, mine: FakeDatabase, path: Path) -> None:
    path.symlink_to(path.with_name("elsewhere"))
    for verb in ("create", "rotate"):
        assert "symbolic link" in turso.refused("token", verb, "mine", "--to-file", path, code=1)
    assert mine.minted == []


def test_machines_are_told_everything_but_the_token(turso: TursoCli, mine: FakeDatabase, path: Path) -> None:
    found = turso.done("token", "create", "mine", "--read-only", "--to-file", path, "--json").json
    assert found["token"]["shown"] == f"eyJ…{path.read_text().strip()[-4:]}"
    assert (found["token"]["access"], found["rights"], found["url"]) == ("ro", "reading", mine.url)


@pytest.mark.parametrize("verb", ["create", "rotate"])
def test_dry_run_makes_no_token(
    turso: TursoCli, fake_turso: FakeTursoPlatform, mine: FakeDatabase, path: Path, verb: str
) -> None:
    planned = turso.done("token", verb, "mine", "--for", "migration", "--to-file", path, "--dry-run")
    assert "Would make a token for mine (data_read," in planned.out
    assert "for 1d" in planned.out
    assert turso.done("token", verb, "mine", "--dry-run", "--json").json["rights"] == "everything"
    assert (fake_turso.changes, path.exists()) == ([], False)


def test_rotation_replaces_the_file_and_tells_when_the_old_token_dies(
    turso: TursoCli, mine: FakeDatabase, path: Path
) -> None:
    path.write_text(mine.mint(access="ro", expires_in=timedelta(days=8)))
    old = path.read_text()

    rotated = turso.done("token", "rotate", "mine", "--to-file", path)

    assert path.read_text().strip() != old
    assert re.search(r"The old token \(eyJ….{4}, sha256 .{8}…\) works until \d{4}-", rotated.err)
    assert "--read-only makes one that is" in rotated.err
    assert turso.done("token", "inspect", "-", stdin=old).code == 0


@pytest.mark.parametrize(
    ("days", "said"),
    [(None, "never expires: only --invalidate kills it"), (-1, "does not work any more"), (1, "works until")],
)
def test_old_token_may_come_by_standard_input(
    turso: TursoCli, mine: FakeDatabase, days: int | None, said: str
) -> None:
    old = mine.mint(access="rw", expires_in=None if days is None else timedelta(days=days))
    rotated = turso.done("token", "rotate", "mine", "--old", "-", stdin=f"{old}\n")
    assert said in rotated.err
    assert old not in rotated.out + rotated.err


def test_rotation_without_the_old_token_says_how_to_hear_about_it(
    turso: TursoCli, mine: FakeDatabase
) -> None:
    assert "--old FILE" in turso.done("token", "rotate", "mine").err


def test_rotation_for_machines(turso: TursoCli, mine: FakeDatabase, path: Path) -> None:
    path.write_text(mine.mint(access="rw", expires_in=timedelta(days=8)))
    found = turso.done("token", "rotate", "mine", "--to-file", path, "--json").json
    assert (found["old"]["worked"], found["old"]["token"]["access"], found["invalidated"]) == (True, "rw", [])


def test_old_token_is_given_once(turso: TursoCli, mine: FakeDatabase, path: Path) -> None:
    path.write_text(mine.mint(access="rw", expires_in=None))
    said = turso.refused("token", "rotate", "mine", "--to-file", path, "--old", "-", code=2)
    assert "Leave --old out" in said


def test_token_that_does_not_work_replaces_nothing(
    turso: TursoCli, fake_turso: FakeTursoPlatform, mine: FakeDatabase, path: Path
) -> None:
    path.write_text(mine.mint(access="rw", expires_in=None))
    old = path.read_text()
    wrong = fake_turso.add_database("wrong").mint(access="rw", expires_in=None)
    fake_turso.answer(200, b'{"jwt": "%s"}' % wrong.encode(), on=("POST", "/auth/tokens"))

    for words in (("--to-file", path), ("--old", "-")):
        failed = turso("token", "rotate", "mine", *words, stdin=old)
        assert (failed.code, failed.out) == (1, "")
        assert "given to nobody" in failed.err
    assert path.read_text() == old


def test_invalidation_has_to_be_typed_out(
    turso: TursoCli, fake_turso: FakeTursoPlatform, mine: FakeDatabase, path: Path
) -> None:
    fake_turso.add_database("beside")
    command = ("token", "rotate", "mine", "--invalidate", "--to-file", path)

    for wrong in ((), ("--confirm", "mine"), ("--confirm", "default"), ("--confirm", "mine,beside,x")):
        refused = turso(*command, *wrong)
        assert (refused.code, refused.out) == (3, "")
        assert "\n  beside\n  mine\n" in refused.err
        assert "--confirm beside,mine" in refused.err
    assert "Would kill every token of: beside, mine." in turso.done(*command, "--dry-run").out
    assert (fake_turso.changes, path.exists()) == ([], False)


def test_invalidation_kills_the_old_tokens_and_hands_over_a_new_one(
    turso: TursoCli, fake_turso: FakeTursoPlatform, mine: FakeDatabase, path: Path
) -> None:
    beside = fake_turso.add_database("beside")
    path.write_text(mine.mint(access="rw", expires_in=None))
    words = ("token", "rotate", "mine", "--to-file", path, "--invalidate", "--confirm", "mine, beside")

    rotated = turso.done(*words)

    assert "Every token made before is dead, of: beside, mine." in rotated.err
    assert "beside needs a new one now: autoforge turso token rotate beside" in rotated.err
    assert turso.done("token", "rotate", "mine", "--to-file", path, "--json").json["old"]["worked"] is True
    assert turso.done(*words, "--json").json["invalidated"] == ["beside", "mine"]
    assert beside.minted == []


def test_nothing_is_killed_when_no_token_can_be_made(
    turso: TursoCli, fake_turso: FakeTursoPlatform, mine: FakeDatabase, path: Path
) -> None:
    fake_turso.answer(403, on=("POST", "/auth/tokens"))
    turso.refused(*INVALIDATE, "--to-file", path, code=1)
    assert fake_turso.calls("POST", "/auth/rotate") == 0


def test_dead_tokens_are_told_of_even_when_no_new_one_can_be_made_any_more(
    turso: TursoCli, fake_turso: FakeTursoPlatform, mine: FakeDatabase, path: Path
) -> None:
    fake_turso.answer(403, on=("POST", "/auth/tokens"), after=1)
    failed = turso(*INVALIDATE, "--to-file", path)
    assert (failed.code, failed.out) == (1, "")
    assert failed.err.startswith("Every token made before is dead, of: mine.\nError: Cannot make a token")


# --- inspect ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "level", "code"),
    [(None, "warn", 0), (-1, "fail", 1), (2, "fail", 1), (13, "warn", 0), (89, "ok", 0)],
)
def test_inspect_judges_what_is_left(
    turso: TursoCli, mine: FakeDatabase, path: Path, days: int | None, level: str, code: int
) -> None:
    path.write_text(mine.mint(access="rw", expires_in=None if days is None else timedelta(days=days)))

    shown, found = turso("token", "inspect", path), turso("token", "inspect", path, "--json")

    assert (shown.code, found.code, found.json["level"]) == (code, code, level)
    assert f"{level}: it" in shown.out
    assert ("autoforge turso token rotate" in shown.err) == (level != "ok")
    assert turso.fake.seen == []


def test_inspect_looks_at_the_token_of_the_environment(
    turso: TursoCli, mine: FakeDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "TURSO_AUTH_TOKEN is not set" in turso.refused("token", "inspect", code=1)
    monkeypatch.setenv("TURSO_AUTH_TOKEN", mine.mint(access="ro", expires_in=timedelta(days=30)))
    assert "read only" in turso.done("token", "inspect").out


@pytest.mark.parametrize("text", ["", "hunter2", "eyJhbGciOiJFZERTQSJ9", "a.b.c"])
def test_inspect_fails_on_what_is_no_token_without_repeating_it(turso: TursoCli, text: str) -> None:
    failed = turso("token", "inspect", "-", stdin=text)
    assert failed.code == 1
    assert "fail: it is no token of a Turso database" in failed.out
    assert not text or text not in failed.out + failed.err
    assert turso("token", "inspect", "-", "--json", stdin=text).json["token"] is None


def test_token_as_an_argument_is_refused(turso: TursoCli, mine: FakeDatabase) -> None:
    token = mine.mint(access="rw", expires_in=None)
    for words in (("inspect", token), ("rotate", "mine", "--old", token)):
        said = turso.refused("token", *words, code=2)
        assert "by now it is in the history of the shell" in said
        assert token not in said


@pytest.mark.parametrize(("content", "said"), [(None, "No such file"), (b"\xff", "it is no text")])
def test_file_that_cannot_be_read_is_named(
    turso: TursoCli, path: Path, content: bytes | None, said: str
) -> None:
    if content is not None:
        path.write_bytes(content)
    assert said in turso.refused("token", "inspect", path, code=2)
