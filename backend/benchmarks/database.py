"""Databases for the benchmarks: migrated by our migrations, filled through SQL."""

import random
import shutil
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from sqlalchemy import insert

from benchmarks.processes import BenchError
from src.core.config.settings.base import AppEnv, Settings
from src.domain.prompt.prompt import Prompt, PromptContent
from src.domain.shared.ids import Principal
from src.infrastructure.prompt.models.prompt_model import (
    PromptModel,
    PromptVersionModel,
    prompt_row,
    version_row,
)
from src.infrastructure.shared.database.base import utc_now
from src.infrastructure.shared.database.local_sqlite import EngineRole
from src.infrastructure.shared.database.turso_connection import TursoConnection
from src.operations.migrations.migrations import Migrations

VERSIONS_EACH = 3
_BATCH = 500
_PARAGRAPH = (
    "You answer customers of an online shop. Read {{message}} and answer in {{language}}, in at most three sentences. "
    "お客様のメッセージを読み、丁寧に三文以内で答えてください。返品は三十日以内なら無料です。"
)


def text(number: int, version: int | str) -> str:
    """About 1 KB, English and Japanese."""
    return f"Prompt {number}, version {version}.\n" + _PARAGRAPH * 4


def migrated(path: Path) -> Path:
    database = TursoConnection(Settings(app_env=AppEnv.LOCAL, database_url=f"sqlite:///{path}"))
    Migrations(database).upgrade()
    database.dispose()
    return path


def fill(path: Path, prompts: int) -> list[str]:
    """Adds prompts of three versions each, made by the domain and inserted in bulk; returns their ids, shuffled."""
    database = TursoConnection(Settings(app_env=AppEnv.LOCAL, database_url=f"sqlite:///{path}"))
    by, began = Principal(), utc_now()
    ids = []
    with database.engine(EngineRole.WRITE).begin() as connection:
        for first in range(0, prompts, _BATCH):
            made = []
            for number in range(first, min(first + _BATCH, prompts)):
                now = began - timedelta(seconds=prompts - number)
                content = PromptContent(text(number, 1))
                prompt = Prompt.create(title=f"Prompt {number:06}", content=content, by=by, now=now)
                for version in range(2, VERSIONS_EACH + 1):
                    prompt.revise(PromptContent(text(number, version)), by=by.user_id, now=now)
                made.append(prompt)
            connection.execute(insert(PromptModel), [prompt_row(prompt) for prompt in made])
            entries = [version_row(prompt.id, entry) for prompt in made for entry in prompt.new_versions]
            connection.execute(insert(PromptVersionModel), entries)
            ids += [str(prompt.id) for prompt in made]
    database.dispose()
    checkpoint(path)
    random.Random(2).shuffle(ids)
    return ids


def copy(path: Path, to: Path) -> Path:
    """A copy of a database that nobody has open."""
    checkpoint(path)
    shutil.copyfile(path, to)
    return to


def checkpoint(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def version_count(path: Path) -> int:
    return int(_scalar(path, "SELECT count(*) FROM prompt_versions"))


def gaps(path: Path) -> int:
    """How many prompts have a history that is not 1..head without a gap."""
    return int(
        _scalar(
            path,
            """SELECT count(*) FROM prompts p JOIN
                (SELECT prompt_id, count(*) AS n, min(version) AS least, max(version) AS most
                   FROM prompt_versions GROUP BY prompt_id) v ON v.prompt_id = p.id
                WHERE v.least <> 1 OR v.most <> v.n OR p.version <> v.most""",
        )
    )


def require_results(path: Path, cases: int) -> None:
    """Raises BenchError unless one run stored exactly one passed result for each case, in a sound database."""
    found = _row(
        path,
        """SELECT e.status, e.total, e.completed, count(*), count(DISTINCT r.position), sum(r.outcome = 'passed')
             FROM evaluations e JOIN test_results r ON r.evaluation_id = e.id GROUP BY e.id""",
    )
    if found != ("completed", cases, cases, cases, cases, cases):
        raise BenchError(
            f"{cases} results expected; (status, total, completed, stored, cases, passed): {found}"
        )
    if (verdict := _scalar(path, "PRAGMA integrity_check")) != "ok":
        raise BenchError(f"the database of the run is damaged: {verdict}")


def _scalar(path: Path, statement: str) -> str:
    return str(_row(path, statement)[0])


def _row(path: Path, statement: str) -> tuple[object, ...]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        rows: Iterable[tuple[object, ...]] = connection.execute(statement).fetchall()
    found = list(rows)
    if len(found) != 1:
        raise BenchError(f"one row expected of {statement!r}: {found}")
    return found[0]
