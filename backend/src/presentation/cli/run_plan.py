"""What `eval run` is to run, out of its options and what the suite file says; an option wins."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from src.application.evaluation.commands import import_suite
from src.application.evaluation.ports import RunDefaults, SuiteFile
from src.application.prompt.commands import register_prompt
from src.application.services import Services
from src.domain.evaluation.evaluation import RunSettings
from src.domain.prompt.prompt import slug
from src.domain.shared.ids import PromptId, SuiteId
from src.domain.shared.placeholders import JsonValue
from src.presentation.cli.errors import InputError
from src.presentation.cli.output import counted, say
from src.presentation.cli.prompt import find_prompt
from src.presentation.cli.suite import find_suite

_SUITE_SUFFIXES = (".yaml", ".yml", ".csv", ".jsonl", ".ndjson")
_PROMPT_SUFFIXES = (".md", ".txt")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """Options of `eval run`; None where one was not given."""

    prompt: str | None = None
    version: int | None = None
    provider: str | None = None
    model: str | None = None
    base_url: str | None = None
    api_key_env: str | None = None
    answers: Path | None = None
    parameters: Mapping[str, JsonValue]
    repeats: int | None = None
    concurrency: int | None = None
    timeout_seconds: float | None = None
    max_attempts: int | None = None
    case_filter: str | None = None


def resolve_suite(named: str, services: Services) -> tuple[Callable[[], SuiteId], RunDefaults]:
    """What gives the suite's id, and what its file says of the run.

    A file is imported when its id is asked for (the same content is the same version); up to then only its head is
    read. Another text is the name of a stored suite.
    """
    path = Path(named)
    if not path.is_file() and not named.lower().endswith(_SUITE_SUFFIXES):
        found = SuiteId(find_suite(services, named).id)
        return lambda: found, RunDefaults()
    source = services.suite_files.open(path)
    return partial(_imported, source, services), source.run


def resolve_prompt(options: RunOptions, file: RunDefaults, services: Services) -> tuple[PromptId, int]:
    """The prompt and its version; a prompt file is registered by its content first."""
    if options.prompt is not None:
        if _names_file(options.prompt):
            return _registered(Path(options.prompt), options, file, services)
        return _stored(options.prompt, options.version, services)
    if file.prompt_file is not None and not (options.version and file.prompt_name):
        return _registered(file.prompt_file, options, file, services)
    if file.prompt_name is not None:
        return _stored(file.prompt_name, options.version, services)
    raise InputError("--prompt: the suite names no prompt: give its NAME or a FILE.")


def resolve_settings(options: RunOptions, file: RunDefaults) -> RunSettings:
    """Raises RuleViolationError for a value out of range."""
    provider = _provider(options, file)
    same_endpoint = provider == file.provider and options.base_url in (None, file.base_url)
    chosen: dict[str, JsonValue] = {
        "base_url": options.base_url or (file.base_url if same_endpoint else None),
        # The file's key is for the file's endpoint: another one must not be sent it.
        "api_key_env": options.api_key_env or (file.api_key_env if same_endpoint else None),
        "answers": _answers(provider, options, file),
    }
    # A model that the file names beside recorded answers is the one to ask when a real provider is.
    keeps_model = file.provider in (provider, "scripted", None)
    model = options.model or (file.model if keeps_model else None)
    if options.base_url is not None and model is None:
        raise InputError(f"--model: say which model to ask at {options.base_url}.")
    limits: dict[str, Any] = {
        name: value
        for name in ("repeats", "concurrency", "timeout_seconds", "max_attempts")
        if (value := getattr(options, name) if getattr(options, name) is not None else getattr(file, name))
        is not None
    }
    return RunSettings(
        provider,
        model=model,
        parameters={**(file.parameters or {}), **options.parameters},
        case_filter=options.case_filter,
        provider_options={name: value for name, value in chosen.items() if value is not None},
        **limits,
    )


def _provider(options: RunOptions, file: RunDefaults) -> str:
    if options.provider is not None:
        return options.provider
    if options.base_url is not None:
        return "openai"
    if options.answers is not None:
        return "scripted"
    if file.provider is None:
        raise InputError(
            "--provider: the suite names none: give --provider NAME, --base-url URL or --answers FILE."
        )
    return file.provider


def _answers(provider: str, options: RunOptions, file: RunDefaults) -> str | None:
    if provider != "scripted":
        if options.answers is not None:
            raise InputError(f"--answers: provider {provider} asks a model and replays nothing.")
        return None
    if options.base_url is not None:
        raise InputError("--base-url: provider scripted replays answers and asks nobody.")
    answers = options.answers or file.answers
    return None if answers is None else str(answers.absolute())


def _imported(source: SuiteFile, services: Services) -> SuiteId:
    suite, is_new = import_suite(
        source, by=services.principal, uow=services.unit_of_work(), now=services.now()
    )
    if is_new:
        say(f"Imported suite {suite.name}, version {suite.version}, {counted(suite.case_count, 'case')}.")
    return SuiteId(suite.id)


def _names_file(prompt: str) -> bool:
    path = Path(prompt)
    return path.is_file() or prompt.endswith(_PROMPT_SUFFIXES) or prompt.startswith((".", "/", "~"))


def _registered(
    path: Path, options: RunOptions, file: RunDefaults, services: Services
) -> tuple[PromptId, int]:
    if options.version is not None:
        raise InputError("--version: a prompt file is one version; give the prompt's name.")
    content, title = services.suite_files.read_prompt(path)
    name = file.prompt_name or slug(path.stem)
    prompt, version, is_new = register_prompt(
        name=name,
        title=title or name,
        content=content,
        by=services.principal,
        uow=services.unit_of_work(),
        now=services.now(),
    )
    if is_new:
        say(f"Registered {path} as prompt {prompt.name}, version {version.version}.")
    return prompt.id, version.version


def _stored(name: str, version: int | None, services: Services) -> tuple[PromptId, int]:
    prompt = find_prompt(services, name)
    return PromptId(prompt.id), services.prompts.get_version(prompt.id, version or prompt.version).version
