"""What `check` finds: each kind of drift, and only that."""

from datetime import timedelta
from pathlib import Path

import pytest

from src.core.config.settings.base import AppEnv
from src.operations.github.drift import Drift, Facts
from src.operations.github.errors import SecretsInputError
from src.operations.github.secrets import GithubSecrets
from tests.fake_github import FakeGithub, FakeValue
from tests.integration.operations.github.conftest import OpenSecrets

STAGING = AppEnv.STAGING
TOKEN = "STAGING_TURSO_AUTH_TOKEN"


@pytest.fixture(autouse=True)
def pushed(secrets: GithubSecrets, values: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """All is well: pushed from here, with the values still here."""
    monkeypatch.setenv("STAGING_SERVICE_URL", "https://a.example")
    secrets.push(STAGING)


def kinds(facts: Facts) -> list[tuple[Drift, str]]:
    return [(finding.drift, finding.name) for finding in facts.findings]


def test_nothing_is_found_after_a_push(secrets: GithubSecrets, values: dict[str, str]) -> None:
    facts = secrets.examine(STAGING)
    assert (facts.findings, facts.is_good, facts.is_protected) == ((), True, True)
    assert facts.checked == len(values) + 1


def test_looking_changes_nothing(secrets: GithubSecrets, fake: FakeGithub, home: Path) -> None:
    before = {path: path.read_bytes() for path in (home / "data").iterdir()}, list(fake.changes)
    secrets.examine(STAGING)
    secrets.plan(STAGING)
    assert ({path: path.read_bytes() for path in (home / "data").iterdir()}, fake.changes) == before


def test_secret_that_is_gone_is_missing(
    secrets: GithubSecrets, fake: FakeGithub, monkeypatch: pytest.MonkeyPatch
) -> None:
    del fake.environments["staging"].secrets[TOKEN]
    assert kinds(secrets.examine(STAGING)) == [(Drift.MISSING, TOKEN)]
    monkeypatch.delenv(TOKEN)
    [found] = secrets.examine(STAGING).findings
    assert found.message == "is required and is not at GitHub"


def test_name_that_nobody_declared_is_told_of_and_is_no_failure(
    secrets: GithubSecrets, fake: FakeGithub
) -> None:
    fake.set_by_somebody("staging", "TURSO_STAGING_AUTH_TOKEN", "old")
    facts = secrets.examine(STAGING)
    assert kinds(facts) == [(Drift.UNKNOWN, "TURSO_STAGING_AUTH_TOKEN")]
    assert facts.is_good


def test_secret_in_a_variable_is_exposed(secrets: GithubSecrets, fake: FakeGithub) -> None:
    fake.environments["staging"].variables[TOKEN] = FakeValue("oops", fake.clock)
    facts = secrets.examine(STAGING)
    assert kinds(facts) == [(Drift.EXPOSED, TOKEN)]
    assert not facts.is_good


def test_change_by_somebody_else_is_noticed_until_it_is_accepted(
    secrets: GithubSecrets, fake: FakeGithub, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.set_by_somebody("staging", TOKEN, "theirs")
    assert kinds(secrets.examine(STAGING)) == [(Drift.CHANGED, TOKEN)]

    secrets.accept(STAGING, ["TURSO_AUTH_TOKEN"])
    assert secrets.examine(STAGING).findings == ()
    assert fake.value("staging", TOKEN) == "theirs"
    with pytest.raises(SecretsInputError, match="'NOTHING' is no secret"):
        secrets.accept(STAGING, ["NOTHING"])


def test_value_that_differs_here_is_noticed(
    secrets: GithubSecrets, fake: FakeGithub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN, "another")
    monkeypatch.setenv("STAGING_SERVICE_URL", "https://b.example")
    assert set(kinds(secrets.examine(STAGING))) == {
        (Drift.DIFFERS, TOKEN),
        (Drift.DIFFERS, "STAGING_SERVICE_URL"),
    }


def test_value_that_cannot_be_sent_is_noticed(
    secrets: GithubSecrets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN, "changeme")
    assert kinds(secrets.examine(STAGING)) == [(Drift.UNFIT, TOKEN)]


def test_secret_that_stands_at_the_repository_too_is_exposed(
    secrets: GithubSecrets, fake: FakeGithub
) -> None:
    for name in (TOKEN, "PROD_TURSO_AUTH_TOKEN", "NPM_TOKEN"):
        fake.repository_secrets[name] = FakeValue("x", fake.clock)
    [found] = secrets.examine(STAGING).findings
    assert (found.drift, found.name, found.fix) == (Drift.EXPOSED, TOKEN, f"gh secret delete {TOKEN}")
    fake.may_see_repository_secrets = False
    assert secrets.examine(STAGING).findings == ()


@pytest.mark.parametrize(("days", "is_old"), [(89, False), (91, True)])
def test_secret_is_to_be_replaced_after_90_days(
    open_secrets: OpenSecrets, fake: FakeGithub, days: int, is_old: bool
) -> None:
    fake.environments["staging"].variables["STAGING_SERVICE_URL"].updated_at -= timedelta(days=days)
    for name in (TOKEN, "STAGING_TURSO_DATABASE_URL"):  # an address does not wear out
        fake.set_by_somebody("staging", name, "x", days_ago=days)
    secrets = open_secrets()
    secrets.accept(STAGING, [TOKEN, "TURSO_DATABASE_URL"])
    assert kinds(secrets.examine(STAGING)) == ([(Drift.OLD, TOKEN)] if is_old else [])


def test_protection_that_was_loosened_is_noticed(secrets: GithubSecrets, fake: FakeGithub) -> None:
    fake.environments["staging"].policy = None
    facts = secrets.examine(STAGING)
    assert kinds(facts) == [(Drift.PROTECTION, "protection.refs")]
    assert not facts.is_protected


def test_environment_that_is_gone_is_one_finding(secrets: GithubSecrets, fake: FakeGithub) -> None:
    fake.environments.clear()
    assert kinds(secrets.examine(STAGING)) == [(Drift.NO_ENVIRONMENT, "staging")]
