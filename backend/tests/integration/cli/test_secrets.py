import pytest

from tests.fake_github import FakeEnvironment
from tests.integration.cli.github_world import GithubCli

STAGING, PRODUCTION = ("--env", "staging"), ("--env", "production")
TOKEN = "STAGING_TURSO_AUTH_TOKEN"


def rows(printed: str) -> dict[str, list[str]]:
    """Words of each line, by the first of them."""
    return {words[0]: words for line in printed.splitlines() if (words := line.split())}


def test_plan_shows_what_push_would_do(github: GithubCli, monkeypatch: pytest.MonkeyPatch) -> None:
    planned = github.done("plan", *STAGING)
    assert "acme/app, environment staging, which would be made" in planned.out
    found = rows(planned.out)
    assert found[TOKEN][1:4] == ["secret", "—", "add"]
    assert found["STAGING_OPENAI_API_KEY"][3] == "skip"
    assert "fail  refs  branch develop only" in planned.out
    assert github.fake.changes == []

    github.done("push", *STAGING)
    monkeypatch.setenv(TOKEN, "another")
    found = rows(github.done("plan", *STAGING).out)
    assert "replace" in found[TOKEN]
    assert "keep" in found["STAGING_JWT_SECRET_KEY"]


def test_plan_for_machines(github: GithubCli) -> None:
    github.fake.set_by_somebody("staging", "EXTRA", "x")
    found = github.done("plan", *STAGING, "--json").json
    step = next(step for step in found["values"] if step["name"] == TOKEN)
    assert step == {
        "name": TOKEN,
        "setting": "TURSO_AUTH_TOKEN",
        "kind": "secret",
        "required": True,
        "present": False,
        "updated_at": None,
        "source": "the environment",
        "action": "add",
        "reason": "is not there yet",
    }
    assert (found["unknown"], found["protection"], found["faults"]) == (["EXTRA"], "incomplete", [])


def test_push_says_what_it_sent(github: GithubCli) -> None:
    pushed = github.done("push", *STAGING)
    assert f"added     secret {TOKEN}\n" in pushed.out
    assert "sent, 0 left as they are" in pushed.out
    again = github.done("push", *STAGING, "--json").json
    assert (again["sent"], again["protection"], again["dry_run"]) == ([], "complete", False)


def test_push_of_one_value_from_a_file(github: GithubCli) -> None:
    github.done("push", *STAGING)
    file = github.folder / "values"
    file.write_text("REDIS_PASSWORD=planted-staging_redis_password-value\nOPENAI_API_KEY=sk-1\n")
    pushed = github.done("push", *STAGING, "--only", "OPENAI_API_KEY", "--from", file)
    assert "added     secret STAGING_OPENAI_API_KEY" in pushed.out
    assert github.fake.value("staging", "STAGING_OPENAI_API_KEY") == "sk-1"


def test_dry_run_sends_nothing_and_fails_where_push_would(
    github: GithubCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    github.done("push", *STAGING, "--dry-run", "--reviewer", "yui", "--prune")
    assert github.done("push", *STAGING, "--dry-run", "--json").json["dry_run"] is True
    monkeypatch.delenv(TOKEN)
    failed = github("push", *STAGING, "--dry-run")
    assert failed.code == 1
    assert f"Nothing would be sent:\n  {TOKEN} is required" in failed.err
    assert github.done("plan", *STAGING).code == 0
    assert github.fake.changes == []


def test_faults_are_refused_as_wrong_input(github: GithubCli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN, "changeme")
    monkeypatch.delenv("STAGING_JWT_SECRET_KEY")
    refused = github("push", *STAGING)
    assert (refused.code, refused.out) == (2, "")
    assert f"Error: Nothing was sent:\n  {TOKEN} still holds a placeholder" in refused.err
    assert "\n  STAGING_JWT_SECRET_KEY is required" in refused.err


def test_protection_that_the_plan_lacks_is_told_and_fails(github: GithubCli) -> None:
    github.fake.private, github.fake.plan = True, "team"
    pushed = github("push", *PRODUCTION, "--reviewer", "yui")
    assert pushed.code == 1
    assert "need Enterprise" in pushed.err
    assert "The protection of production is incomplete; all else was done." in pushed.err
    assert github.fake.environments["production"].secrets

    found = github("push", *PRODUCTION, "--reviewer", "yui", "--json")
    assert (found.code, found.json["protection"]) == (1, "incomplete")
    assert "workflow_dispatch" in found.json["refused"][-1]
    assert {rule["id"] for rule in found.json["rules"] if rule["level"] == "fail"} == {
        "wait-timer", "reviewers", "self-review",
    }  # fmt: skip


def test_reviewer_is_asked_for_where_there_is_none(github: GithubCli) -> None:
    pushed = github("push", *PRODUCTION)
    assert pushed.code == 1
    assert "--reviewer USER" in pushed.err


def test_check_is_green_after_a_push_and_red_after_a_change(github: GithubCli) -> None:
    github.done("push", *PRODUCTION, "--reviewer", "yui")
    assert "All is well." in github.done("check", *PRODUCTION).out

    github.fake.set_by_somebody("production", "PROD_TURSO_AUTH_TOKEN", "theirs")
    failed = github("check", *PRODUCTION)
    assert failed.code == 1
    assert "fail: PROD_TURSO_AUTH_TOKEN was changed by somebody else" in failed.out
    found = github("check", *PRODUCTION, "--json")
    assert (found.code, found.json["healthy"]) == (1, False)
    assert found.json["findings"][0]["drift"] == "changed_by_somebody_else"

    assert github.done("check", *PRODUCTION, "--accept", "TURSO_AUTH_TOKEN", "--json").json["healthy"] is True


def test_check_without_environment_says_how_to_make_it(github: GithubCli) -> None:
    failed = github("check", *STAGING)
    assert failed.code == 1
    assert "staging there is no such environment\n  autoforge secrets push --env staging" in failed.out


def test_plan_shows_what_is_there_beside_ours(github: GithubCli) -> None:
    github.fake.environments["staging"] = FakeEnvironment(
        policy={"protected_branches": False, "custom_branch_policies": True}
    )
    github.fake.add_ref("staging", "main", "branch")
    github.fake.set_by_somebody("staging", "EXTRA", "x")
    told = github.done("plan", *STAGING).err
    assert "these may deploy: branch main. push --prune takes them away." in told
    assert "No setting asks for: EXTRA." in told


@pytest.mark.parametrize("command", ["plan", "push", "check"])
def test_outside_trouble_has_its_exit_codes(
    github: GithubCli, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    github.fake.answer(401, b'{"message": "Bad credentials"}')
    assert "set GITHUB_TOKEN" in github.refused(command, *STAGING, code=1)
    monkeypatch.setenv("GITHUB_API_URL", "http://127.0.0.1:1")
    assert "cannot be reached" in github.refused(command, *STAGING, code=4)
    monkeypatch.setenv("GITHUB_API_URL", "http://api.github.com")
    outcome = github(command, *STAGING)
    assert (outcome.code, "GITHUB_API_URL: takes an https address" in outcome.err) == (1, True)
    monkeypatch.delenv("GITHUB_API_URL")
    monkeypatch.delenv("GITHUB_TOKEN")
    assert "GITHUB_TOKEN is not set" in github.refused(command, *STAGING, code=1)


def test_environment_has_to_be_said(github: GithubCli) -> None:
    assert github("push").code == 2
    assert github("push", "--env", "local").code == 2
