"""`.env.example` and the templates of the deployed environments."""

from collections.abc import Iterator
from itertools import groupby

from src.core import env_text
from src.core.config.settings.catalogue import Setting, all_settings
from src.core.config.settings.declaration import AppEnv

_EXAMPLE = """\
# Settings of a laptop. Everything has a default: copy what you change to .env.local, or run `autoforge env init`.
# ローカルの設定。すべて既定値があるので、変えるものだけ .env.local に写すか、`autoforge env init` を実行する。
"""
_TEMPLATE = """\
# Settings of {env}; names only, no secrets. `autoforge env render --env {env}` fills it in.
# {env} の設定。秘密の値は書かない。`autoforge env render --env {env}` で値を埋める。
"""
_WRITTEN = (
    "# Written by `autoforge env generate` from backend/src/core/config/settings; edits here are lost.\n"
)


def example() -> str:
    """Active lines are the defaults; what has none, or is a secret, stands as a comment."""
    return _EXAMPLE + _WRITTEN + "".join(_groups(AppEnv.LOCAL, all_settings()))


def template(env: AppEnv) -> str:
    """What only a runner reads is left out: it must not reach the server."""
    return _TEMPLATE.format(env=env.value) + _WRITTEN + "".join(_groups(env, for_server(env)))


def for_server(env: AppEnv) -> list[Setting]:
    return [setting for setting in all_settings() if setting.is_for(env) and not setting.for_runner]


def _groups(env: AppEnv, settings: list[Setting] | tuple[Setting, ...]) -> Iterator[str]:
    shown = [setting for setting in settings if setting.is_for(env)]
    for group, members in groupby(shown, key=lambda setting: setting.group):
        yield f"\n# --- {group.en} / {group.ja}\n"
        for setting in members:
            yield f"\n# {setting.en}\n# {setting.ja}\n{_line(setting, env)}\n"


def _line(setting: Setting, env: AppEnv) -> str:
    source, default = setting.source(env), setting.default(env)
    if source is not None:
        return f"{setting.name}=${{{source}}}"
    if default is None:
        return f"# {setting.name}="
    return ("# " if setting.for_runner else "") + env_text.assignment(setting.name, default).rstrip("\n")
