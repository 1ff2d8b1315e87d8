"""Settings of who may do what: Clerk, tokens, and the browsers that may call."""

from typing import Annotated, Literal

from pydantic import AliasChoices, Field, SecretStr

from src.core.config.settings.declaration import DEPLOYED, AppEnv, Declared, Home, SettingsGroup
from src.core.config.settings.values import CommaSeparated


class AccessSettings(SettingsGroup):
    title = ("Access", "アクセス")

    clerk_secret_key: Annotated[
        SecretStr | None,
        Declared(
            en="Secret key of the Clerk instance (sk_test_… or, in production, sk_live_…).",
            ja="Clerk のシークレットキー（sk_test_…、本番は sk_live_…）。",
            home=Home.SECRET,
            required=DEPLOYED,
        ),
    ] = None
    clerk_publishable_key: Annotated[
        str | None,
        Field(validation_alias=AliasChoices("clerk_publishable_key", "clerk_public_key")),
        Declared(
            en="Publishable key of the same instance (pk_test_… or pk_live_…).",
            ja="同じインスタンスの公開可能キー（pk_test_…、pk_live_…）。",
            home=Home.SECRET,
            required=DEPLOYED,
        ),
    ] = None
    jwt_secret_key: Annotated[
        SecretStr | None,
        Declared(
            en="Signs our own tokens; at least 32 characters, 64 in production.",
            ja="自前のトークンの署名鍵。32 文字以上、本番は 64 文字以上。",
            home=Home.SECRET,
            required=tuple(AppEnv),
            generated=True,
        ),
    ] = None
    jwt_algorithm: Annotated[
        Literal["HS256"], Declared(en="Algorithm of our own tokens.", ja="自前のトークンのアルゴリズム。")
    ] = "HS256"
    jwt_access_token_expire_minutes: Annotated[
        int,
        Field(ge=1),
        Declared(
            en="How long an access token is valid, in minutes.",
            ja="アクセストークンの有効期間（分）。",
            production="15",
        ),
    ] = 30
    cors_origins: Annotated[
        CommaSeparated,
        Declared(
            en="Web origins whose pages may call the API, separated by commas.",
            ja="API を呼び出せる Web オリジン。カンマ区切り。",
            staging="https://staging.autoforgenexus.com",
            production="https://autoforgenexus.com",
        ),
    ] = ("http://localhost:3000", "http://127.0.0.1:3000")
    cors_credentials: Annotated[
        bool,
        Declared(
            en="Whether those pages may send cookies and Authorization.",
            ja="そのページに Cookie と Authorization の送信を許すか。",
        ),
    ] = True
