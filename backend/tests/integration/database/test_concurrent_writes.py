"""Many writers at once, in threads and in processes: nothing is lost, nobody is told that the database is locked."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from src.application.prompt.commands import create_prompt, register_prompt, revise_prompt
from src.application.prompt.template_commands import instantiate_template
from src.core.config.settings.base import Settings
from src.domain.prompt.prompt import Prompt, PromptContent
from src.infrastructure.prompt.models.prompt_model import PromptModel, PromptVersionModel
from src.infrastructure.shared.database.turso_connection import TursoConnection
from src.infrastructure.shared.database.unit_of_work import SqlUnitOfWork
from tests.builders import LOCAL, NOW, a_prompt, a_template

Uow = Callable[[], SqlUnitOfWork]
BACKEND = Path(__file__).parents[3]


@pytest.fixture
def prompt(uow: Uow) -> Prompt:
    prompt = a_prompt(content="first", metadata={"n": 0})
    with uow() as unit:
        unit.prompts.add(prompt)
        unit.commit()
    return prompt


def in_threads(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Calls `work` with 0, 1, … in as many threads, all begun at once. Raises what one of them raises."""
    together = threading.Barrier(count)

    def begin(number: int) -> Any:
        together.wait()
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(begin, range(count)))


def versions(database: TursoConnection, prompt: Prompt) -> list[int]:
    stored = select(PromptVersionModel.version).where(PromptVersionModel.prompt_id == prompt.id)
    with database.read_sessions()() as session:
        return list(session.scalars(stored.order_by(PromptVersionModel.version)))


def revise(uow: Uow, prompt: Prompt, text: str) -> None:
    revise_prompt(prompt_id=prompt.id, content=PromptContent(text), by=LOCAL, uow=uow(), now=NOW)


# --- threads ----------------------------------------------------------------------------------------------------------


def test_no_update_is_lost_when_threads_read_change_and_write(uow: Uow, prompt: Prompt) -> None:
    def count_up(_: int) -> None:
        for _ in range(25):
            with uow() as unit:
                found = unit.prompts.get(prompt.id)
                found.describe(metadata={"n": found.metadata["n"] + 1}, now=NOW)  # type: ignore[operator]
                unit.commit()

    in_threads(8, count_up)

    with uow() as unit:
        found = unit.prompts.get(prompt.id)
    assert found.metadata == {"n": 200}
    assert found.row_version == 201


def test_no_update_is_lost_in_plain_write_transactions(database: TursoConnection, prompt: Prompt) -> None:
    version, counted = PromptModel.version, PromptModel.id == prompt.id

    def count_up(_: int) -> None:
        for _ in range(25):
            with database.write_transaction() as connection:
                read = connection.execute(select(version).where(counted)).scalar_one()
                connection.execute(update(PromptModel).where(counted).values(version=read + 1))
                connection.commit()

    in_threads(8, count_up)

    with database.read_sessions()() as session:
        assert session.get_one(PromptModel, prompt.id).version == 201


def test_revisions_by_many_writers_are_numbered_without_a_gap(
    database: TursoConnection, uow: Uow, prompt: Prompt
) -> None:
    def write(writer: int) -> None:
        for number in range(200):
            revise(uow, prompt, f"{writer}: {number}")

    in_threads(8, write)

    assert versions(database, prompt) == list(range(1, 1602))
    with database.read_sessions()() as session:
        head = session.get_one(PromptModel, prompt.id)
        texts = session.scalar(
            select(func.count(PromptVersionModel.content.distinct())).where(
                PromptVersionModel.prompt_id == prompt.id
            )
        )
    assert (head.version, head.row_version) == (1601, 1601)
    assert texts == 1601


def test_one_of_many_that_want_a_name_gets_it(uow: Uow) -> None:
    def create(_: int) -> str:
        content = PromptContent("x")
        return create_prompt(title="Same title", content=content, by=LOCAL, uow=uow(), now=NOW).name

    names = in_threads(6, create)

    assert sorted(names) == ["same-title", *(f"same-title-{n}" for n in range(2, 7))]


def test_same_content_registered_at_once_is_one_version(database: TursoConnection, uow: Uow) -> None:
    def register(_: int) -> tuple[Prompt, int, bool]:
        prompt, version, is_new = register_prompt(
            name="triage", title="Triage", content=PromptContent("same"), by=LOCAL, uow=uow(), now=NOW
        )
        return prompt, version.version, is_new

    registered = in_threads(6, register)

    assert sorted(is_new for *_, is_new in registered) == [False] * 5 + [True]
    assert versions(database, registered[0][0]) == [1]


def test_every_use_of_a_template_is_counted(uow: Uow) -> None:
    template = a_template()
    with uow() as unit:
        unit.templates.add(template)
        unit.commit()

    in_threads(6, lambda n: instantiate_template(template_id=template.id, values={"name": f"{n}"}, uow=uow()))

    with uow() as unit:
        assert unit.templates.get(template.id).usage_count == 6


# --- processes --------------------------------------------------------------------------------------------------------


@contextmanager
def writer(settings: Settings, prompt: Prompt, count: int) -> Iterator[subprocess.Popen[str]]:
    command = [
        sys.executable,
        "-m",
        f"{__package__}.writer_process",
        prompt.id,
        str(count),
    ]
    token = settings.turso_auth_token
    variables = {"DATABASE_URL": settings.database_url} | (
        {"TURSO_AUTH_TOKEN": token.get_secret_value()} if token else {}
    )
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    environment = {**os.environ, **variables}
    with subprocess.Popen(command, cwd=BACKEND, text=True, env=environment, **pipes) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().strip() in ("ready", "inside"), process.communicate()[1]
            yield process
        finally:
            process.kill()


def test_processes_that_write_at_once_lose_nothing(
    migrated_settings: Settings, database: TursoConnection, uow: Uow, prompt: Prompt
) -> None:
    with writer(migrated_settings, prompt, 60) as first, writer(migrated_settings, prompt, 60) as second:
        for process in (first, second):
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        for number in range(60):
            revise(uow, prompt, f"ours {number}")
        errors = [process.communicate()[1] for process in (first, second)]

    assert (errors, first.returncode, second.returncode) == (["", ""], 0, 0)
    assert versions(database, prompt) == list(range(1, 182))


def test_killed_writer_holds_nobody_up_and_leaves_nothing(
    migrated_settings: Settings, database: TursoConnection, uow: Uow, prompt: Prompt
) -> None:
    with writer(migrated_settings, prompt, 0) as process:
        process.kill()
        process.wait()
        revise(uow, prompt, "after the kill")

    with uow() as unit:
        found = unit.prompts.get(prompt.id)
    assert (found.title, found.version) == (prompt.title, 2)
    with database.read_sessions()() as session:
        assert session.connection().exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
