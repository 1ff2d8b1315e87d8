"""Values on their way to GitHub: they arrive intact, once, and only when all of them may go."""

import json
import multiprocessing
import stat
from pathlib import Path

import pytest

from src.core.config.settings.base import AppEnv, SettingsError
from src.operations.github.errors import (
    GithubRefusedError,
    GithubUnavailableError,
    SecretsInputError,
)
from src.operations.github.plan import Action, Step
from src.operations.github.secrets import GithubSecrets
from tests.fake_github import FakeGithub
from tests.integration.operations.github.conftest import OpenSecrets

STAGING = AppEnv.STAGING
TOKEN = "STAGING_TURSO_AUTH_TOKEN"
ODD_VALUES = {
    "newlines": "-----BEGIN KEY-----\nab\r\ncd\n-----END KEY-----\n",
    "Japanese": "秘密の鍵🔑",
    "quotes and signs": """ a'b"c#d$e\\f=g """,
    "48 KB": "日" * 16384,
}


def actions(steps: tuple[Step, ...]) -> dict[str, Action]:
    return {step.name: step.action for step in steps}


def test_everything_that_is_required_arrives(
    secrets: GithubSecrets, fake: FakeGithub, values: dict[str, str]
) -> None:
    pushed = secrets.push(STAGING)

    found = fake.environments["staging"]
    assert {name: one.value for name, one in found.secrets.items()} == values
    assert {step.name for step in pushed.sent} == set(values)
    assert {"CLOUDFLARE_API_TOKEN", "CLOUDFLARE_ACCOUNT_ID", "STAGING_JWT_SECRET_KEY"} <= set(values)


@pytest.mark.parametrize("value", ODD_VALUES.values(), ids=ODD_VALUES)
def test_value_arrives_as_it_is(
    secrets: GithubSecrets,
    fake: FakeGithub,
    values: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    value: str,
) -> None:
    monkeypatch.setenv(TOKEN, value)
    secrets.push(STAGING)
    assert fake.value("staging", TOKEN) == value


def test_value_may_stand_in_the_file_of_the_environment(
    secrets: GithubSecrets,
    fake: FakeGithub,
    values: dict[str, str],
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(TOKEN)
    (home / ".env.staging").write_text("APP_ENV=staging\nTURSO_AUTH_TOKEN='two words # 日本'\n")
    secrets.push(STAGING)
    assert fake.value("staging", TOKEN) == "two words # 日本"


def test_what_may_be_read_is_a_variable(
    secrets: GithubSecrets, fake: FakeGithub, values: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for value in ("https://a.example", "https://b.example"):
        monkeypatch.setenv("STAGING_SERVICE_URL", value)
        secrets.push(STAGING)
        assert fake.environments["staging"].variables["STAGING_SERVICE_URL"].value == value
    sent = len(fake.changes)
    assert actions(secrets.push(STAGING).plan.steps)["STAGING_SERVICE_URL"] is Action.KEEP
    assert len(fake.changes) == sent


def test_nothing_is_sent_twice(secrets: GithubSecrets, fake: FakeGithub, values: dict[str, str]) -> None:
    secrets.push(STAGING)
    before = len(fake.changes)

    again = secrets.push(STAGING)
    assert (again.sent, len(fake.changes)) == ((), before)

    forced = secrets.push(STAGING, force=True)
    assert len(forced.sent) == len(values)


def test_what_changed_here_or_there_is_sent_again(
    secrets: GithubSecrets, fake: FakeGithub, values: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets.push(STAGING)
    monkeypatch.setenv(TOKEN, "a new one")
    fake.set_by_somebody("staging", "STAGING_REDIS_PASSWORD", "theirs")
    fake.set_by_somebody("staging", "STAGING_OPENAI_API_KEY", "theirs")

    planned = {step.name: step.reason for step in secrets.plan(STAGING).steps}
    sent = secrets.push(STAGING).sent

    assert {step.name for step in sent} == {TOKEN, "STAGING_REDIS_PASSWORD"}
    assert "another one here" in planned[TOKEN]
    assert "by somebody else" in planned["STAGING_REDIS_PASSWORD"]
    assert planned["STAGING_OPENAI_API_KEY"] == "there is no value here"


def test_value_that_another_machine_sent_is_replaced(
    secrets: GithubSecrets, fake: FakeGithub, values: dict[str, str]
) -> None:
    fake.set_by_somebody("staging", TOKEN, values[TOKEN])
    step = next(step for step in secrets.plan(STAGING).steps if step.name == TOKEN)
    assert (step.action, "nobody can tell" in step.reason) == (Action.REPLACE, True)


def test_only_what_is_asked_for_is_sent(
    secrets: GithubSecrets, fake: FakeGithub, values: dict[str, str]
) -> None:
    secrets.push(STAGING, only=("TURSO_AUTH_TOKEN", "STAGING_JWT_SECRET_KEY"))
    assert set(fake.environments["staging"].secrets) == {TOKEN, "STAGING_JWT_SECRET_KEY"}


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("NO_SUCH_THING",), "is no secret or variable of staging"),
        (("PROD_TURSO_AUTH_TOKEN",), "is no secret or variable of staging"),
        (("APP_NAME",), "is no secret or variable of staging"),
        (("OPENAI_API_KEY",), "STAGING_OPENAI_API_KEY has no value here"),
    ],
)
def test_name_that_cannot_be_sent_is_refused(
    secrets: GithubSecrets, fake: FakeGithub, values: dict[str, str], names: tuple[str, ...], said: str
) -> None:
    with pytest.raises(SecretsInputError, match=said):
        secrets.push(STAGING, only=names)
    assert fake.changes == []


def test_every_fault_is_listed_before_anything_is_sent(
    secrets: GithubSecrets,
    fake: FakeGithub,
    values: dict[str, str],
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(TOKEN, "${STAGING_TURSO_AUTH_TOKEN}")
    monkeypatch.setenv("STAGING_CLERK_SECRET_KEY", " ")
    monkeypatch.delenv("STAGING_JWT_SECRET_KEY")
    monkeypatch.setenv("STAGING_OPENAI_API_KEY", "日" * 16384 + "x")
    (home / ".env.staging").write_text("REDIS_PASSWORD=another-one\n")

    with pytest.raises(SecretsInputError) as refused:
        secrets.push(STAGING, reviewers=("nobody",))

    said = str(refused.value)
    for words in (
        f"{TOKEN} still holds a placeholder in the environment",
        "STAGING_CLERK_SECRET_KEY is required, and empty here",
        "STAGING_JWT_SECRET_KEY is required, and has a value neither here nor at GitHub",
        "STAGING_OPENAI_API_KEY has 49,153 bytes in the environment, and GitHub takes 49,152",
        f"STAGING_REDIS_PASSWORD has values that disagree, in {home}/.env.staging and the environment",
        "GitHub knows no user 'nobody'",
    ):
        assert words in said
    assert "another-one" not in said
    assert fake.changes == []


def test_redis_url_stands_in_for_host_and_password(
    secrets: GithubSecrets, fake: FakeGithub, values: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("STAGING_REDIS_HOST", "STAGING_REDIS_PASSWORD"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("STAGING_REDIS_URL", "rediss://default:pw@r:6379")
    secrets.push(STAGING)
    assert "STAGING_REDIS_HOST" not in fake.environments["staging"].secrets
    assert secrets.examine(STAGING).is_good


def test_key_that_changes_between_reading_and_sending_is_read_again(
    secrets: GithubSecrets, fake: FakeGithub, values: dict[str, str]
) -> None:
    fake.rotates_key_after_reading = 1
    secrets.push(STAGING)
    assert fake.value("staging", TOKEN) == values[TOKEN]

    fake.rotates_key_after_reading = 99
    with pytest.raises(GithubRefusedError, match="key_id is not that of the current key"):
        secrets.push(STAGING, force=True)


@pytest.mark.parametrize("key", ["bm8ga2V5", "%%%", "あ"])
def test_key_that_is_none_is_no_bug(
    secrets: GithubSecrets, fake: FakeGithub, values: dict[str, str], key: str
) -> None:
    fake.answer(200, json.dumps({"key_id": "1", "key": key}).encode(), on=("GET", "/public-key"))
    with pytest.raises(GithubUnavailableError, match="a public key that is none"):
        secrets.push(STAGING)


def test_push_that_broke_off_goes_on_where_it_was(
    open_secrets: OpenSecrets, fake: FakeGithub, values: dict[str, str]
) -> None:
    fake.drop(on=("PUT", "/CLOUDFLARE_API_TOKEN"))
    with pytest.raises(GithubUnavailableError, match="Whether it was done is not known; repeat it"):
        open_secrets(timeout_seconds=1).push(STAGING)
    arrived = set(fake.environments["staging"].secrets)
    assert 0 < len(arrived) < len(values)

    fake.heal()
    again = open_secrets().push(STAGING)
    assert {step.name for step in again.sent} == set(values) - arrived


def test_answer_that_was_lost_costs_one_repeat(
    secrets: GithubSecrets, fake: FakeGithub, values: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGING_SERVICE_URL", "https://a.example")
    fake.lose_answer(on=("PUT", f"/{TOKEN}"))
    fake.lose_answer(on=("POST", "/variables"))
    fake.lose_answer(on=("POST", "/deployment-branch-policies"))
    fake.lose_answer(on=("PUT", "/environments/staging"))

    secrets.push(STAGING)

    assert fake.sent_secrets.count(TOKEN) == 2
    assert fake.environments["staging"].variables["STAGING_SERVICE_URL"].value == "https://a.example"
    assert secrets.examine(STAGING).is_good


def test_sent_but_not_known_is_sent_again(
    open_secrets: OpenSecrets, fake: FakeGithub, values: dict[str, str]
) -> None:
    fake.drop(on=("GET", f"/secrets/{TOKEN}"))
    with pytest.raises(GithubUnavailableError):
        open_secrets(timeout_seconds=1).push(STAGING)
    fake.heal()
    assert TOKEN in {step.name for step in open_secrets().push(STAGING).sent}


def test_every_page_is_read(secrets: GithubSecrets, fake: FakeGithub, values: dict[str, str]) -> None:
    secrets.push(STAGING)
    for number in range(7):
        fake.set_by_somebody("staging", f"ODD_{number}", "x")
    fake.page_size = 2
    plan = secrets.plan(STAGING)
    assert len(plan.unknown) == 7
    assert {step.action for step in plan.steps} <= {Action.KEEP, Action.SKIP}


def _push(url: str, token: str, repository: str, folder: Path, value: str) -> None:
    from datetime import UTC, datetime

    from src.core.config.settings import base

    base.BACKEND_DIR = folder
    settings = base.load_settings(github_api_url=url, github_token=token, github_repository=repository)
    (folder / f"{value}.env").write_text(f"TURSO_AUTH_TOKEN={value}\n")
    pushing = GithubSecrets(settings, now=lambda: datetime.now(UTC))
    pushing.push(STAGING, only=("TURSO_AUTH_TOKEN",), file=folder / f"{value}.env")


def test_pushes_at_the_same_time_take_turns(
    secrets: GithubSecrets,
    fake: FakeGithub,
    values: dict[str, str],
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    secrets.push(STAGING)
    monkeypatch.delenv(TOKEN)
    spawn = multiprocessing.get_context("spawn")
    arguments = (fake.base_url, fake.token, fake.repository, home)
    processes = [spawn.Process(target=_push, args=(*arguments, f"of-{number}")) for number in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()

    assert [process.exitcode for process in processes] == [0] * 4
    arrived = fake.value("staging", TOKEN)
    (home / ".env.staging").write_text(f"TURSO_AUTH_TOKEN={arrived}\n")
    assert secrets.examine(STAGING).findings == ()


def test_fingerprints_tell_nobody_a_value_and_belong_to_one_person(
    secrets: GithubSecrets, values: dict[str, str], home: Path
) -> None:
    secrets.push(STAGING)
    data = home / "data"
    files = {path.name: path for path in data.iterdir() if path.suffix != ".lock"}
    assert set(files) == {"secrets-fingerprints.json", "secrets-fingerprints.key"}
    for path in files.values():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = files["secrets-fingerprints.json"].read_text()
    assert files["secrets-fingerprints.key"].read_text().strip() not in text
    assert not any(value in text for value in values.values())


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: (data / "secrets-fingerprints.json").write_text("{broken"),
        lambda data: (data / "secrets-fingerprints.json").write_text("[]"),
        lambda data: (data / "secrets-fingerprints.json").write_bytes(b"\xff"),
        lambda data: (data / "secrets-fingerprints.json").unlink(),
        lambda data: (data / "secrets-fingerprints.key").write_text("ab"),
        lambda data: (data / "secrets-fingerprints.key").unlink(),
    ],
)
def test_lost_fingerprints_cost_one_more_push(
    secrets: GithubSecrets, values: dict[str, str], home: Path, spoil: object
) -> None:
    secrets.push(STAGING)
    assert callable(spoil)
    spoil(home / "data")
    assert secrets.examine(STAGING).is_good
    assert len(secrets.push(STAGING).sent) == len(values)
    assert secrets.push(STAGING).sent == ()


def test_other_repository_has_its_own_fingerprints(
    open_secrets: OpenSecrets, fake: FakeGithub, values: dict[str, str]
) -> None:
    open_secrets().push(STAGING)
    fake.repository = "acme/fork"
    assert len(open_secrets(github_repository="acme/fork").push(STAGING).sent) == len(values)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"github_token": None}, "GITHUB_TOKEN is not set"),
        ({"github_token": "${GITHUB_TOKEN}"}, "still holds a placeholder"),
        ({"github_token": "two\nlines"}, "a character that tokens do not have"),
        ({"github_repository": "https://x:secret@host/a/b"}, "GITHUB_REPOSITORY holds no owner/name"),
    ],
)
def test_settings_that_cannot_be_used_are_named(
    open_secrets: OpenSecrets, changed: dict[str, str | None], said: str
) -> None:
    with pytest.raises(SettingsError, match=said) as refused:
        open_secrets(**changed).plan(STAGING)
    assert "secret@" not in str(refused.value)
