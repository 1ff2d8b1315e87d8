"""The application on a libSQL server of this machine, as it runs on Turso: `make dev-turso`.

The server keeps its database in backend/data/libsql and asks for a token, which is made anew at each start and passed
on in the environment alone. Arguments are those of `autoforge up`.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

BACKEND = Path(__file__).parents[1]
FOLDER = BACKEND / "data" / "libsql"

sys.path.insert(0, str(BACKEND))

from tests.libsql_server import LibsqlServer, is_installed, version  # noqa: E402  # needs the path


def main(arguments: list[str], *, folder: Path = FOLDER) -> int:
    if not is_installed():
        print("No libSQL server is installed; `make setup` says why.", file=sys.stderr)
        return 1
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    signal.signal(signal.SIGTERM, _end)
    try:
        with LibsqlServer(folder, is_daily=True) as server:
            print(f"libsql-server {version()} at {server.url}, database in {folder}", file=sys.stderr)
            return _serve(server, arguments)
    except BlockingIOError:
        print(f"Another libSQL server is on {folder}: end that first.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0


def _serve(server: LibsqlServer, arguments: list[str]) -> int:
    """Migrates the database, then serves until the application ends."""
    environment = {
        **os.environ,
        "APP_ENV": "local",
        "DATABASE_URL": server.url,
        "TURSO_AUTH_TOKEN": server.token(),
    }
    autoforge = Path(sys.executable).with_name("autoforge")
    migrated = subprocess.run([autoforge, "db", "upgrade"], env=environment, check=False)
    if migrated.returncode:
        return migrated.returncode
    application = subprocess.Popen([autoforge, "up", *arguments], env=environment)
    try:
        return application.wait()
    finally:
        application.terminate()  # it may be serving still, when it is we who were told to end
        application.wait()


def _end(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
