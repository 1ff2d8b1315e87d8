"""Settings of the database, and of the platform that keeps it."""

from typing import Annotated, Literal
from urllib.parse import parse_qsl, urlsplit

from pydantic import AliasChoices, Field, SecretStr, field_validator

from src.core.config.settings.declaration import DEPLOYED, AppEnv, Declared, Home, SettingsGroup
from src.core.config.settings.values import is_loopback, is_placeholder


class DatabaseSettings(SettingsGroup):
    title = ("Database", "データベース")

    database_url: Annotated[
        str,
        Declared(
            en="The local SQLite file; a relative path starts at backend/.",
            ja="ローカルの SQLite ファイル。相対パスは backend/ から。",
            only=(AppEnv.LOCAL,),
        ),
    ] = "sqlite:///./data/autoforge_dev.db"
    sqlite_synchronous: Annotated[
        Literal["NORMAL", "FULL"],
        Declared(
            en="FULL also keeps the last commits through a power cut, and is slower.",
            ja="FULL なら停電でも直前のコミットが残る。その分遅い。",
            only=(AppEnv.LOCAL,),
        ),
    ] = "NORMAL"
    turso_database_url: Annotated[
        str | None,
        Field(validation_alias=AliasChoices("turso_database_url", "turso_staging_database_url")),
        Declared(
            en="The Turso database, as libsql://host, without a token.",
            ja="Turso データベース。libsql://ホスト の形で、トークンは含めない。",
            home=Home.SECRET,
            only=DEPLOYED,
            required=DEPLOYED,
        ),
    ] = None
    turso_auth_token: Annotated[
        SecretStr | None,
        Field(validation_alias=AliasChoices("turso_auth_token", "turso_staging_auth_token")),
        Declared(
            en="Token of that database; autoforge turso token create makes one.",
            ja="そのデータベースのトークン。autoforge turso token create で作る。",
            home=Home.SECRET,
            only=DEPLOYED,
            required=DEPLOYED,
        ),
    ] = None

    @field_validator("database_url", "turso_database_url")
    @classmethod
    def _without_token(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if is_placeholder(value):
            raise ValueError("still holds a placeholder; put the real address there")
        parts = urlsplit(value)
        names = {name.lower() for name, _ in parse_qsl(parts.query)}
        if parts.username or parts.password or names & {"authtoken", "auth_token", "jwt", "password"}:
            raise ValueError("holds a token; put it into TURSO_AUTH_TOKEN, a URL is printed and logged")
        is_file = parts.scheme == "sqlite" and parts.path.startswith("/")
        if not is_file and not (parts.scheme in ("libsql", "https", "http", "wss", "ws") and parts.hostname):
            raise ValueError("names no database; write sqlite:///./data/name.db or libsql://host")
        return value


class TursoPlatformSettings(SettingsGroup):
    title = ("Turso platform", "Turso プラットフォーム")

    turso_api_token: Annotated[
        SecretStr | None,
        Declared(
            en="Token of the Turso platform, for `autoforge turso` and the branch that is made before a migration.",
            ja="Turso プラットフォームのトークン。`autoforge turso` と、マイグレーション前のブランチ作成に使う。",
            home=Home.SECRET,
            required=DEPLOYED,
            shared=True,
            runner=True,
        ),
    ] = None
    turso_api_baseurl: Annotated[
        str,
        Declared(
            en="Address of the Turso platform.",
            ja="Turso プラットフォームのアドレス。",
            home=Home.HAND,
            runner=True,
        ),
    ] = "https://api.turso.tech"
    turso_api_timeout_seconds: Annotated[
        float,
        Field(gt=0, le=600),
        Declared(
            en="How long to wait for an answer of the Turso platform, in seconds.",
            ja="Turso プラットフォームの応答を待つ秒数。",
            home=Home.HAND,
            runner=True,
        ),
    ] = 20.0
    turso_organization: Annotated[
        str | None,
        Declared(
            en="The Turso organization; the deploy to production names the database with it.",
            ja="Turso の組織。本番のデプロイがデータベースの名前に使う。",
            home=Home.VARIABLE,
            shared=True,
            runner=True,
        ),
    ] = None

    @field_validator("turso_api_baseurl")
    @classmethod
    def _fit_for_a_token(cls, value: str) -> str:
        return fit_for_a_token(value, such_as="https://api.turso.tech")


def fit_for_a_token(value: str, *, such_as: str) -> str:
    """`value` without a slash at its end. Raises ValueError when a token should not be sent there."""
    parts = urlsplit(value)
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("takes a plain address, without user, password, query or fragment")
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))
    if not (is_safe and parts.hostname):
        raise ValueError(f"takes an https address, such as {such_as}; http on this machine only")
    return value.rstrip("/")
