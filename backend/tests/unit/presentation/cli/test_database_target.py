import jwt
import pytest

from src.core.config.settings.base import AppEnv, load_settings
from src.presentation.cli.database_target import database_id

KEY = "a key of thirty-two characters or more"


@pytest.mark.parametrize(
    ("claims", "identifier"),
    [
        ({"id": "9f1c7a52-0b1e-4c7e-9a53-0d9a4f6e2b11"}, "9f1c7a52-0b1e-4c7e-9a53-0d9a4f6e2b11"),
        ({}, ""),
        ({"id": 7}, ""),
        ({"id": "\x1b[31mred"}, ""),
        ({"id": "x" * 65}, ""),
    ],
)
def test_token_may_say_for_which_database_it_is(claims: dict[str, object], identifier: str) -> None:
    token = jwt.encode(claims, KEY)

    assert database_id(load_settings(app_env=AppEnv.STAGING, turso_auth_token=token)) == identifier
    assert database_id(load_settings(app_env=AppEnv.LOCAL, turso_auth_token=token)) == ""


@pytest.mark.parametrize("token", [None, "no-token"])
def test_without_such_a_token_the_id_is_not_known(token: str | None) -> None:
    assert database_id(load_settings(app_env=AppEnv.STAGING, turso_auth_token=token)) == ""
