"""The checks of the set-up guide, under its names and as its reader would write them."""

import os
from collections.abc import Iterator, Mapping

import pytest
import pytest_socket
import redis
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.orm import Session

from src.core.config.settings.base import Settings, get_settings, load_settings
from src.infrastructure.evaluation.models.evaluation_model import EvaluationModel
from src.infrastructure.prompt.models.prompt_model import PromptModel
from src.infrastructure.shared.database.turso_connection import get_db_session, get_turso_connection
from src.infrastructure.shared.redis.connection import open_redis, redis_address
from tests import redis_server


@pytest.fixture
def environment(migrated_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """An environment whose database is migrated: the guide's functions take theirs from there."""
    monkeypatch.setenv("DATABASE_URL", migrated_settings.database_url)
    if token := migrated_settings.turso_auth_token:
        monkeypatch.setenv("TURSO_AUTH_TOKEN", token.get_secret_value())
    get_settings.cache_clear()
    get_turso_connection.cache_clear()
    yield migrated_settings
    get_turso_connection().dispose()
    get_settings.cache_clear()
    get_turso_connection.cache_clear()


@pytest.fixture
def session(environment: Settings) -> Iterator[Session]:
    session = next(get_db_session())
    yield session
    session.close()


@pytest.mark.usefixtures("environment")
class TestDatabaseConnection:
    def test_get_connection_url(self, environment: Settings, backend: str) -> None:
        url, token = get_turso_connection().get_connection_url(), environment.turso_auth_token

        assert backend in url
        # SQLAlchemy takes it as it is; the token, which it never holds, goes beside it
        engine = create_engine(url, connect_args={"auth_token": token} if token else {})
        with engine.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM prompts")).scalar() == 0
        engine.dispose()

    def test_database_session(self) -> None:
        for session in get_db_session():
            assert isinstance(session, Session)
            assert session.execute(text("SELECT 1")).scalar() == 1

    def test_tables_exist(self, session: Session) -> None:
        tables = inspect(session.connection()).get_table_names()

        assert {"prompts", "prompt_templates", "evaluations", "test_results", "alembic_version"} <= set(
            tables
        )

    def test_crud_operations(self, session: Session) -> None:
        prompt = PromptModel(title="Test", content="Hello {{name}}", user_id="user-1", status="draft")
        session.add(prompt)
        session.commit()
        found = session.query(PromptModel).filter_by(title="Test").one()
        assert (found.id, found.content, found.version) == (prompt.id, "Hello {{name}}", 1)

        found.title = "Changed"
        session.commit()
        assert session.query(PromptModel).filter_by(title="Changed").count() == 1

        session.delete(found)
        session.commit()
        assert session.query(PromptModel).all() == []

    def test_relationships(self, session: Session) -> None:
        prompt = PromptModel(title="Test", content="Hello", user_id="user-1", status="draft")
        session.add(prompt)
        session.commit()
        session.add(EvaluationModel(prompt_id=prompt.id, status="completed", overall_score=0.85))
        session.commit()

        session.refresh(prompt)
        assert [evaluation.overall_score for evaluation in prompt.evaluations] == [0.85]


@pytest.fixture(scope="module")
def redis_variables(
    outer_environment: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, str]]:
    """The REDIS_ variables of this machine when they name a server, else those of one of our own."""
    if "REDIS_HOST" in outer_environment:
        yield {name: value for name, value in outer_environment.items() if name.startswith("REDIS_")}
        return
    with redis_server.running(tmp_path_factory.mktemp("redis")) as server:
        yield {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(server.port)}


@pytest.fixture
def client(redis_variables: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[redis.Redis]:
    for name, value in redis_variables.items():
        monkeypatch.setenv(name, value)
    pytest_socket.socket_allow_hosts(
        ["127.0.0.1", "localhost", "::1", os.environ["REDIS_HOST"]], allow_unix_socket=True
    )
    settings = load_settings()
    client = open_redis(redis_address(settings), timeout_seconds=5)
    yield client
    client.close()


@pytest.mark.integration
class TestRedisConnection:
    def test_redis_ping(self, client: redis.Redis) -> None:
        assert client.ping()

    def test_redis_operations(self, client: redis.Redis) -> None:
        key = f"autoforge:test:{os.getpid()}"

        assert client.set(key, "値", ex=60)
        assert client.get(key) == "値"
        assert 0 < int(client.ttl(key)) <= 60
        assert client.delete(key) == 1
        assert client.get(key) is None
