"""Writes docs/cli.md out of the commands' own help. From backend/: python -m tests.contract.refresh_cli_docs"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from src.cli import app

PAGE = Path(__file__).parents[3] / "docs" / "cli.md"
COMMAND = "python -m tests.contract.refresh_cli_docs"
_WIDTH = 100
_HEAD = """\
# Command line

<!-- Written by `{command}` (in backend/) out of the commands' own help; edit that. -->

`./autoforge` at the root runs the command line in the project's environment. Results go to stdout, messages and
progress to stderr, and every command takes `--json` (but `env exec`, which runs another program).

| exit code | meaning |
|---|---|
| 0 | done; for `eval run`: the suite's threshold is met |
| 1 | failed; for `eval run`: the threshold is missed, or answers are missing |
| 2 | wrong usage, or input that cannot be used |
| 3 | needs `--yes` |
| 4 | an outside service does not answer |
| 130 | interrupted; a run can be resumed |

The database is the one of `DATABASE_URL`, a file under `backend/data` by default. Every command makes a local one that
is not there yet. One that is older than the software is upgraded by `db upgrade` and by `up`, never on the side.
With `AUTOFORGE_DEBUG=1` errors come with a traceback; with `NO_COLOR=1` nothing is coloured.
"""


def page() -> str:
    root = typer.main.get_command(app)
    sections = [f"## {path}\n\n```text\n{text}\n```\n" for path, text in _helps(root, "autoforge", None)]
    return "\n".join([_HEAD.format(command=COMMAND), *sections])


def _helps(command: Any, name: str, parent: Any) -> Iterator[tuple[str, str]]:
    """Path and help text of a command and all below it."""
    settings = {} if parent is not None else {"terminal_width": _WIDTH, "max_content_width": _WIDTH}
    context = command.make_context(name, [], parent=parent, resilient_parsing=True, **settings)
    with context:
        yield context.command_path, command.get_help(context).strip()
        for verb in getattr(command, "commands", ()):
            yield from _helps(command.get_command(context, verb), verb, context)


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
