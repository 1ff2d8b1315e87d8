"""How a suite file would like to be run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from src.application.evaluation.ports import RunDefaults
from src.domain.evaluation.evaluation import RunSettings
from src.domain.shared.errors import RuleViolationError
from src.infrastructure.shared.input_files.located import Field, suggestion

RUN_KEYS = (
    "prompt",
    "provider",
    "model",
    "parameters",
    "repeats",
    "concurrency",
    "timeout_seconds",
    "max_attempts",
)
_PROVIDERS = ("scripted", "openai", "anthropic")
_PROMPT_SUFFIXES = (".md", ".txt")


def read_run_defaults(fields: Mapping[str, Field], folder: Path | None) -> RunDefaults:
    """`folder` is the suite file's; None: the suite came in a request and may name no file."""
    prompt_name, prompt_file = _prompt(fields.get("prompt"), folder)
    provider = _provider(fields.get("provider"))
    answers = provider.get("answers")
    run = RunDefaults(
        prompt_name=prompt_name,
        prompt_file=prompt_file,
        provider=_text(provider.get("type")),
        base_url=_text(provider.get("base_url")),
        api_key_env=_text(provider.get("api_key_env")),
        answers=referred_path(answers, folder) if answers else None,
        model=_text(fields.get("model")),
        parameters=fields["parameters"].free_mapping() if "parameters" in fields else None,
        repeats=_integer(fields.get("repeats")),
        concurrency=_integer(fields.get("concurrency")),
        timeout_seconds=fields["timeout_seconds"].number() if "timeout_seconds" in fields else None,
        max_attempts=_integer(fields.get("max_attempts")),
    )
    _require_ranges(run, fields)
    return run


def referred_path(field: Field, folder: Path | None) -> Path:
    """The file that `field` names. Raises SuiteFileError for a suite that may name none."""
    text = field.text()
    if not text.strip():
        raise field.error("takes the path of a file; it is empty.")
    if folder is None:
        raise field.error(
            f"a suite sent in a request cannot refer to a file ({text!r:.60}); send what is in it."
        )
    return folder / text


def _prompt(field: Field | None, folder: Path | None) -> tuple[str | None, Path | None]:
    if field is None:
        return None, None
    if isinstance(field.value, dict):
        parts = field.mapping(("name", "file"))
        file = parts.get("file")
        return _text(parts.get("name")), referred_path(file, folder) if file else None
    text = field.text()
    if "/" in text or text.endswith(_PROMPT_SUFFIXES):
        return None, referred_path(field, folder)
    return text, None


def _provider(field: Field | None) -> Mapping[str, Field]:
    if field is None:
        return {}
    parts = {"type": field}
    if isinstance(field.value, dict):
        parts = field.mapping(("type", "base_url", "api_key_env", "answers"))
        if "type" not in parts:
            raise field.child("type").error(f"is missing; known are {', '.join(_PROVIDERS)}.")
    kind = parts["type"].text()
    if kind not in _PROVIDERS:
        raise parts["type"].error(f"unknown provider {kind!r:.60}; {suggestion(kind, _PROVIDERS)}")
    return parts


def _require_ranges(run: RunDefaults, fields: Mapping[str, Field]) -> None:
    limited: dict[str, Any] = {
        "repeats": run.repeats,
        "concurrency": run.concurrency,
        "timeout_seconds": run.timeout_seconds,
        "max_attempts": run.max_attempts,
    }
    try:
        RunSettings(run.provider or "", **{key: value for key, value in limited.items() if value is not None})
    except RuleViolationError as exc:
        key, _, reason = str(exc).partition(": ")
        raise fields[key].error(reason) from exc


def _text(field: Field | None) -> str | None:
    return field.text() if field else None


def _integer(field: Field | None) -> int | None:
    return field.integer() if field else None
