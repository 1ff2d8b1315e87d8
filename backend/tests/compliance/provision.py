"""How SQLAlchemy's suite gets at the server: its hooks for `libsql`, most of them those of its own SQLite."""

import os
from typing import Any

from sqlalchemy.dialects.sqlite import provision as _hooks_of_sqlite  # noqa: F401  # registers them
from sqlalchemy.testing.provision import (
    generate_driver_url,
    stop_test_class_outside_fixtures,
    update_db_opts,
    upsert,
)

for _hook in (stop_test_class_outside_fixtures, upsert):
    _hook.fns["libsql"] = _hook.fns["sqlite"]


@generate_driver_url.for_db("libsql")
def _the_same_url(url: Any, driver: str, query_str: str) -> Any:
    return url


@update_db_opts.for_db("libsql")
def _pass_the_token(db_url: Any, db_opts: dict[str, Any], options: Any) -> None:
    db_opts["connect_args"] = {"auth_token": os.environ["TURSO_AUTH_TOKEN"]}
