"""The whole application behind an HTTP client, on a database of its own."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from src.bootstrap import Container
from src.core.config.settings.base import load_settings
from src.main import create_app


@pytest.fixture(scope="session")
def shared_app(outer_environment: object, tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    """One application for all tests: the first request to one takes 0.1 s. Its own database stays unused."""
    unused = tmp_path_factory.mktemp("unused") / "autoforge.db"
    return create_app(container=Container(load_settings(database_url=f"sqlite:///{unused}")))


@pytest.fixture
def app(shared_app: FastAPI, container: Container) -> FastAPI:
    shared_app.state = create_app(container=container).state
    return shared_app


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client
