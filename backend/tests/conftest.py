"""What every test may ask for: settings of its own, and a database of its own that is migrated already."""

import os
import shutil
import signal
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import hypothesis
import pycurl
import pytest
from pydantic import AliasChoices

from src.core.config.settings import base
from src.core.config.settings.base import Settings, load_settings
from src.domain.shared.ids import LOCAL_WORKSPACE
from src.infrastructure.shared.database.turso_connection import TursoConnection
from src.infrastructure.shared.database.unit_of_work import SqlUnitOfWork
from src.operations.migrations.migrations import Migrations
from tests import libsql_server as libsql
from tests.fault_proxy import FaultProxy
from tests.libsql_server import LibsqlServer
from tests.loopback import LoopbackCurl

if TYPE_CHECKING:
    from src.bootstrap import Container

collect_ignore = ["compliance"]  # a run of its own: integration/database/test_compliance.py starts it

# The same examples in every run, and no time limit that a busy machine could miss.
hypothesis.settings.register_profile("tests", derandomize=True, deadline=None)
hypothesis.settings.load_profile("tests")


def pytest_configure(config: pytest.Config) -> None:
    """Keeps calls to models on this machine; and pytest-alembic 0.13.1 from hanging its own tests here, where it breaks
    on pytest 9.2; ours import them. What tests start hears Ctrl-C, also where a script runs the tests with `&`.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.option.pytest_alembic_tests_path = "nowhere"
    pycurl.Curl = LoopbackCurl


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Three for two cores, since a third of the time is spent waiting for servers and processes."""
    cores = os.cpu_count() or 1
    return cores + cores // 2


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of xdist has its own count of servers."""
    if output := getattr(session.config, "workeroutput", None):
        output["libsql_servers"] = LibsqlServer.started_count


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    LibsqlServer.started_count += getattr(node, "workeroutput", {}).get("libsql_servers", 0)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says which databases the run was on."""
    databases = [f"SQLite {sqlite3.sqlite_version} file"]
    if not libsql.is_installed():
        databases.append("NO libsql-server: its tests were skipped (make setup says why)")
    elif LibsqlServer.started_count:
        databases.append(f"libsql-server {libsql.version()} ({LibsqlServer.started_count} started)")
    terminalreporter.write_line(f"databases: {', '.join(databases)}")


@pytest.fixture(scope="session", autouse=True)
def outer_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """Keeps this machine's settings, in its environment and in backend/.env files, out of all tests.

    Yields the variables that were taken away, for tests that may use a server named there.
    """
    taken = {name: os.environ[name] for name in os.environ if _is_setting(name)}
    with pytest.MonkeyPatch.context() as patch:
        for name in taken:
            patch.delenv(name)
        # the folder of the .env files is a constant, since nobody but a test has another
        patch.setattr(base, "BACKEND_DIR", tmp_path_factory.mktemp("without-env-files"))
        yield taken


@pytest.fixture(scope="session")
def libsql_binary() -> None:
    """What every test with a libSQL server needs; without it the test is skipped, and fails on CI."""
    if not libsql.is_installed():
        reason = (
            "no libSQL server in backend/tools/libsql-server: `make setup` installs it, or says why it cannot"
        )
        if libsql.is_required():
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture(scope="session")
def libsql_server(libsql_binary: None) -> Iterator[LibsqlServer]:
    """One server for tests that share it, and so look only at what they made under a name of their own."""
    with LibsqlServer() as server:
        yield server


@pytest.fixture
def start_libsql(libsql_binary: None) -> Iterator[Callable[..., LibsqlServer]]:
    """Starts servers of one test; the arguments are those of `LibsqlServer`."""
    with ExitStack() as servers:
        yield lambda *args, **options: servers.enter_context(LibsqlServer(*args, **options))


@pytest.fixture
def libsql_database(start_libsql: Callable[..., LibsqlServer]) -> LibsqlServer:
    """An empty database on a server of its own."""
    return start_libsql()


@pytest.fixture(params=["sqlite", "libsql"])
def backend(request: pytest.FixtureRequest) -> str:
    """On which database a test runs: on both, unless tests/backends.py marks it."""
    chosen: str = request.param
    return chosen


@pytest.fixture
def settings(request: pytest.FixtureRequest, tmp_path: Path, backend: str) -> Settings:
    """Settings of a local environment, whose database has no tables yet."""
    if backend == "sqlite":
        return load_settings(database_url=f"sqlite:///{tmp_path}/autoforge.db")
    server: LibsqlServer = request.getfixturevalue("libsql_database")
    return load_settings(database_url=server.url, turso_auth_token=server.token())


@pytest.fixture(scope="session")
def migrated_file(outer_environment: object, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database at the newest revision, to be copied: a copy takes 1 ms, migrating 400."""
    path = tmp_path_factory.mktemp("migrated") / "template.db"
    database = TursoConnection(load_settings(database_url=f"sqlite:///{path}"))
    Migrations(database).upgrade()
    database.dispose()
    return path


@pytest.fixture(scope="session")
def migrated_server(
    outer_environment: object, libsql_binary: None, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder of a server whose database is at the newest revision and empty, to begin others with."""
    folder = tmp_path_factory.mktemp("migrated-server")
    with LibsqlServer(folder) as server:
        database = TursoConnection(load_settings(database_url=server.url, turso_auth_token=server.token()))
        Migrations(database).upgrade()
        database.dispose()
    return folder


@pytest.fixture
def migrated_on(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Settings]:
    """Settings of a local environment whose database, on the backend that is named, is migrated and has no row."""

    def migrated(backend: str) -> Settings:
        if backend == "sqlite":
            path = tmp_path / "autoforge.db"
            shutil.copyfile(request.getfixturevalue("migrated_file"), path)
            return load_settings(database_url=f"sqlite:///{path}")
        start = request.getfixturevalue("start_libsql")
        server: LibsqlServer = start(template=request.getfixturevalue("migrated_server"))
        return load_settings(database_url=server.url, turso_auth_token=server.token())

    return migrated


@pytest.fixture
def libsql_proxy(migrated_settings: Settings) -> Iterator[FaultProxy]:
    """In front of the server of `migrated_settings`, which must be on libSQL."""
    address = urlsplit(migrated_settings.database_url)
    assert address.hostname is not None
    assert address.port is not None
    with FaultProxy(address.hostname, address.port) as proxy:
        yield proxy


@pytest.fixture
def migrated_settings(migrated_on: Callable[[str], Settings], backend: str) -> Settings:
    return migrated_on(backend)


@pytest.fixture
def database(migrated_settings: Settings) -> Iterator[TursoConnection]:
    """A migrated database without a row."""
    database = TursoConnection(migrated_settings)
    yield database
    database.dispose()


@pytest.fixture
def uow(database: TursoConnection) -> Callable[[], SqlUnitOfWork]:
    """Makes units of work on `database`."""
    return lambda: SqlUnitOfWork(database, LOCAL_WORKSPACE)


@pytest.fixture
def container(migrated_settings: Settings, database: TursoConnection) -> Iterator["Container"]:
    """The whole application on what `database` is, with connections of its own."""
    from src.bootstrap import Container

    container = Container(migrated_settings)
    yield container
    container.close()


def _is_setting(name: str) -> bool:
    known = {"app_env"}
    for field_name, field in Settings.model_fields.items():
        alias = field.validation_alias
        known |= (
            {str(choice) for choice in alias.choices} if isinstance(alias, AliasChoices) else {field_name}
        )
    return name.lower() in known or name.upper().endswith("_API_KEY")
