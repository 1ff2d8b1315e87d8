"""The least that asks with our libraries: loads them, then a libcurl loop. BASE_URL CASES_FILE CONCURRENCY"""

import gc

gc.disable()  # as ours does while it starts

import asyncio  # noqa: E402
import json  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

import pycurl  # noqa: E402
import pydantic_settings  # noqa: E402, F401
import sqlalchemy.dialects.sqlite  # noqa: E402
import sqlalchemy.orm  # noqa: E402, F401
import typer._adapters  # noqa: E402, F401
import yaml  # noqa: E402, F401


async def main(base_url: str, lines: list[str], concurrency: int) -> None:
    cases = map(json.loads, lines)
    passed = 0

    async def worker(transfers: pycurl.AsyncCurlMulti) -> None:
        nonlocal passed
        call, answer = pycurl.Curl(), bytearray()
        call.setopt(pycurl.URL, f"{base_url}/chat/completions")
        call.setopt(pycurl.HTTPHEADER, ["Content-Type: application/json"])
        call.setopt(pycurl.WRITEFUNCTION, answer.extend)
        for case in cases:
            body = {"model": "stub", "messages": [{"role": "user", "content": case["variables"]["question"]}]}
            call.setopt(pycurl.POSTFIELDS, json.dumps(body).encode())
            await transfers.perform(call)
            passed += case["expected"] in json.loads(answer)["choices"][0]["message"]["content"]
            answer.clear()

    async with pycurl.AsyncCurlMulti() as transfers:
        await asyncio.gather(*(worker(transfers) for _ in range(concurrency)))
    print(json.dumps({"passed": passed}))


asyncio.run(main(sys.argv[1], Path(sys.argv[2]).read_text().splitlines(), int(sys.argv[3])))
gc.freeze()
