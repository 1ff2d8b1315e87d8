"""The token is in no text that anybody could print: a planted one is searched for everywhere."""

import logging
import traceback
from collections.abc import Callable

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, create_engine

from src.infrastructure.shared.database.libsql.transport import Timeouts
from src.infrastructure.shared.database.local_sqlite import EngineRole
from src.infrastructure.shared.database.remote_libsql import remote_engine
from tests.fault_proxy import FaultProxy
from tests.libsql_server import LibsqlServer

OpenRemote = Callable[..., Engine]
PLANTED = "eyJhbGciOiJFZERTQSJ9.planted.c2VjcmV0"


def everything_said(action: Callable[[], object]) -> str:
    """What a traceback that shows variables prints of the failure of `action`, and of all that led to it."""
    try:
        action()
    except Exception as exc:  # noqa: BLE001  # whatever it is
        texts, seen = [], exc
        while seen is not None:
            told = traceback.TracebackException.from_exception(seen, capture_locals=True)
            texts += [repr(seen), str(seen), *told.format()]
            seen = seen.__cause__ or seen.__context__
        return "".join(texts)
    raise AssertionError("nothing went wrong")


def planted_engine(url: str, role: EngineRole = EngineRole.WRITE) -> Engine:
    return remote_engine(url, role, token=SecretStr(PLANTED), timeouts=Timeouts(1, 0.2, 0.5))


def write(engine: Engine) -> Callable[[], None]:
    def action() -> None:
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS t (x)")

    return action


@pytest.fixture
def planted_proxy(start_libsql: Callable[..., LibsqlServer]) -> FaultProxy:
    """Before a server that takes any token."""
    server = start_libsql(auth=False)
    return FaultProxy(server.host, server.port)


@pytest.mark.parametrize(
    "fault",
    [
        lambda proxy: proxy.answer(401, f"token {PLANTED} refused, Bearer {PLANTED}".encode()),
        lambda proxy: proxy.answer(500, b'{"error": "' + PLANTED.encode() + b'"}'),
        lambda proxy: proxy.refuse(),
        lambda proxy: proxy.lose_answer(),
        lambda proxy: proxy.lose_answer(when="COMMIT"),
        lambda proxy: proxy.hang(),
        lambda proxy: proxy.replace_answer(b"<html>"),
        lambda proxy: proxy.stop(),
    ],
    ids=["401", "500", "refused", "lost", "commit", "hung", "garbage", "gone"],
)
def test_failure_does_not_tell_the_token(
    planted_proxy: FaultProxy, fault: Callable[[FaultProxy], None], caplog: pytest.LogCaptureFixture
) -> None:
    with planted_proxy as proxy, caplog.at_level(logging.DEBUG):
        engine = planted_engine(proxy.url)
        fault(proxy)
        said = everything_said(write(engine))
        engine.dispose()

    assert "127.0.0.1" in said
    assert PLANTED not in said
    assert PLANTED not in caplog.text


def test_logs_of_a_success_do_not_tell_the_token(
    planted_proxy: FaultProxy, caplog: pytest.LogCaptureFixture
) -> None:
    with planted_proxy as proxy, caplog.at_level(logging.DEBUG):
        engine = planted_engine(proxy.url)
        logging.getLogger("sqlalchemy").setLevel(logging.DEBUG)
        write(engine)()
        logging.getLogger("sqlalchemy").setLevel(logging.NOTSET)
        engine.dispose()

        assert PLANTED in str(proxy.requests)  # it was used
    assert PLANTED not in caplog.text


def test_nothing_that_can_be_printed_tells_the_token(libsql_server: LibsqlServer) -> None:
    engine = planted_engine(libsql_server.url)
    connection = engine.connect()
    raw = connection.connection.dbapi_connection
    assert raw is not None
    transport = raw._stream._transport
    things = [engine, engine.url, engine.pool, engine.dialect, connection, raw, raw._stream, transport]
    texts = [f"{thing!r} {thing!s}" for thing in things]
    texts += [repr(vars(thing)) for thing in (raw, raw._stream, raw._stream._driver, transport)]
    connection.close()
    engine.dispose()

    assert not any(PLANTED in text for text in texts)


@pytest.mark.parametrize("token", [f"{PLANTED}\n", f"{PLANTED} x", f"{PLANTED}語", ""])
def test_text_that_is_no_token_is_refused_without_repeating_it(
    libsql_server: LibsqlServer, token: str
) -> None:
    engine = remote_engine(libsql_server.url, EngineRole.READ, token=SecretStr(token))
    said = everything_said(write(engine))
    engine.dispose()

    assert "the auth token is empty, or holds" in said
    assert PLANTED not in said


def test_token_as_plain_text_is_kept_like_a_secret(libsql_server: LibsqlServer) -> None:
    engine = create_engine(libsql_server.url, connect_args={"auth_token": PLANTED})
    said = everything_said(write(engine))
    engine.dispose()

    assert "HTTP status 401" in said
    assert PLANTED not in said
