"""Faults of what GitHub keeps of the environment, as a push from here has left it."""

from collections.abc import Iterator
from functools import partial

import pytest

from tests.integration.cli.faults.fault import tells
from tests.integration.cli.staging_world import World

JWT = "STAGING_JWT_SECRET_KEY"
tells_at_github = partial(tells, at_github=True)


@tells_at_github("secrets.github", "autoforge secrets check --env staging")
def github_refuses_the_token(_: World, patch: pytest.MonkeyPatch) -> Iterator[None]:
    patch.setenv("GITHUB_TOKEN", "another-token-0123456789")
    yield


@tells_at_github("secrets.environment", "autoforge secrets push --env staging")
def environment_was_deleted(world: World, _: object) -> Iterator[None]:
    del world.github.environments["staging"]
    yield


@tells_at_github("secrets.present", f"autoforge secrets push --env staging --only {JWT}")
def secret_is_missing(world: World, _: object) -> Iterator[None]:
    del world.github.environments["staging"].secrets[JWT]
    yield


@tells_at_github("secrets.known", "gh secret delete EXTRA --env staging", level="warn")
def secret_that_nobody_asks_for(world: World, _: object) -> Iterator[None]:
    world.github.set_by_somebody("staging", "EXTRA", "canary-7f3b-extra")
    yield


@tells_at_github("secrets.unchanged", f"--accept {JWT}")
def secret_was_changed_since(world: World, _: object) -> Iterator[None]:
    world.github.set_by_somebody("staging", JWT, "canary-7f3b-by-somebody-else")
    yield


@tells_at_github("secrets.same", "autoforge secrets push --env staging --only STAGING_OPENAI_API_KEY")
def value_here_is_another(world: World, _: object) -> Iterator[None]:
    world.write(OPENAI_API_KEY="sk-canary-7f3b-another-openai-key-0123456789")
    yield


@tells_at_github("secrets.hidden", f"gh secret delete {JWT}")
def secret_stands_at_the_repository_too(world: World, _: object) -> Iterator[None]:
    world.github.repository_secrets[JWT] = world.github.environments["staging"].secrets[JWT]
    yield


@tells_at_github("secrets.protection", "autoforge secrets push --env staging")
def every_branch_may_deploy(world: World, _: object) -> Iterator[None]:
    world.github.environments["staging"].policy = None
    world.github.environments["staging"].refs.clear()
    yield
