"""Everything that `autoforge secrets` does: the values and the protection of an environment at GitHub."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from src.core.config.settings import base
from src.core.config.settings.base import AppEnv, Settings
from src.operations.github import protection
from src.operations.github.client import TIMEOUT_SECONDS, GithubEnvironment
from src.operations.github.drift import Drift, Facts, Finding, find_drift, find_exposed, find_gaps
from src.operations.github.errors import SecretsInputError
from src.operations.github.fingerprints import Fingerprints
from src.operations.github.plan import Action, Plan, Step, decide
from src.operations.github.protection import PROTECTIONS, Found, Rule
from src.operations.github.records import Key, Kind, Reviewer, Stored
from src.operations.github.repository import find_repository
from src.operations.github.token_store import GithubTokenStore
from src.operations.github.values import Values, read_values
from src.operations.github.wanted import Wanted, wanted_in
from src.operations.http import Sleep
from src.operations.verdict import Level

OnStep = Callable[[Step], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What of an environment, and how. `file` is `backend/.env.{env}` when it is None; `only` names settings."""

    env: AppEnv
    only: tuple[str, ...] = ()
    file: Path | None = None
    force: bool = False
    reviewers: tuple[str, ...] = ()
    prune: bool = False


@dataclass(frozen=True, slots=True)
class Pushed:
    """`sent` are the steps that changed something; `rules` is the protection after it, `refused` why it lacks some."""

    plan: Plan
    sent: tuple[Step, ...]
    rules: tuple[Rule, ...]
    refused: tuple[str, ...]

    @property
    def is_protected(self) -> bool:
        return protection.is_complete(self.rules)


class GithubSecrets:
    """Raises the errors of `errors.py`, and SettingsError when the settings lack something that is needed."""

    def __init__(
        self,
        settings: Settings,
        *,
        now: Callable[[], datetime],
        sleep: Sleep = time.sleep,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self._settings, self._now, self._sleep, self._timeout = settings, now, sleep, timeout_seconds

    def plan(self, env: AppEnv, **options: Any) -> Plan:
        """Looks only. `options` are those of `Choice`."""
        with self.opened(env) as github:
            return self._plan(github, Choice(env=env, **options))[0]

    def push(
        self,
        env: AppEnv,
        *,
        on_step: OnStep = lambda _: None,
        on_wait: Callable[[], None] = lambda: None,
        **options: Any,
    ) -> Pushed:
        """Protects the environment, then sends what has changed; `options` are those of `Choice`.

        `on_step` is called after each value, `on_wait` while another push is at work. Raises SecretsInputError, which
        lists every fault, before anything is sent. What was sent before an interruption is not sent again.
        """
        choice, sent = Choice(env=env, **options), self._fingerprints(env)
        with sent.locked(when_held=on_wait), self.opened(env) as github:
            plan, values = self._plan(github, choice)
            require_faultless(plan)
            refused = protection.protect(
                github,
                plan.repository,
                PROTECTIONS[env],
                reviewers=plan.reviewers,
                prune=choice.prune,
            )
            done = [step for step in plan.steps if step.action in (Action.ADD, Action.REPLACE)]
            for step in done:
                self._send(github, sent, step.kind, step.name, values.given[step.name].value)
                on_step(step)
            rules = protection.judge(PROTECTIONS[env], protection.look(github))
        return Pushed(plan, tuple(done), rules, refused)

    def examine(self, env: AppEnv, *, file: Path | None = None) -> Facts:
        """What is wrong, without changing anything."""
        with self.opened(env) as github:
            repository = github.repository()
            found = protection.look(github)
            rules = protection.judge(PROTECTIONS[env], found)
            wanted = wanted_in(env)
            if found.environment is None:
                fix = f"autoforge secrets push --env {env.value}"
                absent = Finding(
                    Drift.NO_ENVIRONMENT, env.value, Level.FAIL, "there is no such environment", fix
                )
                return Facts(repository.name, env.value, 0, rules, (absent,))
            stored = _stored(github)
            exposed = find_exposed(wanted, github.repository_secrets())
            drift = find_drift(
                env.value,
                wanted,
                self._values(env, wanted, file),
                stored,
                self._fingerprints(env),
                self._now(),
            )
        checked = sum(one.key in stored for one in wanted)
        return Facts(
            repository.name, env.value, checked, rules, (*drift, *exposed, *find_gaps(env.value, rules))
        )

    def accept(self, env: AppEnv, names: Sequence[str]) -> None:
        """Forgets what was sent from here: somebody else's values are right."""
        chosen = _chosen(names, wanted_in(env), env)
        sent = self._fingerprints(env)
        with sent.locked():
            for name in chosen:
                sent.forget(name)

    def send(self, env: AppEnv, name: str, value: SecretStr) -> str:
        """One secret, under its name at GitHub, into an environment that is there; returns where it is, in words."""
        sent = self._fingerprints(env)
        with sent.locked(), self.opened(env) as github:
            self._send(github, sent, Kind.SECRET, name, value)
            return f"the secret {name} of the environment {env.value} of {github.repository_name}"

    def token_store(self, env: AppEnv) -> GithubTokenStore:
        return GithubTokenStore(self, env)

    @contextmanager
    def opened(self, env: AppEnv) -> Iterator[GithubEnvironment]:
        token = SecretStr(self._settings.require_secret("GITHUB_TOKEN"))
        github = GithubEnvironment(
            self._settings.github_api_url,
            token,
            self._repository_name(),
            env.value,
            timeout_seconds=self._timeout,
            sleep=self._sleep,
        )
        try:
            yield github
        finally:
            github.close()

    def _plan(self, github: GithubEnvironment, choice: Choice) -> tuple[Plan, Values]:
        env, wanted = choice.env, wanted_in(choice.env)
        only = _chosen(choice.only, wanted, env)
        values = self._values(env, wanted, choice.file)
        repository = github.repository()
        found = protection.look(github)
        stored = {} if found.environment is None else _stored(github)
        steps = decide(wanted, values, stored, self._fingerprints(env), only=only, force=choice.force)
        people, strangers = self._reviewers(github, choice.reviewers)
        faults = [f"{step.name} {step.reason}" for step in steps if step.action is Action.REFUSE]
        faults += [f"--reviewer: GitHub knows no user {login!r:.80}" for login in strangers]
        faults += [
            f"--only: {step.name} has no value here"
            for step in steps
            if step.name in only
            and step.action in (Action.KEEP, Action.SKIP)
            and step.name not in values.given
        ]
        faults += _too_many(found, people)
        plan = Plan(
            repository,
            env.value,
            found.environment is not None,
            steps,
            tuple(sorted(name for _, name in set(stored) - {one.key for one in wanted})),
            protection.judge(PROTECTIONS[env], found),
            people,
            protection.foreign(PROTECTIONS[env], found),
            tuple(dict.fromkeys(faults)),
        )
        return plan, values

    def _send(
        self, github: GithubEnvironment, sent: Fingerprints, kind: Kind, name: str, value: SecretStr
    ) -> None:
        stored = github.set_value(kind, name, value)
        if kind is Kind.SECRET:
            sent.keep(name, value, stored.updated_at)

    def _values(self, env: AppEnv, wanted: Sequence[Wanted], file: Path | None) -> Values:
        usual = base.BACKEND_DIR / f".env.{env.value}"
        return read_values(env, wanted, process=os.environ, file=file or usual, must_exist=file is not None)

    def _reviewers(
        self, github: GithubEnvironment, logins: Sequence[str]
    ) -> tuple[tuple[Reviewer, ...], list[str]]:
        found = {login: github.find_user(login) for login in dict.fromkeys(logins)}
        return tuple(user for user in found.values() if user is not None), [
            login for login, user in found.items() if user is None
        ]

    def _fingerprints(self, env: AppEnv) -> Fingerprints:
        place = f"{self._settings.github_api_url}/repos/{self._repository_name()}/environments/{env.value}"
        return Fingerprints(base.BACKEND_DIR / "data", place.lower())

    def _repository_name(self) -> str:
        return find_repository(self._settings, base.BACKEND_DIR)


def require_faultless(plan: Plan) -> None:
    """Raises SecretsInputError, which lists every fault."""
    if plan.faults:
        lines = "".join(f"\n  {fault}" for fault in plan.faults)
        raise SecretsInputError(f"Nothing was sent:{lines}")


def _stored(github: GithubEnvironment) -> dict[Key, Stored]:
    return {(kind, one.name): one for kind in Kind for one in github.stored(kind)}


def _chosen(names: Sequence[str], wanted: Sequence[Wanted], env: AppEnv) -> set[str]:
    """The names at GitHub of what was called by any of its names."""
    chosen = set()
    for name in names:
        found = next((one for one in wanted if name in one.names_in_files), None)
        if found is None:
            raise SecretsInputError(
                f"{name!r:.80} is no secret or variable of {env.value}. See: autoforge secrets plan --env {env.value}"
            )
        chosen.add(found.name)
    return chosen


def _too_many(found: Found, people: Sequence[Reviewer]) -> list[str]:
    fault = protection.require_few(found, people)
    return [] if fault is None else [f"--reviewer: {fault}"]
