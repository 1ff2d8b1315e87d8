"""`autoforge up`: the server."""

import errno
import signal
import socket
from contextlib import closing
from json import dumps
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from src.core.config.settings.base import Settings
from src.presentation.cli.context import Container, ensure_database
from src.presentation.cli.output import JsonOption, say, show

if TYPE_CHECKING:
    import uvicorn

GRACE_SECONDS = 3
_FAILED = 1

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command("up")
def up(
    ctx: typer.Context,
    host: Annotated[str | None, typer.Option(help="Address to listen on; HOST if absent.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port; PORT if absent, 0 for a free one.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Serve the HTTP API; makes the local database and its secret, and migrates it, if needed."""
    signal.signal(signal.SIGTERM, _exit)
    container: Container = ctx.obj()
    container.require_fit()
    settings = container.settings
    host, port = settings.host if host is None else host, settings.port if port is None else port
    with _listen(host, port) as listener:
        with closing(container):
            _ensure_secret(container)
            ensure_database(container, upgrade=True)
        _warn_of_strangers(listener)
        server = _server(settings, _url(listener), json=json)
        try:
            server.run(sockets=[listener])
        except KeyboardInterrupt:
            say("Stopped.")
    if not server.started:
        raise typer.Exit(_FAILED)


def _exit(_number: int, _frame: FrameType | None) -> NoReturn:
    """SIGTERM is the ordinary way to end a server. Uvicorn raises it again when it has shut down in order."""
    raise SystemExit(0)


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket, before anything slow is done: whoever connects early waits instead of being refused."""
    listener = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError as exc:
        if listener is not None:
            listener.close()
        raise _refused(exc, host, port) from exc
    return listener


def _refused(exc: OSError, host: str, port: int) -> typer.Exit:
    if exc.errno == errno.EADDRINUSE:
        say(
            f"Port {port} of {host} is in use, perhaps by another `autoforge up`. "
            f"Stop that, or take another port: autoforge up --port {port + 1 if port < 65535 else 0}"
        )
    elif exc.errno in (errno.EACCES, errno.EPERM):
        say(
            f"Port {port} needs more rights than you have; ports from 1024 on do not: autoforge up --port 8000"
        )
    else:
        say(
            f"Cannot listen on {host}, port {port}: {exc.strerror or exc}. Check --host, or HOST in the environment."
        )
    return typer.Exit(_FAILED)


def _ensure_secret(container: Container) -> None:
    if container.settings.is_local and container.settings.jwt_secret_key is None:
        for name in container.env_files.complete().made:
            say(f"Wrote a new {name} to backend/.env.local")


def _warn_of_strangers(listener: socket.socket) -> None:
    host = listener.getsockname()[0]
    if host != "::1" and not host.startswith("127."):
        say(
            f"Warning: other machines can reach {host}, and there are no API keys yet: anyone may do anything."
        )


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{shown}:{port}"


def _server(settings: Settings, url: str, *, json: bool) -> "uvicorn.Server":
    import uvicorn

    from src.core.logging import configure_logging

    class Server(uvicorn.Server):
        async def startup(self, *args: Any, **kwargs: Any) -> None:
            await super().startup(*args, **kwargs)
            if not self.should_exit:
                announce()

    def announce() -> None:
        if json:
            show(dumps({"url": url, "docs": f"{url}/docs"}))  # on one line, for whoever waits for it
        else:
            show(f"AutoForgeNexus serves {url} (API and its documentation: {url}/docs). Ctrl-C stops it.")

    configure_logging(settings.log_level)
    return Server(
        uvicorn.Config(
            "src.main:create_app",
            factory=True,
            loop="auto",  # uvloop, where there is one
            http="httptools",
            ws="none",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
    )
