import socket
from datetime import UTC, datetime

import pytest
from genai_prices import Usage, calc_price

from src.infrastructure.evaluation.prices import GenaiPriceBook


def cost(
    provider: str = "openai",
    model: str | None = "gpt-4o-mini",
    prompt_tokens: int | None = 1000,
    completion_tokens: int | None = 100,
) -> float | None:
    return GenaiPriceBook().cost_usd(
        provider=provider, model=model, prompt_tokens=prompt_tokens, completion_tokens=completion_tokens
    )


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-4o-mini"),
        ("openai", "gpt-4o-mini-2024-07-18"),
        ("openai", "gpt-5"),
        ("anthropic", "claude-sonnet-4-5"),  # dearer above 200,000 tokens
        ("anthropic", "claude-sonnet-4-5-20250929"),
        ("openai", "text-embedding-3-small"),
    ],
)
@pytest.mark.parametrize("tokens", [(0, 0), (1234, 567), (200_000, 1), (200_001, 1), (2_000_000, 8_000)])
def test_cost_is_what_the_price_list_says(provider: str, model: str, tokens: tuple[int, int]) -> None:
    prompt_tokens, completion_tokens = tokens
    usage = Usage(input_tokens=prompt_tokens, output_tokens=completion_tokens)
    listed = calc_price(usage, model, provider_id=provider, genai_request_timestamp=datetime.now(UTC))
    assert cost(provider, model, *tokens) == pytest.approx(float(listed.total_price), rel=1e-12)


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "no-such-model"),
        ("openai", "llama3.1:8b"),
        ("openai", "claude-sonnet-4-5"),
        ("openai", None),
        ("openai", ""),
        ("other", "gpt-4o-mini"),
        ("scripted", "gpt-4o-mini"),
        ("scripted", None),
        ("google", "gemini-2.5-pro"),
    ],
)
def test_unknown_model_has_no_cost(provider: str, model: str | None) -> None:
    assert cost(provider, model) is None


@pytest.mark.parametrize("tokens", [(None, None), (None, 5), (5, None)])
def test_unknown_usage_has_no_cost(tokens: tuple[int | None, int | None]) -> None:
    assert cost("openai", "gpt-4o-mini", *tokens) is None


def test_network_is_never_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a price list must not call anybody")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    prices = GenaiPriceBook()
    prices.load("openai")
    assert prices.cost_usd(provider="openai", model="gpt-4o", prompt_tokens=1, completion_tokens=1)
