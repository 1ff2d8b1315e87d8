"""Parts of hand-written files that are made from the declaration: what stands between two marks.

    # generated: NAME environment
    …
    # end of generated

The marks are comments of the file's own language (`#` or `//`); the block gets the indentation of the first.
"""

import re
from collections.abc import Callable, Mapping

from src.core.config.settings.catalogue import Setting, all_settings
from src.core.config.settings.declaration import DEPLOYED, AppEnv, Home
from src.domain.shared.errors import DomainError
from src.operations.artefacts.env_templates import for_server

_BLOCK = re.compile(
    r"^(?P<indent>[ \t]*)(?P<comment>#|//) generated: (?P<name>[\w-]+)(?: (?P<env>staging|production))?[ \t]*\n"
    r"(?P<body>.*?)"
    r"^(?P=indent)(?P=comment) end of generated[ \t]*$",
    re.MULTILINE | re.DOTALL,
)
_BEGIN = re.compile(r"^[ \t]*(?:#|//) generated:", re.MULTILINE)

# The runner's settings, each handed to the one step that needs it.
_STEPS = {"migrate": "Turso platform", "deploy": "Deployment", "verify": "Application"}


class BrokenMarksError(DomainError):
    """The marks of a block do not fit together. The message says where."""

    code = "broken_marks"
    title = "The marks of a generated block do not fit together"


def filled(text: str, *, of: str) -> str:
    """`text` with every block made anew; `of` is the file's name. Raises BrokenMarksError."""

    def fill(found: re.Match[str]) -> str:
        env = AppEnv(found["env"]) if found["env"] else None
        make = BLOCKS.get(found["name"])
        if make is None:
            raise BrokenMarksError(
                f"{of}: there is no block {found['name']!r}; there are {', '.join(BLOCKS)}."
            )
        if env is None and found["name"] != "variables":
            raise BrokenMarksError(
                f"{of}: the block {found['name']!r} does not say of which environment it is."
            )
        lines = make(env or AppEnv.PRODUCTION)
        body = "".join(f"{found['indent']}{line}\n" for line in lines)
        head = found[0][: found.start("body") - found.start()]
        return f"{head}{body}{found['indent']}{found['comment']} end of generated"

    whole, count = _BLOCK.subn(fill, text)
    if count != len(_BEGIN.findall(text)):
        raise BrokenMarksError(
            f"{of}: a block begins with `generated:` and has no `end of generated` after it."
        )
    return whole


def _of_render(env: AppEnv) -> list[str]:
    """What the step that renders the template reads."""
    return [
        _from_github(source, source, setting)
        for setting in for_server(env)
        if (source := setting.source(env))
    ]


def _of_step(title: str) -> Callable[[AppEnv], list[str]]:
    def lines(env: AppEnv) -> list[str]:
        return [
            _from_github(setting.name, source, setting)
            for setting in all_settings()
            if setting.for_runner and setting.group.en == title and (source := setting.source(env))
        ]

    return lines


def _from_github(name: str, source: str, setting: Setting) -> str:
    context = "secrets" if setting.home is Home.SECRET else "vars"
    return f"{name}: ${{{{ {context}.{source} }}}}"


def _of_compose(env: AppEnv) -> list[str]:
    """Compose takes the values from its own environment, or from the file that `env render` made."""
    return [f"{setting.name}: {_compose_value(setting, env)}" for setting in for_server(env)]


def _compose_value(setting: Setting, env: AppEnv) -> str:
    if setting.name == "APP_ENV":
        return env.value
    if setting.is_required(env) and setting.or_else is None:
        return f'"${{{setting.name}:?is not set}}"'
    return f'"${{{setting.name}:-{setting.default(env) or ""}}}"'


def _of_wrangler(env: AppEnv) -> list[str]:
    plain = {
        setting.name: default
        for setting in for_server(env)
        if setting.home is Home.PLAIN and (default := setting.default(env)) is not None
    }
    lines = [f'"{name}": "{value}",' for name, value in plain.items()]
    return [*lines[:-1], lines[-1].removesuffix(",")]


def _of_worker(_env: AppEnv) -> list[str]:
    names = {setting.name for env in DEPLOYED for setting in for_server(env)}
    return [f'"{setting.name}",' for setting in all_settings() if setting.name in names]


BLOCKS: Mapping[str, Callable[[AppEnv], list[str]]] = {
    "env-of-render": _of_render,
    **{f"env-of-{step}": _of_step(title) for step, title in _STEPS.items()},
    "environment": _of_compose,
    "vars": _of_wrangler,
    "variables": _of_worker,
}
