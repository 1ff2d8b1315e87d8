"""The server that tests of the remote database stand on."""

import http.client
import json
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.fault_proxy import FaultProxy
from tests.libsql_server import LibsqlServer

StartLibsql = Callable[..., LibsqlServer]


def ask(server: LibsqlServer | FaultProxy, sql: str, token: str | None = None) -> tuple[int, str]:
    connection = http.client.HTTPConnection(server.host, server.port, timeout=5)
    requests = [{"type": "execute", "stmt": {"sql": sql}}, {"type": "close"}]
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    connection.request("POST", "/v3/pipeline", json.dumps({"baton": None, "requests": requests}), headers)
    response = connection.getresponse()
    answer = response.status, response.read().decode()
    connection.close()
    return answer


def test_tokens_decide_who_may_do_what(libsql_database: LibsqlServer) -> None:
    def status(sql: str, token: str | None) -> int:
        return ask(libsql_database, sql, token)[0]

    reading = libsql_database.token("ro")
    assert status("CREATE TABLE t (x)", libsql_database.token()) == 200
    assert status("SELECT x FROM t", reading) == 200
    assert status("INSERT INTO t VALUES (1)", reading) == 403
    assert status("SELECT x FROM t", None) == 401
    assert status("SELECT x FROM t", LibsqlServer().token()) == 401
    assert status("SELECT x FROM t", libsql_database.token(expires_in=timedelta(minutes=5))) == 200
    assert status("SELECT x FROM t", libsql_database.token(expires_in=timedelta(minutes=-5))) == 401


def test_server_without_auth_takes_anybody(start_libsql: StartLibsql) -> None:
    assert ask(start_libsql(auth=False), "SELECT 1")[0] == 200


def test_each_database_is_its_own(start_libsql: StartLibsql) -> None:
    one, other = start_libsql(), start_libsql()
    ask(one, "CREATE TABLE t (x)", one.token())

    assert "no such table" in ask(other, "SELECT * FROM t", other.token())[1]


def test_database_outlives_its_server(libsql_database: LibsqlServer) -> None:
    token, port = libsql_database.token(), libsql_database.port
    ask(libsql_database, "CREATE TABLE t (x)", token)

    libsql_database.stop(kill=True)
    libsql_database.start()

    assert libsql_database.port == port
    assert '"results":[{"type":"ok"' in ask(libsql_database, "SELECT * FROM t", token)[1]


def test_database_begins_as_a_copy_of_another(start_libsql: StartLibsql, tmp_path: Path) -> None:
    with LibsqlServer(tmp_path) as prepared:
        ask(prepared, "CREATE TABLE t AS SELECT 'prepared' AS x", prepared.token())

    copy = start_libsql(template=tmp_path)

    assert "prepared" in ask(copy, "SELECT x FROM t", copy.token())[1]


def test_second_server_on_a_folder_is_refused_as_long_as_the_first_lives(tmp_path: Path) -> None:
    with LibsqlServer(tmp_path), pytest.raises(BlockingIOError):
        LibsqlServer(tmp_path).start()

    with LibsqlServer(tmp_path) as later:
        assert ask(later, "SELECT 1", later.token())[0] == 200


def test_proxy_delays_counts_and_fails_what_it_is_told_to(libsql_database: LibsqlServer) -> None:
    token = libsql_database.token()
    with FaultProxy(libsql_database.host, libsql_database.port, delay_ms=20) as proxy:
        proxy.answer(503, when="broken", times=1)
        started = time.monotonic()

        assert ask(proxy, "SELECT 'broken'", token)[0] == 503
        assert time.monotonic() - started >= 0.04
        assert ask(proxy, "SELECT 'broken'", token)[0] == 200
        assert proxy.request_count == proxy.connection_count == 2
        assert "SELECT 'broken'" in proxy.requests[0].text
