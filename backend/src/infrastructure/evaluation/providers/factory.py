"""Which provider a run gets, and whose key goes where."""

import os
from pathlib import Path
from urllib.parse import urlsplit

from src.application.evaluation.ports import Provider, ProviderSetupError
from src.core.config.settings.base import Settings, SettingsError
from src.core.config.settings.values import is_placeholder
from src.domain.evaluation.errors import SuiteFileError
from src.domain.evaluation.evaluation import RunSettings

PROVIDERS = ("openai", "anthropic", "scripted")


def open_provider(run: RunSettings, settings: Settings) -> Provider:
    """Raises ProviderSetupError. Nothing is connected yet.

    OPENAI_API_KEY and ANTHROPIC_API_KEY go to the endpoints of the settings only. Another `base_url` gets none, unless
    `api_key_env` names the variable that holds it: else whoever chooses the address would be given the key.
    """
    try:
        if run.provider == "openai":
            return _openai(run, settings)
        if run.provider == "anthropic":
            return _anthropic(run, settings)
        if run.provider == "scripted":
            return _scripted(run)
    except SettingsError as exc:
        raise ProviderSetupError(str(exc)) from None
    except SuiteFileError as exc:
        raise ProviderSetupError(str(exc)) from exc
    raise ProviderSetupError(f"There is no provider {run.provider!r:.60}. Known are {', '.join(PROVIDERS)}.")


def _openai(run: RunSettings, settings: Settings) -> Provider:
    from src.infrastructure.evaluation.providers.openai_compatible import OpenAiCompatibleProvider

    _require_model(run)
    base_url, key = _endpoint(run, settings, settings.openai_base_url, "OPENAI_API_KEY")
    return OpenAiCompatibleProvider(base_url, key, run.concurrency)


def _anthropic(run: RunSettings, settings: Settings) -> Provider:
    from src.infrastructure.evaluation.providers.anthropic import AnthropicProvider

    _require_model(run)
    base_url, key = _endpoint(run, settings, settings.anthropic_base_url, "ANTHROPIC_API_KEY")
    return AnthropicProvider(base_url, key, run.concurrency)


def _scripted(run: RunSettings) -> Provider:
    from src.infrastructure.evaluation.providers.scripted import ScriptedProvider, load_recordings
    from src.infrastructure.prompt.prompt_file import read_prompt_file

    answers = run.provider_options.get("answers")
    if isinstance(answers, list):
        return ScriptedProvider.of(answers)
    if isinstance(answers, str):
        return ScriptedProvider(
            load_recordings(Path(answers), lambda path: read_prompt_file(path).content.content_hash)
        )
    raise ProviderSetupError(
        "The scripted provider replays recorded answers and needs some: give a file of answers."
    )


def _require_model(run: RunSettings) -> None:
    if not run.model:
        raise ProviderSetupError(f"Provider {run.provider!r} needs a model: give its name.")


def _endpoint(run: RunSettings, settings: Settings, own_url: str, own_key: str) -> tuple[str, str | None]:
    base_url, key_variable = run.provider_options.get("base_url"), run.provider_options.get("api_key_env")
    if base_url is None or base_url == own_url:
        return own_url, settings.require_secret(own_key)
    if not isinstance(base_url, str) or urlsplit(base_url).scheme not in ("http", "https"):
        raise ProviderSetupError(f"base_url: {base_url!r:.80} is no http or https address.")
    if key_variable is None:
        return base_url, None
    key = os.environ.get(str(key_variable), "")
    if not key or is_placeholder(key):
        raise ProviderSetupError(
            f"{key_variable} is not set, or holds a placeholder. Set it in the environment."
        )
    return base_url, key
