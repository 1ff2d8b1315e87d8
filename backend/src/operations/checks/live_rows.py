"""The guide's five tests of the database connection, on the database of an environment, in a workspace of their own.

A check takes away what it stored, however it ends; what a killed run left behind is taken away by a later one.
"""

import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy import create_engine, delete, inspect, select, text
from sqlalchemy.exc import SQLAlchemyError

from src.domain.shared.errors import DomainError, UnavailableError
from src.infrastructure.database.models import EvaluationModel, PromptModel
from src.infrastructure.shared.database.local_sqlite import EngineRole
from src.infrastructure.shared.database.turso_connection import TursoConnection, session_on
from src.operations.checks.check import Check
from src.operations.checks.scene import Scene
from src.operations.verdict import Verdict, fail, ok

TABLES = frozenset({"prompts", "prompt_templates", "evaluations", "test_results", "alembic_version"})
LEFT_AFTER = timedelta(hours=1)
_WORKSPACE = re.compile(r"verify-[0-9a-f]{32}")
_OWNER = "autoforge-verify"


def _told(look: Callable[[Scene], Verdict]) -> Callable[[Scene], Verdict]:
    """Tells in a line what the database says instead of doing it; that it does not answer is told elsewhere."""

    def look_and_tell(scene: Scene) -> Verdict:
        try:
            return look(scene)
        except UnavailableError:
            raise
        except (DomainError, SQLAlchemyError) as exc:
            said = (str(getattr(exc, "orig", None) or exc).splitlines() or [type(exc).__name__])[0][:300]
            return fail(said, f"See what differs from a fresh database: autoforge db check{scene.env_option}")

    return look_and_tell


def _look_url(scene: Scene) -> Verdict:
    url = scene.database.get_connection_url()
    wanted = "sqlite" if scene.database.is_local else "libsql"
    if wanted not in url:
        return fail(f"{url} does not say {wanted}", "Correct TURSO_DATABASE_URL: libsql://host")
    create_engine(url).dispose()  # raises when SQLAlchemy has no use for it
    return ok(f"{url}, which SQLAlchemy takes and which holds no token")


@_told
def _look_session(scene: Scene) -> Verdict:
    with scene.database.sessions()() as session:
        found = session.execute(text("SELECT 1")).scalar()
    return (
        ok("a session answers SELECT 1")
        if found == 1
        else fail(f"SELECT 1 is {found}", "Look who answers there.")
    )


@_told
def _look_tables(scene: Scene) -> Verdict:
    with scene.database.engine(EngineRole.READ).connect() as connection:
        absent = TABLES - set(inspect(connection).get_table_names())
    if absent:
        return fail(f"missing: {', '.join(sorted(absent))}", f"Run: autoforge db upgrade{scene.env_option}")
    return ok(f"all {len(TABLES)} of the guide's tables are there")


@_told
def _look_crud(scene: Scene) -> Verdict:
    """Commits at each step: what is not committed proves nothing of a server."""
    with _scratch(scene) as workspace:
        content = "Hello {{name}}、こんにちは"
        with scene.database.write_session() as session:
            prompt = PromptModel(
                workspace_id=workspace, title="Test", content=content, user_id=_OWNER, status="draft"
            )
            session.add(prompt)
            session.commit()
            id_ = prompt.id
        if _read(scene.database, id_) != ("Test", content, 1):
            return _wrong("a prompt that was stored reads as another")
        with scene.database.write_session() as session:
            session.get_one(PromptModel, id_).title = "Changed"
            session.commit()
        if _read(scene.database, id_) != ("Changed", content, 1):
            return _wrong("a prompt that was changed reads as before")
        with scene.database.write_session() as session:
            session.delete(session.get_one(PromptModel, id_))
            session.commit()
        if _read(scene.database, id_) is not None:
            return _wrong("a prompt that was deleted is still there")
    return ok("a prompt was stored, read, changed and deleted")


@_told
def _look_relationships(scene: Scene) -> Verdict:
    """In one transaction that is rolled back: nobody else ever sees its rows."""
    workspace = _new_workspace()
    with scene.database.write_transaction() as connection, session_on(connection) as session:
        prompt = PromptModel(
            workspace_id=workspace, title="Test", content="Hello", user_id=_OWNER, status="draft"
        )
        session.add(prompt)
        session.flush()
        evaluation = EvaluationModel(
            workspace_id=workspace,
            prompt_id=prompt.id,
            status="completed",
            overall_score=0.85,
            user_id=_OWNER,
        )
        session.add(evaluation)
        session.flush()
        evaluation_id = evaluation.id
        session.expire_all()  # from here on the database is asked
        scores = [found.overall_score for found in prompt.evaluations]
        session.delete(prompt)
        session.flush()
        orphans = session.scalars(select(EvaluationModel.id).where(EvaluationModel.id == evaluation_id)).all()
        session.rollback()
    if scores != [0.85]:
        return _wrong("an evaluation is not found at its prompt")
    if orphans:
        return _wrong("an evaluation outlives its prompt")
    return ok("an evaluation is found at its prompt, and goes with it")


@contextmanager
def _scratch(scene: Scene) -> Iterator[str]:
    """A workspace of one run, which is empty again afterwards."""
    _remove_left_over(scene.database, before=scene.now - LEFT_AFTER)
    workspace = _new_workspace()
    try:
        yield workspace
    except BaseException:
        _empty(scene.database, workspace, quietly=True)
        raise
    _empty(scene.database, workspace, quietly=False)


def _empty(database: TursoConnection, workspace: str, *, quietly: bool) -> None:
    """With `quietly` what goes wrong hides nothing: there is an error already, and a later run takes the rows away."""
    try:
        with database.write_session() as session:
            session.execute(delete(PromptModel).where(PromptModel.workspace_id == workspace))
            session.commit()
    except (DomainError, SQLAlchemyError):
        if not quietly:
            raise


def _remove_left_over(database: TursoConnection, *, before: datetime) -> None:
    # every condition on the workspace that lets the index of live names be used
    rows = select(PromptModel.id, PromptModel.workspace_id).where(
        PromptModel.workspace_id.between("verify-", "verify-~"),
        PromptModel.deleted_at.is_(None),
        PromptModel.user_id == _OWNER,
        PromptModel.created_at < before,
    )
    with database.read_sessions()() as session:
        ids = [id_ for id_, workspace in session.execute(rows) if _WORKSPACE.fullmatch(workspace)]
    if ids:
        with database.write_session() as session:
            session.execute(delete(PromptModel).where(PromptModel.id.in_(ids)))
            session.commit()


def _read(database: TursoConnection, id_: str) -> tuple[str, str, int] | None:
    """On a connection of its own, as somebody else would."""
    with database.read_sessions()() as session:
        found = session.get(PromptModel, id_)
        return None if found is None else (found.title, found.content, found.version)


def _new_workspace() -> str:
    return f"verify-{secrets.token_hex(16)}"


def _wrong(said: str) -> Verdict:
    return fail(
        said, "Look what stands between us and the database, and restore a backup where rows are wrong."
    )


LIVE = (
    Check(
        id="live.connection-url",
        phase="4-6",
        title="The URL is fit for SQLAlchemy (the guide's test_get_connection_url)",
        why="The first of the guide's tests: sqlite locally, libsql elsewhere, and never a token in it.",
        needs=("settings.valid", "turso.url", "turso.token", "database.token-expiry"),
        look=_look_url,
        quick=False,
    ),
    Check(
        id="live.session",
        phase="4-6",
        title="A session answers (the guide's test_database_session)",
        why="Scripts and the shell work with plain sessions.",
        needs=("live.connection-url", "database.token-accepted"),
        look=_look_session,
        quick=False,
    ),
    Check(
        id="live.tables",
        phase="4-6",
        title="The tables are there (the guide's test_tables_exist)",
        why="A database without them has not been migrated, or is another one.",
        needs=("live.session", "migrations.current"),
        look=_look_tables,
        quick=False,
    ),
    Check(
        id="live.crud",
        phase="4-6",
        title="A prompt is stored, read, changed and deleted (the guide's test_crud_operations)",
        why="It is what the application does all day, on the way that it does it.",
        needs=("live.tables", "database.token-writes", "machine.write"),
        look=_look_crud,
        quick=False,
    ),
    Check(
        id="live.relationships",
        phase="4-6",
        title="An evaluation is found at its prompt (the guide's test_relationships)",
        why="Without it, results hang in the air, or stay behind when a prompt goes.",
        needs=("live.tables", "database.token-writes", "machine.write", "database.foreign-keys"),
        look=_look_relationships,
        quick=False,
    ),
)
