"""Whatever GitHub answers, or something else at its address: a sentence with the way out, and the right error."""

from collections.abc import Callable

import pytest

from src.core.config.settings.base import AppEnv
from src.domain.shared.errors import UnavailableError
from src.operations.github.errors import GithubRefusedError, GithubUnavailableError
from src.operations.github.secrets import GithubSecrets
from tests.fake_github import FakeGithub
from tests.integration.operations.github.conftest import OpenSecrets

IMPATIENT = 0.3
STAGING = AppEnv.STAGING

CALLS = {
    "repository": (("GET", "/repos/acme/app"), "read the repository acme/app"),
    "environment": (("GET", "/environments/staging"), "read the environment staging"),
    "branches": (("GET", "/deployment-branch-policies"), "list the branches and tags"),
    "secrets": (("GET", "/secrets"), "list the secrets of staging"),
    "variables": (("GET", "/variables"), "list the variables of staging"),
    "key": (("GET", "/secrets/public-key"), "read the public key of staging"),
    "secret": (("PUT", "/secrets/STAGING_TURSO_AUTH_TOKEN"), "set the secret STAGING_TURSO_AUTH_TOKEN"),
    "user": (("GET", "/users/yui"), "look up the user 'yui'"),
}  # fmt: skip
REFUSALS = {
    401: ("does not accept GITHUB_TOKEN", "set GITHUB_TOKEN"),
    403: ("GITHUB_TOKEN has no right to do it", "Environments and Administration (write)"),
    404: ("shows no such thing to this token", "Check GITHUB_REPOSITORY"),
    410: ("refuses it", "repeat"),
    422: ("cannot do it as asked", "repeat"),
}
# Where a status is no refusal: what is not there can be made, or is said otherwise.
ANSWERS = {("environment", 404), ("branches", 404), ("user", 404)}
FAULTS: dict[str, tuple[Callable[[FakeGithub, tuple[str, str]], None], str]] = {
    "500": (lambda f, on: f.answer(500, b'{"message": "why"}', on=on), "fault of its own (HTTP 500: why)"),
    "429": (lambda f, on: f.answer(429, on=on), "too many requests"),
    "403 of a limit": (
        lambda f, on: f.answer(403, on=on, headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1795392000"}),
        "too many requests (HTTP 403: said so). Repeat after 00:00 UTC",
    ),
    "403 of the second limit": (
        lambda f, on: f.answer(403, on=on, headers={"Retry-After": "60"}), "Wait a minute and repeat",
    ),
    "404 of another server": (lambda f, on: f.answer(404, b"<html>", on=on), "is not GitHub's API"),
    "no answer": (lambda f, on: f.hang(on=on), "did not answer within 0.3 s"),
    "connection closed": (lambda f, on: f.drop(on=on), "broke off"),
}  # fmt: skip
GARBAGE = (b"<html>Welcome", b"[]", b'{"name": 3}', b"{", b"null", b'{"total_count": 1, "secrets": [{}]}')


@pytest.fixture
def stocked(fake: FakeGithub, secrets: GithubSecrets, values: dict[str, str]) -> FakeGithub:
    secrets.push(STAGING)
    fake.seen.clear()
    return fake


@pytest.mark.parametrize(
    ("name", "status"),
    [(name, status) for name in CALLS for status in REFUSALS if (name, status) not in ANSWERS],
)
def test_refusal_is_a_sentence_with_the_way_out(
    stocked: FakeGithub, secrets: GithubSecrets, name: str, status: int
) -> None:
    (on, what), (meaning, way_out) = CALLS[name], REFUSALS[status]
    stocked.answer(status, b'{"message": "the reason"}', on=on)

    with pytest.raises(GithubRefusedError) as refused:
        secrets.push(STAGING, reviewers=("yui",), force=True)

    said = str(refused.value)
    assert said.startswith(f"Cannot {what}")
    assert f"{meaning} (HTTP {status}: the reason)" in said
    assert way_out in said


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_a_sentence_with_the_way_out(
    stocked: FakeGithub, open_secrets: OpenSecrets, name: str, fault: str
) -> None:
    (on, what), (set_fault, meaning) = CALLS[name], FAULTS[fault]
    set_fault(stocked, on)

    with pytest.raises(GithubUnavailableError) as failed:
        open_secrets(timeout_seconds=IMPATIENT).push(STAGING, reviewers=("yui",), force=True)

    said = str(failed.value)
    assert isinstance(failed.value, UnavailableError)
    assert said.startswith(f"Cannot {what}")
    assert meaning in said
    assert "repeat" in said.lower()


@pytest.mark.parametrize("name", [name for name, (on, _) in CALLS.items() if on[0] == "GET"])
@pytest.mark.parametrize("body", GARBAGE)
def test_answer_that_is_none_of_githubs_is_told_as_such(
    stocked: FakeGithub, secrets: GithubSecrets, name: str, body: bytes
) -> None:
    stocked.answer(200, body, on=CALLS[name][0])
    with pytest.raises(GithubUnavailableError, match="is not GitHub's API"):
        secrets.push(STAGING, reviewers=("yui",), force=True)


def test_no_network_is_told_with_the_address(open_secrets: OpenSecrets) -> None:
    with pytest.raises(GithubUnavailableError, match=r"127\.0\.0\.1:1 cannot be reached .* GITHUB_API_URL"):
        open_secrets(github_api_url="http://127.0.0.1:1").plan(STAGING)


def test_faults_that_pass_are_survived(stocked: FakeGithub, secrets: GithubSecrets) -> None:
    stocked.answer(503, on=("PUT", "/secrets/STAGING_TURSO_AUTH_TOKEN"), times=1)
    stocked.drop(on=("GET", "/secrets"), times=1)
    stocked.answer(429, on=("GET", "/variables"), times=1)
    secrets.push(STAGING, force=True)


def test_token_does_not_follow_a_redirect(stocked: FakeGithub, secrets: GithubSecrets) -> None:
    with FakeGithub() as elsewhere:
        moved = {"Location": f"{elsewhere.base_url}/repos/acme/app"}
        stocked.answer(301, b"", on=("GET", "/repos/acme/app"), headers=moved)
        with pytest.raises(GithubRefusedError, match=r"has moved.*GITHUB_REPOSITORY to its new name"):
            secrets.plan(STAGING)
        assert elsewhere.seen == []


def test_repository_that_nobody_sees_is_told_before_anything_else(
    open_secrets: OpenSecrets, values: dict[str, str]
) -> None:
    with pytest.raises(GithubRefusedError, match="Cannot read the repository acme/other"):
        open_secrets(github_repository="acme/other").push(STAGING)
