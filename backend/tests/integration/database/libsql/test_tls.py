"""Encrypted connections: checked against the authorities of this machine, and not left for plain ones."""

import json
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from src.infrastructure.shared.database.local_sqlite import EngineRole
from tests.certificates import write_certificate
from tests.fault_proxy import FaultProxy
from tests.libsql_server import LibsqlServer

OpenRemote = Callable[..., Engine]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_certificate(tmp_path_factory.mktemp("tls") / "server.pem")


@pytest.fixture
def tls_proxy(libsql_database: LibsqlServer, certificate: Path) -> Iterator[FaultProxy]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with FaultProxy(libsql_database.host, libsql_database.port, tls=context) as proxy:
        yield proxy


def test_server_of_a_trusted_authority_is_spoken_to(
    tls_proxy: FaultProxy, open_remote: OpenRemote, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    engine = open_remote(EngineRole.WRITE, url=f"libsql://127.0.0.1:{tls_proxy.port}")
    for _ in range(3):
        with engine.begin() as connection:
            assert connection.exec_driver_sql("SELECT ?", ("x" * 500_000,)).scalar() == "x" * 500_000

    assert (tls_proxy.request_count, tls_proxy.connection_count) == (6, 1)


def test_server_that_nobody_vouches_for_learns_nothing(
    tls_proxy: FaultProxy, open_remote: OpenRemote
) -> None:
    engine = open_remote(EngineRole.READ, url=f"libsql://127.0.0.1:{tls_proxy.port}")
    with engine.connect() as connection, pytest.raises(OperationalError, match="CERTIFICATE_VERIFY_FAILED"):
        connection.exec_driver_sql("SELECT 1")

    assert tls_proxy.requests == []


def test_server_with_another_name_learns_nothing(
    tls_proxy: FaultProxy, open_remote: OpenRemote, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    engine = open_remote(EngineRole.READ, url=f"libsql://localhost:{tls_proxy.port}")
    with engine.connect() as connection, pytest.raises(OperationalError, match="CERTIFICATE_VERIFY_FAILED"):
        connection.exec_driver_sql("SELECT 1")

    assert tls_proxy.requests == []


def test_server_without_tls_learns_nothing(proxy: FaultProxy, open_remote: OpenRemote) -> None:
    engine = open_remote(EngineRole.READ, url=f"libsql://127.0.0.1:{proxy.port}")
    with (
        engine.connect() as connection,
        pytest.raises(OperationalError, match=r"SSL|ConnectionReset|no answer in time"),
    ):
        connection.exec_driver_sql("SELECT 1")

    assert proxy.requests == []


def test_server_that_wants_to_go_on_without_tls_is_not_followed(
    tls_proxy: FaultProxy,
    proxy: FaultProxy,
    open_remote: OpenRemote,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    engine = open_remote(EngineRole.WRITE, url=f"libsql://127.0.0.1:{tls_proxy.port}")
    tls_proxy.answer(200, elsewhere(proxy.http_url))
    with engine.connect() as connection, pytest.raises(OperationalError, match="go on without TLS"):
        connection.exec_driver_sql("SELECT 1")

    assert proxy.requests == []


def test_server_may_want_a_stream_to_go_on_at_another_address(
    libsql_database: LibsqlServer, proxy: FaultProxy, open_remote: OpenRemote
) -> None:
    """For this one stream: the next begins at home."""
    with FaultProxy(libsql_database.host, libsql_database.port) as other:
        engine = open_remote(EngineRole.WRITE, url=proxy.url)
        proxy.answer(200, elsewhere(other.http_url), times=1)
        with engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1")
            connection.rollback()
            connection.exec_driver_sql("SELECT 2")

        assert "ROLLBACK" in other.requests[0].text
        assert (other.request_count, proxy.request_count) == (1, 3)


def elsewhere(url: str) -> bytes:
    """An answer to BEGIN and one SELECT that opens a stream which goes on at `url`."""
    done = {"cols": [], "rows": [], "affected_row_count": 0, "last_insert_rowid": None}
    batch = {"type": "batch", "result": {"step_results": [done, done], "step_errors": [None, None]}}
    state = {"type": "get_autocommit", "is_autocommit": False}
    results = [{"type": "ok", "response": batch}, {"type": "ok", "response": state}]
    return json.dumps({"baton": "a baton", "base_url": url, "results": results}).encode()
