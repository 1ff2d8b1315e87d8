"""The least that could answer: plain ASGI, the bytes and headers of our own answers. PORT ANSWERS_FILE"""

import json
import sys
from pathlib import Path
from typing import Any

import uvicorn


def _messages(answer: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    headers = [(name.encode(), value.encode()) for name, value in answer["headers"]]
    start = {"type": "http.response.start", "status": answer["status"], "headers": headers}
    return start, {"type": "http.response.body", "body": answer["body"].encode()}


ANSWERS = {kind: _messages(answer) for kind, answer in json.loads(Path(sys.argv[2]).read_text()).items()}


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["method"] == "POST":
        kind = "create"
        while (await receive()).get("more_body"):
            pass
    else:
        kind = "list" if scope["query_string"] else "get"
    for message in ANSWERS[kind]:
        await send(message)


uvicorn.run(
    app,
    host="127.0.0.1",
    port=int(sys.argv[1]),
    http="httptools",
    ws="none",
    lifespan="off",
    log_config=None,
    access_log=False,
    server_header=False,
)
