from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import pytest

from src.core.config.settings.base import load_settings
from src.operations.turso.turso import Turso
from tests.fake_turso_platform import FakeTursoPlatform

OpenTurso = Callable[..., Turso]


@pytest.fixture
def fake() -> Iterator[FakeTursoPlatform]:
    """A platform of the plan scaler, without any database."""
    with FakeTursoPlatform() as platform:
        yield platform


@pytest.fixture
def open_turso(fake: FakeTursoPlatform) -> Iterator[OpenTurso]:
    """Opens what `autoforge turso` works with, on `fake`; arguments are settings. It never waits before a repeat."""
    with ExitStack() as opened:

        def open_one(**settings: Any) -> Turso:
            defaults = {"turso_api_token": fake.token, "turso_api_baseurl": fake.base_url}
            chosen = load_settings(**{**defaults, **settings})
            turso = Turso(chosen, now=lambda: datetime.now(UTC), sleep=lambda _: None)
            opened.callback(turso.close)
            return turso

        yield open_one


@pytest.fixture
def turso(open_turso: OpenTurso) -> Turso:
    return open_turso()
