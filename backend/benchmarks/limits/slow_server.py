"""A libSQL server behind a slow way, on 127.0.0.1. DELAY_MS, each way

Prints where it is as a line of JSON; for each line that it reads, how many requests and connections came the slow way
since the line before.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.fault_proxy import FaultProxy
from tests.libsql_server import LibsqlServer

with LibsqlServer() as server, FaultProxy(server.host, server.port, delay_ms=float(sys.argv[1])) as proxy:
    told = {"direct": server.port, "slow": proxy.port, "token": server.token()}
    print(json.dumps(told), flush=True)
    for _ in sys.stdin:
        print(
            json.dumps({"requests": proxy.request_count, "connections": proxy.connection_count}), flush=True
        )
        proxy.forget_requests()
