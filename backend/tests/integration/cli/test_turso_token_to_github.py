"""A token of Turso that goes straight into an environment at GitHub."""

import os
from pathlib import Path

import pytest

from tests.fake_turso_database import FakeDatabase
from tests.fake_turso_platform import FakeTursoPlatform
from tests.integration.cli.github_world import GithubCli
from tests.integration.cli.turso_world import STAGING, TursoCli

pytestmark = pytest.mark.usefixtures("libsql_binary")

TOKEN = "STAGING_TURSO_AUTH_TOKEN"
TO_STAGING = ("--to-github", "staging")


@pytest.fixture
def database(fake_turso: FakeTursoPlatform) -> FakeDatabase:
    return fake_turso.add_database(STAGING)


@pytest.fixture
def pushed(github: GithubCli) -> GithubCli:
    """With an environment that is there."""
    github.done("push", "--env", "staging")
    return github


def files_with(folder: Path, text: str) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


@pytest.mark.parametrize("verb", ["create", "rotate"])
def test_token_arrives_and_never_touches_the_disk_nor_the_terminal(
    turso: TursoCli, database: FakeDatabase, pushed: GithubCli, verb: str
) -> None:
    made = turso.done("token", verb, STAGING, *TO_STAGING)

    arrived = pushed.fake.value("staging", TOKEN)
    assert arrived == database.tokens[-1]
    assert f"the secret {TOKEN} of the environment staging of acme/app" in made.out
    assert arrived not in made.out + made.err
    assert files_with(turso.folder, arrived) == []


def test_token_that_arrived_is_known_as_sent_from_here(
    turso: TursoCli, database: FakeDatabase, pushed: GithubCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = turso.done("token", "rotate", STAGING, *TO_STAGING, "--json").json
    assert found["where"] == f"the secret {TOKEN} of the environment staging of acme/app"
    assert "is another one here than was sent" in pushed("check", "--env", "staging").out
    monkeypatch.delenv(TOKEN)
    assert "All is well." in pushed.done("check", "--env", "staging").out


def test_no_token_is_made_that_github_would_not_take(
    turso: TursoCli, database: FakeDatabase, github: GithubCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("token", "create", STAGING, *TO_STAGING)
    assert "Make it: autoforge secrets push --env staging" in turso.refused(*words, code=1)
    github.fake.answer(403, on=("GET", "/public-key"))
    github.fake.set_by_somebody("staging", "X", "x")
    assert "has no right" in turso.refused(*words, code=1)
    monkeypatch.delenv("GITHUB_TOKEN")
    assert "GITHUB_TOKEN is not set" in turso.refused(*words, code=1)
    assert database.minted == []


def test_token_that_github_does_not_take_in_the_end_is_told_of(
    turso: TursoCli, database: FakeDatabase, pushed: GithubCli
) -> None:
    before = pushed.fake.value("staging", TOKEN)
    pushed.fake.answer(403, on=("PUT", f"/{TOKEN}"))
    said = turso.refused("token", "create", STAGING, *TO_STAGING, code=1)
    assert "The new token was given to nobody, and dies by itself." in said
    assert pushed.fake.value("staging", TOKEN) == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((STAGING, "--to-github", "production"), f"{STAGING} is the database of staging by its name"),
        ((STAGING, *TO_STAGING, "--to-file", "token"), "a token goes to one place"),
        ((STAGING, "--json"), "Add --to-file FILE or --to-github ENV"),
    ],
)
def test_wrong_goal_is_refused(
    turso: TursoCli, database: FakeDatabase, pushed: GithubCli, words: tuple[str, ...], said: str
) -> None:
    assert said in turso.refused("token", "create", *words, code=2)
    assert (database.minted, Path(os.curdir, "token").exists()) == ([], False)


def test_dry_run_names_the_goal(turso: TursoCli, database: FakeDatabase, github: GithubCli) -> None:
    planned = turso.done("token", "create", STAGING, *TO_STAGING, "--dry-run")
    assert "hand it to the environment staging at GitHub." in planned.out
    assert database.minted == []
