"""Settings of the services that answer prompts and keep traces."""

from typing import Annotated

from pydantic import SecretStr

from src.core.config.settings.declaration import Declared, Home, SettingsGroup
from src.core.config.settings.values import CommaSeparated


class ModelSettings(SettingsGroup):
    title = ("Models", "モデル")

    openai_api_key: Annotated[
        SecretStr | None,
        Declared(en="Key for provider openai.", ja="プロバイダー openai のキー。", home=Home.SECRET),
    ] = None
    openai_base_url: Annotated[
        str,
        Declared(
            en="Its address; any OpenAI-compatible server.",
            ja="そのアドレス。OpenAI 互換サーバーなら何でもよい。",
        ),
    ] = "https://api.openai.com/v1"
    anthropic_api_key: Annotated[
        SecretStr | None,
        Declared(en="Key for provider anthropic.", ja="プロバイダー anthropic のキー。", home=Home.SECRET),
    ] = None
    anthropic_base_url: Annotated[str, Declared(en="Its address.", ja="そのアドレス。")] = (
        "https://api.anthropic.com"
    )
    llm_base_urls: Annotated[
        CommaSeparated,
        Declared(
            en="Further addresses that a run started over the API may use, separated by commas.",
            ja="API から始めた実行が使ってよい追加のアドレス。カンマ区切り。",
        ),
    ] = ()


class TracingSettings(SettingsGroup):
    title = ("Tracing", "トレース")

    langfuse_public_key: Annotated[
        str | None,
        Declared(en="Public key of the LangFuse project.", ja="LangFuse の公開キー。", home=Home.SECRET),
    ] = None
    langfuse_secret_key: Annotated[
        SecretStr | None,
        Declared(en="Its secret key.", ja="そのシークレットキー。", home=Home.SECRET),
    ] = None
    langfuse_base_url: Annotated[
        str, Declared(en="Address of LangFuse.", ja="LangFuse のアドレス。", home=Home.VARIABLE)
    ] = "https://cloud.langfuse.com"
