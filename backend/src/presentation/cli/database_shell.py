"""`autoforge db shell` and `db ping`: what is in the database, and how far away it is."""

import sys
from base64 import b64encode
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

import typer

from src.domain.shared.errors import DomainError
from src.presentation.cli.confirming import YesOption
from src.presentation.cli.context import opened
from src.presentation.cli.database_ports import Answer, SqlShell
from src.presentation.cli.database_target import DatabaseOption, EnvOption, require_agreement, require_file
from src.presentation.cli.output import (
    JsonOption,
    LimitOption,
    counted,
    say,
    show,
    show_fields,
    show_json,
    show_table,
)

if TYPE_CHECKING:
    from rich.text import Text

_SHOWN_BYTES = 16
_HELP = """Type SQL, ended by a semicolon; it may take several lines. Besides that:
  .tables            the tables and views
  .schema [NAME]     the SQL that made them
  .quit, Ctrl-D      leave
Ctrl-C drops what you are typing, or ends what is running."""
_TABLES = "SELECT name, type FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY name"
_SCHEMA = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY tbl_name, type DESC, name"
_SCHEMA_OF = (
    "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND tbl_name = {name} ORDER BY type DESC, name"
)


def shell(
    ctx: typer.Context,
    command: Annotated[
        str | None, typer.Option("-c", "--command", metavar="SQL", help="Run this and leave.")
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="Allow changes; without this nothing can.")] = False,
    limit: LimitOption = 1000,
    env: EnvOption = None,
    yes: YesOption = False,
    database: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """Run SQL: at a prompt, with -c, or from standard input. Read-only unless --write.

    With --write every statement is a transaction of its own, but between BEGIN and COMMIT.
    """
    with opened(ctx, env) as container:
        require_file(container)
        target = container.migrations.target
        if write:
            require_agreement(target, f"This may change {target.name}.", yes=yes, named=database)
        with container.open_shell(write=write) as opened_shell:
            if command is None and sys.stdin.isatty():
                _Prompt(opened_shell, target.name, limit).run()
                return
            script = command if command is not None else sys.stdin.read()
            for statement in opened_shell.statements(script):
                _show(opened_shell.run(statement, limit=limit), json=json)


def ping(
    ctx: typer.Context,
    count: Annotated[int, typer.Option("--count", min=1, max=1000, help="How often to ask.")] = 10,
    env: EnvOption = None,
    json: JsonOption = False,
) -> None:
    """Ask the database for its version, and measure the way there. Exit code 4 when it does not answer."""
    with opened(ctx, env) as container:
        require_file(container)
        found = container.ping(count=count)
    if json:
        show_json(
            {
                "url": found.url,
                "first_ms": round(found.first_ms, 3),
                "min_ms": round(found.least_ms, 3),
                "median_ms": round(found.median_ms, 3),
                "max_ms": round(found.most_ms, 3),
                "count": len(found.ms),
                "server": found.server,
                "sqlite_version": found.sqlite_version,
                "foreign_keys": found.foreign_keys,
            }
        )
        return
    times = f"{found.least_ms:,.2f} / {found.median_ms:,.2f} / {found.most_ms:,.2f} ms"
    show_fields(
        [
            ("Database", found.url),
            ("Round trip", f"{times} (least, median, most of {len(found.ms)})"),
            ("Connecting", f"{found.first_ms:,.2f} ms"),
            ("Server", found.server),
            ("SQLite", found.sqlite_version),
            ("Foreign keys", "enforced" if found.foreign_keys else "not enforced"),
        ]
    )


class _Prompt:
    """Reads lines from the person until they leave; what was typed is kept nowhere."""

    def __init__(self, opened_shell: SqlShell, name: str, limit: int) -> None:
        self._shell, self._name, self._limit = opened_shell, name, limit

    def run(self) -> None:
        with suppress(ImportError):  # Windows edits lines itself
            import readline  # noqa: F401 - `input` then edits lines and remembers them until the end
        say(f"{self._name}. Type .help for help.")
        while True:
            try:
                text = self._read()
                if text is None or text in (".quit", ".exit"):
                    say("")
                    return
                self._run(text)
            except KeyboardInterrupt:  # also one that comes between reading and running
                say("")

    def _read(self) -> str | None:
        """A statement or a command; None at the end."""
        marker = "*" if self._shell.is_in_transaction else ""
        text, prompt = "", f"{self._name}{marker}> "
        while True:
            try:
                text += input(prompt) + "\n"
            except EOFError:
                return None
            if not text.strip() or text.lstrip().startswith(".") or self._shell.is_complete(text):
                return text.strip()
            prompt = "...> ".rjust(len(prompt))

    def _run(self, text: str) -> None:
        words = text.split()
        try:
            if text.startswith(".tables"):
                _show(self._shell.run(_TABLES, limit=self._limit), json=False)
            elif text.startswith(".schema"):
                self._show_schema(words[1] if len(words) > 1 else None)
            elif text.startswith("."):
                say(_HELP)
            else:
                for statement in self._shell.statements(text):
                    _show(self._shell.run(statement, limit=self._limit), json=False)
        except DomainError as exc:
            say(f"Error: {exc}")
        except KeyboardInterrupt:
            say("Interrupted.")

    def _show_schema(self, table: str | None) -> None:
        quoted = "'" + (table or "").replace("'", "''") + "'"
        found = self._shell.run(_SCHEMA_OF.format(name=quoted) if table else _SCHEMA, limit=self._limit)
        for (sql,) in found.rows:
            show(f"{sql};")


def _show(answer: Answer, *, json: bool) -> None:
    if json:
        rows = [[_plain(value) for value in row] for row in answer.rows]
        show_json({"columns": list(answer.columns), "rows": rows, "changed": answer.changed})
    elif answer.columns:
        values = [
            [row[index] for row in answer.rows if row[index] is not None]
            for index in range(len(answer.columns))
        ]
        numbers = [
            column
            for column, found in zip(answer.columns, values, strict=True)
            if found and all(isinstance(value, int | float) for value in found)
        ]
        show_table(
            answer.columns,
            [[_cell(value) for value in row] for row in answer.rows],
            right=numbers,
            wide=answer.columns,
        )
    elif answer.changed is not None:
        say(f"{counted(answer.changed, 'row')} changed.")
    if answer.is_cut:
        say(f"There are more rows than these {len(answer.rows):,}; see more with --limit.")


def _cell(value: object) -> "str | Text":
    from rich.text import Text

    if value is None:
        return Text("NULL", style="dim")
    if isinstance(value, bytes):
        more = f"… ({len(value):,} bytes)" if len(value) > _SHOWN_BYTES else ""
        return f"x'{value[:_SHOWN_BYTES].hex()}'{more}"
    return str(value)


def _plain(value: Any) -> Any:
    return {"base64": b64encode(value).decode()} if isinstance(value, bytes) else value
