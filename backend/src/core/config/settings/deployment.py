"""Settings of the commands that deploy. The server reads none of them."""

from typing import Annotated

from pydantic import SecretStr, field_validator

from src.core.config.settings.database import fit_for_a_token
from src.core.config.settings.declaration import DEPLOYED, Declared, Home, SettingsGroup


class DeploymentSettings(SettingsGroup):
    title = ("Deployment", "デプロイ")

    cloudflare_api_token: Annotated[
        SecretStr | None,
        Declared(
            en="Token with which wrangler deploys.",
            ja="wrangler がデプロイに使うトークン。",
            home=Home.SECRET,
            only=DEPLOYED,
            required=DEPLOYED,
            shared=True,
            runner=True,
        ),
    ] = None
    cloudflare_account_id: Annotated[
        str | None,
        Declared(
            en="The Cloudflare account to deploy to.",
            ja="デプロイ先の Cloudflare アカウント。",
            home=Home.SECRET,
            only=DEPLOYED,
            required=DEPLOYED,
            shared=True,
            runner=True,
        ),
    ] = None
    github_token: Annotated[
        SecretStr | None,
        Declared(
            en="Token for `autoforge secrets`: may administer the environments of the repository.",
            ja="`autoforge secrets` 用のトークン。リポジトリの environment を管理できること。",
            home=Home.HAND,
            runner=True,
        ),
    ] = None
    github_repository: Annotated[
        str | None,
        Declared(
            en="The repository, as owner/name; that of the remote `origin` if absent.",
            ja="リポジトリ（owner/name）。省略時はリモート origin のもの。",
            home=Home.HAND,
            runner=True,
        ),
    ] = None
    github_api_url: Annotated[
        str,
        Declared(en="Address of the GitHub API.", ja="GitHub API のアドレス。", home=Home.HAND, runner=True),
    ] = "https://api.github.com"

    @field_validator("github_api_url")
    @classmethod
    def _github_is_fit_for_a_token(cls, value: str) -> str:
        # a name of its own: Settings inherits every group, and takes one validator of a name
        return fit_for_a_token(value, such_as="https://api.github.com")
