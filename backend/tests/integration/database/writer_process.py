"""A process of its own that writes: `python -m tests.integration.database.writer_process PROMPT_ID COUNT`.

On the database of the environment. Revises the prompt COUNT times, having said "ready" and read a line; with COUNT 0 it
begins a write, says "inside" and
sits there.
"""

import sys

from src.application.prompt.commands import revise_prompt
from src.core.config.settings.base import load_settings
from src.domain.prompt.prompt import PromptContent
from src.domain.shared.ids import LOCAL_WORKSPACE, PromptId
from src.infrastructure.shared.database.turso_connection import TursoConnection
from src.infrastructure.shared.database.unit_of_work import SqlUnitOfWork
from tests.builders import LOCAL, NOW


def main(prompt_id: PromptId, count: int) -> None:
    uow = SqlUnitOfWork(TursoConnection(load_settings()), LOCAL_WORKSPACE)
    if count == 0:
        with uow:
            uow.prompts.get(prompt_id).describe(title="never committed", now=NOW)
            uow.prompts.flush()
            print("inside", flush=True)
            sys.stdin.readline()
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(count):
        content = PromptContent(f"revision {number} of a process")
        revise_prompt(prompt_id=prompt_id, content=content, by=LOCAL, uow=uow, now=NOW)


if __name__ == "__main__":
    main(PromptId(sys.argv[1]), int(sys.argv[2]))
