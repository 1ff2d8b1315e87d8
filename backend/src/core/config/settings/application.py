"""Settings of the server itself."""

from typing import Annotated, Literal

from pydantic import Field

from src.core.config.settings.declaration import DEPLOYED, AppEnv, Declared, Home, SettingsGroup


class ApplicationSettings(SettingsGroup):
    title = ("Application", "アプリケーション")

    app_name: Annotated[
        str,
        Declared(
            en="Name of this installation.",
            ja="このインストールの名前。",
            staging="AutoForgeNexus-Backend-Staging",
            production="AutoForgeNexus-Backend-Production",
        ),
    ] = "AutoForgeNexus-Backend-Dev"
    app_env: Annotated[
        AppEnv,
        Declared(
            en="The environment: local, staging or production.",
            ja="環境。local、staging、production のいずれか。",
            staging="staging",
            production="production",
            required=DEPLOYED,
        ),
    ] = AppEnv.LOCAL
    debug: Annotated[
        bool,
        Declared(
            en="Development mode; never in production.",
            ja="開発モード。本番では必ず false。",
            local="true",
        ),
    ] = False
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"],
        Declared(
            en="The least level of the application's log lines.",
            ja="アプリケーションのログに出す最低レベル。",
            local="DEBUG",
            production="WARNING",
        ),
    ] = "INFO"
    host: Annotated[
        str,
        Declared(
            en="Address to listen on.",
            ja="待ち受けるアドレス。",
            staging="0.0.0.0",  # noqa: S104 - in a container, whose network decides who gets there
            production="0.0.0.0",  # noqa: S104
        ),
    ] = "127.0.0.1"
    port: Annotated[
        int, Field(ge=0, le=65535), Declared(en="Port to listen on.", ja="待ち受けるポート。")
    ] = 8000
    max_body_bytes: Annotated[
        int,
        Field(ge=1024),
        Declared(en="Largest request body, in bytes.", ja="リクエスト本文の上限（バイト）。"),
    ] = 4 * 1024 * 1024
    max_import_bytes: Annotated[
        int,
        Field(ge=1024),
        Declared(en="Largest suite file to import, in bytes.", ja="取り込むスイートの上限（バイト）。"),
    ] = 64 * 1024 * 1024
    service_url: Annotated[
        str | None,
        Declared(
            en="Public address of the deployed server, which `autoforge verify` asks.",
            ja="デプロイ済みサーバーの公開アドレス。`autoforge verify` が問い合わせる。",
            home=Home.VARIABLE,
            only=DEPLOYED,
            runner=True,
        ),
    ] = None
