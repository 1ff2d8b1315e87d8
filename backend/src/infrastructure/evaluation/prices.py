"""What a call cost, by the price list that comes with the genai-prices package."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from genai_prices.types import TieredPrices

_PRICED = frozenset({"openai", "anthropic"})
_MILLION = 1_000_000

_Price = Callable[[int, int], float]


class GenaiPriceBook:
    """A PriceBook out of the list that was installed: it is as old as the package and never fetched anew.

    Only the providers `openai` and `anthropic` have prices, by the names of their own models. Another endpoint that
    speaks OpenAI's protocol may use the same names at other prices: pass another provider for it, such as `other`.
    Prices are the list's for today; discounts for cached input and batches are not seen.

    The first call that has a price loads the list, which takes up to a second; `load` does it ahead.
    """

    def __init__(self) -> None:
        self._price = lru_cache(maxsize=256)(_price)

    def load(self, provider: str) -> None:
        if provider in _PRICED:
            self._price(provider, "", datetime.now(UTC).date())

    def cost_usd(
        self, *, provider: str, model: str | None, prompt_tokens: int | None, completion_tokens: int | None
    ) -> float | None:
        if provider not in _PRICED or not model or prompt_tokens is None or completion_tokens is None:
            return None
        price = self._price(provider, model, datetime.now(UTC).date())
        return price(prompt_tokens, completion_tokens) if price else None


def _price(provider: str, model: str, day: date) -> _Price | None:
    """US dollars by tokens in and out; None for a model that is not in the list. `day`: prices change."""
    from genai_prices import Usage, calc_price

    def by_library(prompt_tokens: int, completion_tokens: int) -> float:
        usage = Usage(input_tokens=prompt_tokens, output_tokens=completion_tokens)
        return float(calc_price(usage, model, provider_id=provider).total_price)

    try:
        found = calc_price(Usage(input_tokens=0, output_tokens=0), model, provider_id=provider).model_price
    except LookupError:
        return None
    in_price, out_price = found.input_mtok, found.output_mtok
    if in_price is None or out_price is None or found.requests_kcount:
        return by_library

    def by_rates(prompt_tokens: int, completion_tokens: int) -> float:  # the same, 100 times faster
        in_rate, out_rate = _rate(in_price, prompt_tokens), _rate(out_price, prompt_tokens)
        return float((in_rate * prompt_tokens + out_rate * completion_tokens) / _MILLION)

    return by_rates


def _rate(price: "Decimal | TieredPrices", prompt_tokens: int) -> Decimal:
    """Per million tokens. A tier counts for all tokens, in and out, when the prompt is longer than its start."""
    if isinstance(price, Decimal):
        return price
    return next((tier.price for tier in reversed(price.tiers) if prompt_tokens > tier.start), price.base)
