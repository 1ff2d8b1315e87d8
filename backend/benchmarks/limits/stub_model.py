"""An OpenAI-compatible endpoint that answers after a while with the question itself. PORT DELAY_SECONDS"""

import asyncio
import sys

import uvloop
from aiohttp import web

DELAY_SECONDS = float(sys.argv[2])


async def complete(request: web.Request) -> web.Response:
    asked = (await request.json())["messages"][-1]["content"]
    await asyncio.sleep(DELAY_SECONDS)
    message = {"role": "assistant", "content": f"You asked: {asked}"}
    return web.json_response(
        {
            "id": "chatcmpl-stub",
            "object": "chat.completion",
            "created": 1,
            "model": "stub",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 20, "completion_tokens": 22, "total_tokens": 42},
        }
    )


async def get_liveness(_request: web.Request) -> web.Response:
    return web.Response(text="ok")


app = web.Application()
app.add_routes([web.post("/v1/chat/completions", complete), web.get("/healthz", get_liveness)])
asyncio.set_event_loop(uvloop.new_event_loop())
web.run_app(
    app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None, loop=asyncio.get_event_loop()
)
