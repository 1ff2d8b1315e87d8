"""SQLAlchemy's test plugin, which has to be here and nowhere else: it takes over how pytest collects tests."""

import pytest

pytest.register_assert_rewrite("sqlalchemy.testing.assertions")

from sqlalchemy.testing.plugin.pytestplugin import *  # noqa: E402, F403

from src.infrastructure.shared.database import local_sqlite  # noqa: E402, F401  # registers sqlite+local
from tests.compliance import provision  # noqa: E402, F401  # registers hooks
from tests.compliance.requirements import is_libsql  # noqa: E402


def pytest_collection() -> None:
    """Some tests use the second schema without asking whether there is one: on libSQL they find the first."""
    from sqlalchemy.testing import config

    for each in config.Config.all_configs():
        if is_libsql(each):
            each.test_schema = config.test_schema = "main"
