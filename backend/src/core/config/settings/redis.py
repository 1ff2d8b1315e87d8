"""Settings of the Redis server that several processes share."""

from typing import Annotated

from pydantic import Field, SecretStr

from src.core.config.settings.declaration import DEPLOYED, Declared, Home, SettingsGroup


class RedisSettings(SettingsGroup):
    title = ("Redis", "Redis")

    redis_url: Annotated[
        SecretStr | None,
        Declared(
            en="Everything in one address, rediss://user:password@host:port/db; instead of the others.",
            ja="rediss://ユーザー:パスワード@ホスト:ポート/DB の形で、以下をまとめて指定する。",
            home=Home.SECRET,
        ),
    ] = None
    redis_host: Annotated[
        str,
        Declared(
            en="Host of the Redis server.",
            ja="Redis サーバーのホスト。",
            home=Home.SECRET,
            required=DEPLOYED,
            or_else="REDIS_URL",
        ),
    ] = "127.0.0.1"
    redis_port: Annotated[
        int,
        Field(ge=1, le=65535),
        Declared(en="Its port.", ja="ポート。", home=Home.VARIABLE),
    ] = 6379
    redis_password: Annotated[
        SecretStr | None,
        Declared(
            en="Its password.",
            ja="パスワード。",
            home=Home.SECRET,
            required=DEPLOYED,
            or_else="REDIS_URL",
        ),
    ] = None
    redis_db: Annotated[int, Field(ge=0), Declared(en="Number of the database.", ja="データベース番号。")] = 0
    redis_tls: Annotated[
        bool,
        Declared(
            en="Talk to it over TLS.",
            ja="TLS で接続する。",
            staging="true",
            production="true",
        ),
    ] = False
    redis_cache_ttl: Annotated[
        int,
        Field(ge=1),
        Declared(en="How long a cached value lives, in seconds.", ja="キャッシュの寿命（秒）。"),
    ] = 3600
