"""Anthropic's Messages API."""

from src.application.evaluation.ports import Completion, CompletionRequest, ProviderError
from src.domain.shared.placeholders import JsonValue
from src.infrastructure.evaluation.providers.http import (
    ChatEndpoint,
    EmptyAnswerError,
    UnexpectedShapeError,
    checked_key,
    require_unreserved,
    storable,
    token_count,
)

DEFAULT_MAX_TOKENS = 1024
_VERSION = "2023-06-01"
_RESERVED = frozenset({"messages", "model", "stream", "system"})


class AnthropicProvider:
    """Asks `{base_url}/v1/messages`, without streaming; the text blocks of the answer are joined.

    The API demands `max_tokens`: 1024 unless the run's parameters say otherwise. Token counts leave out what was
    written to or read from a prompt cache. `concurrency` is the most calls at a time.
    """

    def __init__(
        self, base_url: str = "https://api.anthropic.com", api_key: str | None = None, concurrency: int = 8
    ) -> None:
        """Raises ProviderSetupError."""
        key = checked_key(api_key)
        headers = {"anthropic-version": _VERSION} | ({"x-api-key": key} if key else {})
        self._endpoint = ChatEndpoint(base_url, "/v1/messages", headers, api_key=key, concurrency=concurrency)

    async def complete(self, request: CompletionRequest) -> Completion:
        require_unreserved(request.parameters, _RESERVED)
        if request.model is None:
            raise ProviderError("a model has to be named")
        body: dict[str, JsonValue] = {
            "max_tokens": DEFAULT_MAX_TOKENS,
            **request.parameters,
            "model": request.model,
            "messages": [{"role": "user", "content": request.prompt}],
        }
        if request.system_message is not None:
            body["system"] = request.system_message
        return await self._endpoint.ask(body, timeout_seconds=request.timeout_seconds, read=_completion)

    async def aclose(self) -> None:
        await self._endpoint.aclose()


def _completion(answer: JsonValue) -> Completion:
    blocks = answer.get("content") if isinstance(answer, dict) else None
    if not (isinstance(answer, dict) and isinstance(blocks, list)):
        raise UnexpectedShapeError
    texts = [block.get("text") for block in blocks if isinstance(block, dict) and block.get("type") == "text"]
    if not all(isinstance(text, str) for text in texts):
        raise UnexpectedShapeError
    if not texts:
        raise EmptyAnswerError(f"stop_reason={answer.get('stop_reason')}")
    usage, model = answer.get("usage"), answer.get("model")
    return Completion(
        text=storable("".join(text for text in texts if isinstance(text, str))),
        model=storable(model) if isinstance(model, str) and model else None,
        prompt_tokens=token_count(usage, "input_tokens"),
        completion_tokens=token_count(usage, "output_tokens"),
    )
