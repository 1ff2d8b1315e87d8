"""Rendering: a template and the values of the process become the file of an environment, all of it or nothing."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from src.core import env_text
from src.core.config.settings.base import SettingsError
from src.core.config.settings.catalogue import find_setting
from src.core.config.settings.declaration import AppEnv
from src.core.replacing import replace_text
from src.operations.env_files import git
from src.operations.env_files.template import fill


class Form(StrEnum):
    DOTENV = "dotenv"
    JSON = "json"


class OutputRefusedError(SettingsError):
    """Values must not be written there. The message says why, and where they may."""


@dataclass(frozen=True, slots=True)
class Rendering:
    """What is going to be in `output`: the names of `written`, without those of `left_out`, each with why."""

    env: AppEnv
    template: Path
    output: Path
    written: tuple[str, ...]
    left_out: Mapping[str, str]
    text: str

    def write(self) -> None:
        """Replaces the file as a whole, mode 0600. Raises OSError, and then the old file is what it was."""
        replace_text(self.output, self.text)

    def __repr__(self) -> str:
        return f"Rendering({self.env.value}, {str(self.output)!r})"  # never the text


def plan(
    env: AppEnv,
    folder: Path,
    given: Mapping[str, str],
    *,
    template: Path | None = None,
    output: Path | None = None,
    form: Form = Form.DOTENV,
    only_secrets: bool = False,
) -> Rendering:
    """What rendering the template of `env` gives, with nothing written yet; `folder` is backend/.

    Raises TemplateError and OutputRefusedError.
    """
    template = template or folder / f".env.{env.value}.template"
    output = output or folder / f".env.{env.value}{'.json' * (form is Form.JSON)}"
    filled = fill(_read(template), env, given, label=str(template))
    require_safe(output, backend=folder, template=template)
    values = {name: value for name, value in filled.values.items() if not only_secrets or _is_kept(name, env)}
    text = _as_json(values) if form is Form.JSON else "".join(_as_lines(values, template))
    return Rendering(env, template, output, tuple(values), filled.left_out, text)


def require_safe(output: Path, *, backend: Path, template: Path) -> None:
    """Raises OutputRefusedError when a file of values at `output` could be committed, built in or mistaken."""
    if output.is_symlink():
        raise OutputRefusedError(f"{output} is a symbolic link. Name a plain file.")
    if not output.parent.is_dir() or output.is_dir():
        wrong = output if output.is_dir() else output.parent
        raise OutputRefusedError(f"{wrong} is {'a' if output.is_dir() else 'no'} folder. Name another file.")
    place = output.parent.resolve() / output.name
    looks_like_template = output.suffix in (".template", ".example")
    if looks_like_template or place == template.resolve():
        raise OutputRefusedError(
            f"{output} is a template, which is for everybody to read. Name another file."
        )
    is_env_file = output.name.startswith(".env")
    if place.is_relative_to(backend.resolve()) and not is_env_file:
        raise OutputRefusedError(
            f"{output} is where images are built from, and would go into one. "
            f"Give it a name that begins with .env, or another folder."
        )
    tree = git.work_tree(place.parent)
    if tree is not None and tree.tracks(place):
        raise OutputRefusedError(f"{output} is tracked by git. Run: git rm --cached '{output}'")
    is_ignored = is_env_file if tree is None else tree.ignores(place)
    if not is_ignored and (tree is not None or git.is_in_clone(place.parent)):
        raise OutputRefusedError(
            f"{output} is not ignored by git, and could be committed. "
            f"Name {backend / '.env.NAME'}, or a file elsewhere."
        )


def _read(template: Path) -> str:
    try:
        return template.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SettingsError(
            f"{template} is not there. Name another template, or run: autoforge env generate"
        ) from None
    except UnicodeDecodeError as exc:
        raise SettingsError(f"{template}: byte {exc.start + 1} is no UTF-8. Save it as UTF-8.") from None


def _is_kept(name: str, env: AppEnv) -> bool:
    """Whether its value is kept at GitHub, not in the template."""
    setting = find_setting(name)
    return setting is not None and setting.source(env) is not None


def _as_json(values: Mapping[str, str]) -> str:
    return json.dumps(dict(values), ensure_ascii=False, indent=2) + "\n"


def _as_lines(values: Mapping[str, str], template: Path) -> Iterator[str]:
    yield f"# Rendered from {template.name}; never commit this file, and change nothing here: render it again.\n"
    for name, value in values.items():
        yield env_text.assignment(name, value)
