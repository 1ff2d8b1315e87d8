"""Branches, tags, reviewers, waiting: set as far as GitHub lets it, nothing of somebody else's lost, told honestly."""

from pathlib import Path

import pytest

from src.core.config.settings.base import AppEnv
from src.operations.github.errors import GithubRefusedError, GithubUnavailableError, SecretsInputError
from src.operations.github.secrets import GithubSecrets, Pushed
from src.operations.github.wanted import wanted_in
from tests.fake_github import FakeEnvironment, FakeGithub

STAGING, PRODUCTION = AppEnv.STAGING, AppEnv.PRODUCTION
CUSTOM = {"protected_branches": False, "custom_branch_policies": True}
YUI, TEAM = {"type": "User", "id": 7}, {"type": "Team", "id": 40}


@pytest.fixture(autouse=True)
def values(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for env in (STAGING, PRODUCTION):
        for one in wanted_in(env):
            if one.is_required:
                monkeypatch.setenv(one.name, f"value-of-{one.name}")


def gaps(pushed: Pushed) -> set[str]:
    return {rule.id for rule in pushed.rules if rule.level == "fail"}


def test_staging_takes_the_branch_develop_only(secrets: GithubSecrets, fake: FakeGithub) -> None:
    pushed = secrets.push(STAGING)
    assert (pushed.is_protected, pushed.refused) == (True, ())
    assert fake.environments["staging"].ref_names == {"branch develop"}
    assert fake.environments["staging"].policy == CUSTOM


def test_production_takes_released_tags_after_a_wait_and_an_approval(
    secrets: GithubSecrets, fake: FakeGithub
) -> None:
    pushed = secrets.push(PRODUCTION, reviewers=("yui", "ken", "yui"))
    found = fake.environments["production"]
    assert pushed.is_protected
    assert found.ref_names == {"tag v*"}
    assert (found.wait_timer, found.prevent_self_review) == (5, True)
    assert found.reviewers == [YUI, {"type": "User", "id": 8}]


def test_protection_that_is_there_is_not_set_again(secrets: GithubSecrets, fake: FakeGithub) -> None:
    secrets.push(PRODUCTION, reviewers=("yui",))
    before = len(fake.changes)
    assert secrets.push(PRODUCTION, reviewers=("yui",)).is_protected
    assert secrets.push(PRODUCTION).is_protected
    assert len(fake.changes) == before


def test_environment_is_protected_before_it_gets_a_secret(secrets: GithubSecrets, fake: FakeGithub) -> None:
    secrets.push(PRODUCTION, reviewers=("yui",))
    first_secret = next(i for i, change in enumerate(fake.changes) if "/secrets/" in change)
    rules = [i for i, change in enumerate(fake.changes) if "/secrets/" not in change]
    assert len(rules) == 2
    assert max(rules) < first_secret


def test_what_somebody_else_set_stays(secrets: GithubSecrets, fake: FakeGithub) -> None:
    fake.environments["production"] = FakeEnvironment(
        wait_timer=30, reviewers=[YUI, TEAM], policy=dict(CUSTOM)
    )
    fake.add_ref("production", "main", "branch")
    fake.environments["staging"] = FakeEnvironment(wait_timer=2, reviewers=[TEAM], policy=None)

    secrets.push(PRODUCTION, reviewers=("ken",))
    secrets.push(STAGING)

    production, staging = fake.environments["production"], fake.environments["staging"]
    assert (production.wait_timer, production.prevent_self_review) == (30, True)
    assert production.reviewers == [YUI, TEAM, {"type": "User", "id": 8}]
    assert production.ref_names == {"branch main", "tag v*"}
    assert (staging.wait_timer, staging.reviewers, staging.prevent_self_review) == (2, [TEAM], False)


def test_other_branches_are_told_of_and_go_with_prune(secrets: GithubSecrets, fake: FakeGithub) -> None:
    secrets.push(STAGING)
    fake.add_ref("staging", "main", "branch")
    fake.add_ref("staging", "develop", "tag")

    assert [one.shown for one in secrets.plan(STAGING).surplus] == ["branch main", "tag develop"]
    told = [finding for finding in secrets.examine(STAGING).findings if finding.name == "protection.refs"]
    assert [(one.level, "--prune" in one.fix) for one in told] == [("warn", True)]

    secrets.push(STAGING, prune=True)
    assert fake.environments["staging"].ref_names == {"branch develop"}


def test_protected_branches_give_way_to_the_rule_that_is_asked_for(
    secrets: GithubSecrets, fake: FakeGithub
) -> None:
    policy = {"protected_branches": True, "custom_branch_policies": False}
    fake.environments["staging"] = FakeEnvironment(policy=policy)
    assert secrets.plan(STAGING).rules[0].found == "protected branches"
    assert secrets.push(STAGING).is_protected


def test_production_without_a_reviewer_is_incomplete_and_all_else_is_done(
    secrets: GithubSecrets, fake: FakeGithub
) -> None:
    pushed = secrets.push(PRODUCTION)
    assert gaps(pushed) == {"reviewers", "self-review"}
    assert fake.environments["production"].wait_timer == 5
    assert fake.environments["production"].secrets
    fixes = {finding.name: finding.fix for finding in secrets.examine(PRODUCTION).findings}
    assert "--reviewer USER" in fixes["protection.reviewers"]


def test_private_repository_of_a_team_gets_what_its_plan_has(
    secrets: GithubSecrets, fake: FakeGithub
) -> None:
    fake.private, fake.plan = True, "team"
    pushed = secrets.push(PRODUCTION, reviewers=("yui",))

    assert gaps(pushed) == {"reviewers", "self-review", "wait-timer"}
    assert fake.environments["production"].ref_names == {"tag v*"}
    assert fake.environments["production"].secrets
    reason = " ".join(pushed.refused)
    assert "billing plan supports wait timer" in reason
    assert "required reviewers and the wait timer need Enterprise" in reason
    assert "workflow_dispatch" in reason

    fake.private, fake.plan = True, "enterprise"
    assert secrets.push(PRODUCTION, reviewers=("yui",)).is_protected


def test_environment_that_the_plan_cannot_protect_at_all_still_gets_its_secrets(
    secrets: GithubSecrets, fake: FakeGithub
) -> None:
    fake.private, fake.plan = True, "free"
    fake.environments["staging"] = FakeEnvironment()
    pushed = secrets.push(STAGING)
    assert (gaps(pushed), len(pushed.refused)) == ({"refs"}, 2)
    assert fake.environments["staging"].secrets


def test_environment_that_cannot_be_made_gets_nothing(secrets: GithubSecrets, fake: FakeGithub) -> None:
    fake.private, fake.plan = True, "free"
    with pytest.raises(GithubRefusedError, match="billing plan supports environment"):
        secrets.push(STAGING)
    assert fake.environments == {}


def test_token_that_may_not_administer_sends_values_and_says_so(
    secrets: GithubSecrets, fake: FakeGithub
) -> None:
    fake.may_administer = False
    fake.environments["staging"] = FakeEnvironment()
    pushed = secrets.push(STAGING)
    assert "Administration (write)" in pushed.refused[1]
    assert "Enterprise" not in " ".join(pushed.refused)
    assert fake.environments["staging"].secrets


def test_token_that_need_not_administer_is_enough(secrets: GithubSecrets, fake: FakeGithub) -> None:
    secrets.push(STAGING)
    fake.may_administer = False
    assert secrets.push(STAGING, force=True).is_protected


@pytest.mark.parametrize("status", [403, 404, 422])
def test_branch_that_github_does_not_take_is_told(
    secrets: GithubSecrets, fake: FakeGithub, status: int
) -> None:
    fake.answer(status, b'{"message": "no rules here"}', on=("POST", "/deployment-branch-policies"))
    pushed = secrets.push(STAGING)
    assert gaps(pushed) == {"refs"}
    assert pushed.refused[0] == f"GitHub says: no rules here (HTTP {status})."
    assert fake.environments["staging"].secrets


def test_trouble_that_passes_is_not_taken_for_a_plan_that_lacks_rules(
    secrets: GithubSecrets, fake: FakeGithub
) -> None:
    fake.answer(500, on=("PUT", "/environments/staging"))
    with pytest.raises(GithubUnavailableError):
        secrets.push(STAGING)
    fake.heal()
    fake.answer(401, on=("PUT", "/environments/staging"))
    with pytest.raises(GithubRefusedError, match="does not accept GITHUB_TOKEN"):
        secrets.push(STAGING)


def test_more_reviewers_than_there_may_be_are_refused(secrets: GithubSecrets, fake: FakeGithub) -> None:
    people = [{"type": "Team", "id": number} for number in range(6)]
    fake.environments["production"] = FakeEnvironment(reviewers=people)
    with pytest.raises(SecretsInputError, match="7 reviewers are more than the 6"):
        secrets.push(PRODUCTION, reviewers=("yui",))
    assert fake.changes == []
