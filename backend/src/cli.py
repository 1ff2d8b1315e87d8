"""`autoforge`: the entry point of the command line. Commands live in `presentation/cli` and load when they are run."""

import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from src.core.config.settings.base import AppEnv
    from src.presentation.cli.context import Container

FAILED, USAGE, UNAVAILABLE, INTERRUPTED = 1, 2, 4, 130

# Each name is a module of presentation/cli that holds an `app`. Importing them for the list alone would cost 50 ms.
_COMMANDS = {
    "Prompts and evaluations": {
        "prompt": "Create, revise and look at prompts.",
        "template": "Texts with typed variables, filled on demand.",
        "suite": "Test suites: cases and what is checked of each answer.",
        "eval": "Run a prompt over a suite, look at runs, compare two.",
    },
    "The system": {
        "up": "Serve the HTTP API; makes and migrates the database if needed.",
        "env": "Environment files: make, render, check, compare, and run commands with them.",
        "db": "The database schema: where it stands, and moving it.",
        "turso": "Databases, tokens and branches at Turso.",
        "secrets": "Secrets, variables and protection of the environments at GitHub.",
        "doctor": "Check this installation: what is wrong, and how to mend it.",
    },
}
_MODULES = {"eval": "evaluation", "db": "database"}


class _LazyGroup(TyperGroup):
    """Knows its commands by name and help line, and imports the one that is run."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for section in _COMMANDS.values():
            self.commands.update(dict.fromkeys(section))  # type: ignore[arg-type]  # names for "did you mean"

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in self.commands:
            return None
        module = import_module(f"src.presentation.cli.{_MODULES.get(cmd_name, cmd_name)}")
        command = typer.main.get_command(module.app)
        command.name = cmd_name
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        for title, section in _COMMANDS.items():
            with formatter.section(title):
                formatter.write_dl(list(section.items()))


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            found = version("autoforgenexus-backend")
        except PackageNotFoundError:  # run from its source, without being installed
            found = "(not installed)"
        typer.echo(f"autoforge {found}")
        raise typer.Exit


app = typer.Typer(
    cls=_LazyGroup,
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,  # help through Rich takes 0.2 s more
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def autoforge(
    _version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """AutoForgeNexus: versions prompts, tells with evidence which one is better, serves the one that won.

    Results go to stdout, messages to stderr; every command takes --json. Exit codes: 0 done, 1 failed,
    2 wrong usage or input, 3 needs --yes, 4 an outside service does not answer, 130 interrupted.
    """


def main(argv: Sequence[str] | None = None) -> NoReturn:
    code = _run(argv)
    # All that must be closed is closed. Python would now look through every object for cycles: 150 ms for nothing.
    gc.freeze()
    sys.exit(code)


def _run(argv: Sequence[str] | None) -> int:
    """Runs one command and turns whatever it raises into one line on stderr and an exit code."""
    # Imports make many objects that stay: they are not looked through until `_open_container` sets them aside.
    gc.disable()
    # Without this, pydantic reads the metadata of every installed package to look for plug-ins: 30 ms.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a console that cannot show a character
    try:
        code = app(args=argv, prog_name="autoforge", obj=_open_container, standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader left, as in `| head`. What is still buffered would fail again when Python exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except typer.TyperException as exc:
        exc.show() if hasattr(exc, "show") else _complain(str(exc))
        return exc.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as exc:  # noqa: BLE001 - the last handler: what is not known is called a bug
        if os.environ.get("AUTOFORGE_DEBUG"):
            import traceback

            traceback.print_exc()
        message, code = _explained(exc)
        _complain(message)
        return code
    return code if isinstance(code, int) else 0


def _complain(message: str) -> None:
    typer.echo(f"Error: {message}", err=True)


def _open_container(app_env: "AppEnv | None" = None) -> "Container":
    from src.bootstrap import Container
    from src.core.config.settings.base import Settings, load_settings, old_names_in_use

    def read() -> Settings:
        for old, new in old_names_in_use(app_env).items():
            typer.echo(f"Warning: {old} is an old name; call it {new}.", err=True)
        return load_settings() if app_env is None else load_settings(app_env=app_env)

    container = Container(read)
    gc.freeze()
    gc.set_threshold(20_000)  # at the usual 700, collecting took 7 % of a run's time
    gc.enable()
    return container


def _explained(exc: Exception) -> tuple[str, int]:
    from src.core.config.settings.base import SettingsError
    from src.domain.shared.errors import DomainError, RuleViolationError, UnavailableError

    if isinstance(exc, RuleViolationError):
        return str(exc), USAGE
    if isinstance(exc, UnavailableError):
        return str(exc), UNAVAILABLE
    if isinstance(exc, DomainError | SettingsError | NotImplementedError):
        return str(exc), FAILED
    if (cause := _database_trouble(exc)) is not None:
        return cause, FAILED
    if isinstance(exc, OSError):
        where = f": {exc.filename}" if exc.filename else ""
        return f"{exc.strerror or exc}{where}", FAILED
    bug = f"{type(exc).__name__}: {exc}".splitlines()[0]
    return f"Unexpected {bug:.300} (a bug; AUTOFORGE_DEBUG=1 shows where)", FAILED


# What the driver says, what it means, what helps.
_DATABASE_TROUBLES = (
    ("disk is full", "The disk is full", "Make room and repeat; what was stored is safe."),
    ("locked", "Another process keeps the database locked", "Repeat in a moment, or end that process."),
    (
        "unable to open",
        "The database file cannot be opened",
        "Check DATABASE_URL and who may use its folder.",
    ),
    ("readonly", "The database cannot be written", "Check who owns the file and its folder, and the disk."),
    ("not a database", "DATABASE_URL names a file that is no SQLite database", "Name another file."),
    ("malformed", "The database file is damaged", "Keep a copy of it, and go back to a backup."),
    ("no such table", "The database lacks tables", "Run: autoforge db upgrade"),
    ("no such column", "The database is of another version", "Run: autoforge db upgrade"),
)


def _database_trouble(exc: Exception) -> str | None:
    if "sqlalchemy" not in sys.modules:
        return None
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.exc import TimeoutError as PoolTimeoutError

    if isinstance(exc, PoolTimeoutError | TimeoutError):
        return "The database was busy for too long. Repeat in a moment."
    if not isinstance(exc, DBAPIError):
        return None
    said = str(exc.orig)
    for words, meaning, remedy in _DATABASE_TROUBLES:
        if words in said:
            return f"{meaning} ({said}). {remedy}"
    return f"The database refused ({said}). Run: autoforge doctor"


if __name__ == "__main__":
    main()
