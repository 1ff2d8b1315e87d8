"""A language model for tests: a real HTTP server on 127.0.0.1 that speaks OpenAI's and Anthropic's chat protocols.

    with FakeLlm() as llm:
        llm.reply(lambda call: "billing" if "charged" in call.prompt else "other")
        ...                                   # talk to llm.base_url, from this process or another
        assert llm.requests[0].model == "gpt-4o-mini"

Every path ending in `/chat/completions` or `/messages` is served, so `base_url` may be used with or without `/v1`.
Without `reply` it answers with the prompt that it got. For anything but a good answer, reply with an HttpReply.
"""

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from aiohttp import web


@dataclass(frozen=True, slots=True)
class LlmCall:
    """A request as it came. Header names are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]

    @property
    def prompt(self) -> str:
        return str(self.body["messages"][-1]["content"])

    @property
    def system(self) -> str | None:
        first = self.body["messages"][0]
        return self.body.get("system") or (first["content"] if first["role"] == "system" else None)

    @property
    def model(self) -> str | None:
        return self.body.get("model")


@dataclass(frozen=True, slots=True)
class HttpReply:
    """Whatever HTTP can say, good or bad. A mapping is sent as JSON.

    `delay_seconds`: silence before it; `missing_bytes`: that many more are promised than sent, and the connection ends;
    `hang_up`: the connection ends without a reply.
    """

    status: int = 200
    body: bytes | str | Mapping[str, Any] = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_seconds: float = 0.0
    missing_bytes: int = 0
    hang_up: bool = False

    @property
    def raw(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


Reply = str | HttpReply


class FakeLlm:
    """`requests` are the calls so far, `most_at_once` how many were under way together at the most.

    `latency_seconds` goes before every reply.
    """

    def __init__(self, *, latency_seconds: float = 0.0) -> None:
        self.requests: list[LlmCall] = []
        self.most_at_once = 0
        self._at_once = 0
        self._latency_seconds = latency_seconds
        self._reply: Callable[[LlmCall], Reply] = lambda call: call.prompt
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._serving = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def reply(self, function: Callable[[LlmCall], Reply]) -> None:
        """From now on, replies are what `function` gives: an answer's text, or an HttpReply. It must not block."""
        self._reply = function

    def __enter__(self) -> "FakeLlm":
        self._thread.start()
        assert self._serving.wait(timeout=30), "the fake model did not start"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout=30)
        self._socket.close()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        app = web.Application(client_max_size=100 * 2**20)
        app.router.add_post("/{path:.*}", self._handle)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        await web.SockSite(runner, self._socket).start()
        self._serving.set()
        await self._stop.wait()
        await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        call = LlmCall(
            request.path_qs,
            {name.lower(): value for name, value in request.headers.items()},
            await request.json(),
        )
        self.requests.append(call)
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            reply = self._reply(call)
            delay = reply.delay_seconds if isinstance(reply, HttpReply) else 0.0
            await asyncio.sleep(self._latency_seconds + delay)
            if isinstance(reply, str):
                return web.json_response(_answer(call, reply))
            return await _send(request, reply)
        finally:
            self._at_once -= 1


def openai_answer(text: str | None, *, model: str = "fake", **message: object) -> dict[str, Any]:
    """A chat completion with that content; `message` is put beside it."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": model,
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": text, **message},
            }
        ],
        "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
    }


def anthropic_answer(*texts: str, model: str = "fake") -> dict[str, Any]:
    """A message with one text block for each of `texts`."""
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [{"type": "text", "text": text} for text in texts],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 11, "output_tokens": 7},
    }


def _answer(call: LlmCall, text: str) -> dict[str, Any]:
    model = call.model or "fake"
    if call.path.partition("?")[0].endswith("/messages"):
        return anthropic_answer(text, model=model)
    return openai_answer(text, model=model)


async def _send(request: web.Request, reply: HttpReply) -> web.StreamResponse:
    assert request.transport is not None
    if reply.hang_up:
        request.transport.close()
        return web.Response()
    headers = {"Content-Type": "application/json", **reply.headers}
    if not reply.missing_bytes:
        return web.Response(status=reply.status, body=reply.raw, headers=headers)
    response = web.StreamResponse(status=reply.status, headers=headers)
    response.content_length = len(reply.raw) + reply.missing_bytes
    await response.prepare(request)
    await response.write(reply.raw)
    request.transport.close()
    return response
