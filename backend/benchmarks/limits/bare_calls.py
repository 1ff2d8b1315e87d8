"""The least that asks a model about every case: an aiohttp loop. BASE_URL CASES_FILE CONCURRENCY"""

import asyncio
import json
import sys
from pathlib import Path

import aiohttp


async def main(base_url: str, lines: list[str], concurrency: int) -> None:
    cases = map(json.loads, lines)
    passed = 0

    async def worker(session: aiohttp.ClientSession) -> None:
        nonlocal passed
        for case in cases:
            body = {"model": "stub", "messages": [{"role": "user", "content": case["variables"]["question"]}]}
            async with session.post(f"{base_url}/chat/completions", json=body) as response:
                answer = await response.json()
            passed += case["expected"] in answer["choices"][0]["message"]["content"]

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=concurrency)) as session:
        await asyncio.gather(*(worker(session) for _ in range(concurrency)))
    print(json.dumps({"passed": passed}))


asyncio.run(main(sys.argv[1], Path(sys.argv[2]).read_text().splitlines(), int(sys.argv[3])))
