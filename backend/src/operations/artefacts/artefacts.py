"""Every file that is made, whole or in part, from the declaration of the settings."""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from src.core.config.settings.catalogue import all_settings
from src.core.config.settings.declaration import DEPLOYED, AppEnv, Home
from src.core.replacing import replace_text
from src.operations.artefacts import env_templates, reference
from src.operations.artefacts.blocks import filled


def manifest() -> str:
    """What must be at GitHub for each environment, by name."""
    return json.dumps({env.value: _of_environment(env) for env in DEPLOYED}, indent=2) + "\n"


def _of_environment(env: AppEnv) -> dict[str, list[dict[str, object]]]:
    kept = [(setting, source) for setting in all_settings() if (source := setting.source(env))]
    return {
        title: [
            {"name": source, "setting": setting.name, "required": setting.is_required(env)}
            for setting, source in kept
            if setting.home is home
        ]
        for title, home in (("secrets", Home.SECRET), ("variables", Home.VARIABLE))
    }


_WHOLE: Mapping[str, Callable[[], str]] = {
    "backend/.env.example": env_templates.example,
    "backend/.env.staging.template": partial(env_templates.template, AppEnv.STAGING),
    "backend/.env.production.template": partial(env_templates.template, AppEnv.PRODUCTION),
    "deploy/secrets.json": manifest,
    "docs/reference/settings.md": reference.english,
    "docs/reference/settings.ja.md": reference.japanese,
}
_WITH_BLOCKS = (
    ".github/workflows/deploy-staging.yml",
    ".github/workflows/deploy-production.yml",
    "docker-compose.prod.yml",
    "deploy/cloudflare/wrangler.jsonc",
    "deploy/cloudflare/src/variables.ts",
)


def stale(root: Path) -> list[Path]:
    """The files that are not what the declaration makes of them, a missing one included; `root` is the repository.

    Raises BrokenMarksError.
    """
    return [path for path, present, wanted in _made(root) if present != wanted]


def generate(root: Path) -> list[Path]:
    """Makes the stale ones anew and tells which. Raises BrokenMarksError, and then nothing was written."""
    changes = [(path, wanted) for path, present, wanted in _made(root) if present != wanted]
    for path, wanted in changes:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_text(path, wanted, mode=0o644)
    return [path for path, _ in changes]


def _made(root: Path) -> Iterator[tuple[Path, str | None, str]]:
    for name, make in _WHOLE.items():
        yield root / name, _read(root / name), make()
    for name in _WITH_BLOCKS:
        present = _read(root / name)
        if present is not None:
            yield root / name, present, filled(present, of=name)


def _read(path: Path) -> str | None:
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        return None
