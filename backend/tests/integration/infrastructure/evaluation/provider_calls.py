"""Questions to providers, from tests."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest

from src.application.evaluation.ports import (
    Completion,
    CompletionRequest,
    Provider,
    ProviderError,
)
from src.infrastructure.evaluation.providers.anthropic import AnthropicProvider
from src.infrastructure.evaluation.providers.openai_compatible import OpenAiCompatibleProvider
from tests.llm_server import FakeLlm, HttpReply

KEY = "sk-secret-0123456789"


def a_request(
    prompt: str = "Hello?",
    *,
    system_message: str | None = None,
    model: str | None = "some-model",
    timeout_seconds: float = 10.0,
    **parameters: Any,
) -> CompletionRequest:
    return CompletionRequest(
        prompt=prompt,
        system_message=system_message,
        model=model,
        parameters=parameters,
        timeout_seconds=timeout_seconds,
        case_name="case-0001",
        repeat=1,
        content_hash="0" * 64,
    )


def openai(llm: FakeLlm, *, key: str | None = KEY, concurrency: int = 4) -> Provider:
    return OpenAiCompatibleProvider(f"{llm.base_url}/v1", key, concurrency)


def anthropic(llm: FakeLlm, *, key: str | None = KEY) -> Provider:
    return AnthropicProvider(llm.base_url, key, 4)


def asked(provider: Provider, *requests: CompletionRequest) -> list[Completion]:
    """The answers, asked for at the same time."""

    async def ask() -> list[Completion]:
        try:
            return await asyncio.gather(*(provider.complete(request) for request in requests))
        finally:
            await provider.aclose()

    return asyncio.run(ask())


def failure(provider: Provider, request: CompletionRequest | None = None) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        asked(provider, request or a_request())
    return caught.value


def refused(llm: FakeLlm, reply: HttpReply) -> ProviderError:
    llm.reply(lambda _: reply)
    return failure(openai(llm))


async def error_of(call: Awaitable[Completion]) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await call
    return caught.value
