"""A process that has a database open: `python -m …holding_process FILE HOW`, until its standard input ends.

HOW is "reading" (it read once and does nothing now), "writing" (in a transaction of the application) or "dying": it
writes, and then ends as in a crash, with the write-ahead log left behind.
"""

import os
import sqlite3
import sys

if __name__ == "__main__":
    file, how = sys.argv[1:]
    if how == "writing":
        from src.core.config.settings.base import load_settings
        from src.infrastructure.shared.database.local_sqlite import EngineRole
        from src.infrastructure.shared.database.turso_connection import TursoConnection

        database = TursoConnection(load_settings(database_url=f"sqlite:///{file}"))
        connection = database.engine(EngineRole.WRITE).connect()
        connection.exec_driver_sql("DELETE FROM odd WHERE id = 'most'")
    else:
        plain = sqlite3.connect(file, isolation_level=None)
        plain.execute("PRAGMA wal_autocheckpoint=0")
        plain.execute("SELECT count(*) FROM odd").fetchone()
        if how == "dying":
            plain.execute("INSERT INTO odd (id, n) VALUES ('last words', 9)")
            os._exit(1)
    print("ready", flush=True)
    sys.stdin.read()
