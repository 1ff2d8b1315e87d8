"""The least that stores versions: one connection of the standard library, a transaction each. DATABASE IDS_FILE SECONDS

Works on a copy of the same migrated and filled database, so that rows, indexes and constraints are the same.
"""

import itertools
import json
import sqlite3
import sys
import time
import uuid
from pathlib import Path

_ADD = """INSERT INTO prompt_versions
    (id, prompt_id, version, content, system_message, content_hash, user_id, created_at, updated_at)
    VALUES (?, ?, ?, ?, NULL, ?, 'local', ?, ?)"""
_UPDATE = """UPDATE prompts
    SET content = ?, content_hash = ?, version = ?, updated_at = ?, row_version = row_version + 1
    WHERE id = ?"""


def main(database: str, ids_file: str, seconds: float) -> None:
    connection = sqlite3.connect(database, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
    ids = Path(ids_file).read_text().split()
    heads = dict(connection.execute("SELECT id, version FROM prompts"))
    content = connection.execute("SELECT content FROM prompts LIMIT 1").fetchone()[0]
    latencies = []
    began = now = time.perf_counter()
    for count, prompt in enumerate(itertools.cycle(ids)):
        version = heads[prompt] = heads[prompt] + 1
        text, digest, moment = f"{content}{count}", f"{count:064x}", "2026-01-01 00:00:00.000000"
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(_ADD, (str(uuid.uuid4()), prompt, version, text, digest, moment, moment))
        connection.execute(_UPDATE, (text, digest, version, moment, prompt))
        connection.execute("COMMIT")
        before, now = now, time.perf_counter()
        latencies.append(now - before)
        if now - began > seconds:
            break
    latencies.sort()
    p50, p99 = (latencies[int(len(latencies) * share)] * 1000 for share in (0.5, 0.99))
    taken = {"requests": len(latencies), "seconds": now - began, "p50_ms": p50, "p99_ms": p99, "errors": 0}
    print(json.dumps(taken))


main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
