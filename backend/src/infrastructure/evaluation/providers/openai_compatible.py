"""Any endpoint that speaks OpenAI's chat completions: OpenAI, vLLM, Ollama, llama.cpp, OpenRouter and most others."""

from src.application.evaluation.ports import Completion, CompletionRequest
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

_RESERVED = frozenset({"messages", "model", "stream"})


class OpenAiCompatibleProvider:
    """Asks `{base_url}/chat/completions`, without streaming. An answer that is a refusal counts as the answer.

    `base_url` ends where `/chat/completions` begins (often in `/v1`); `concurrency` is the most calls at a time.
    """

    def __init__(self, base_url: str, api_key: str | None, concurrency: int) -> None:
        """Raises ProviderSetupError."""
        key = checked_key(api_key)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._endpoint = ChatEndpoint(
            base_url, "/chat/completions", headers, api_key=key, concurrency=concurrency
        )

    async def complete(self, request: CompletionRequest) -> Completion:
        require_unreserved(request.parameters, _RESERVED)
        messages: list[JsonValue] = [{"role": "user", "content": request.prompt}]
        if request.system_message is not None:
            messages.insert(0, {"role": "system", "content": request.system_message})
        body: dict[str, JsonValue] = {**request.parameters, "messages": messages}
        if request.model is not None:
            body["model"] = request.model
        return await self._endpoint.ask(body, timeout_seconds=request.timeout_seconds, read=_completion)

    async def aclose(self) -> None:
        await self._endpoint.aclose()


def _completion(answer: JsonValue) -> Completion:
    choices = answer.get("choices") if isinstance(answer, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not (isinstance(answer, dict) and isinstance(choice, dict) and isinstance(message, dict)):
        raise UnexpectedShapeError
    text = _text(message)
    if text is None:
        raise EmptyAnswerError(f"finish_reason={choice.get('finish_reason')}")
    usage, model = answer.get("usage"), answer.get("model")
    return Completion(
        text=storable(text),
        model=storable(model) if isinstance(model, str) and model else None,
        prompt_tokens=token_count(usage, "prompt_tokens"),
        completion_tokens=token_count(usage, "completion_tokens"),
    )


def _text(message: dict[str, JsonValue]) -> str | None:
    """The content, which is a text or a list of parts; None when the model gave none."""
    content, refusal = message.get("content"), message.get("refusal")
    if content is None:
        return refusal if isinstance(refusal, str) and refusal else None
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise UnexpectedShapeError
    texts = [part.get("text") for part in content if isinstance(part, dict)]
    found = [text for text in texts if isinstance(text, str)]
    return "".join(found) if found else None
