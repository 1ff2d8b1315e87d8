"""A token of Turso goes straight into an environment at GitHub, and never touches the disk."""

from typing import TYPE_CHECKING

from pydantic import SecretStr

from src.core.config.settings.base import AppEnv, SettingsError
from src.core.config.settings.catalogue import find_setting
from src.operations.github.errors import GithubRefusedError, GithubUnavailableError
from src.operations.turso.errors import SecretNotKeptError

if TYPE_CHECKING:
    from src.operations.github.secrets import GithubSecrets

_SETTING = "TURSO_AUTH_TOKEN"


class GithubTokenStore:
    """Keeps a token as the secret of `env` from which its server gets TURSO_AUTH_TOKEN."""

    def __init__(self, github: "GithubSecrets", env: AppEnv) -> None:
        self._github, self._env = github, env

    @property
    def name(self) -> str:
        setting = find_setting(_SETTING)
        name = None if setting is None else setting.source(self._env)
        if name is None:
            raise SettingsError(f"{_SETTING} of {self._env.value} is not kept at GitHub.")
        return name

    def require_ready(self) -> None:
        try:
            with self._github.opened(self._env) as github:
                github.repository()
                if github.find_environment() is None:
                    raise SecretNotKeptError(
                        f"{github.repository_name} has no environment {self._env.value}. "
                        f"Make it: autoforge secrets push --env {self._env.value}"
                    )
                github.require_writable()
        except (GithubRefusedError, GithubUnavailableError) as exc:
            raise SecretNotKeptError(str(exc)) from None

    def keep(self, secret: SecretStr) -> str:
        try:
            return self._github.send(self._env, self.name, secret)
        except (GithubRefusedError, GithubUnavailableError) as exc:
            raise SecretNotKeptError(str(exc)) from None
