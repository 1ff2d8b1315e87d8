from pathlib import Path

import pytest

from src.core.config.settings.base import AppEnv
from src.operations.github.errors import SecretsInputError
from src.operations.github.records import Kind
from src.operations.github.values import Values, read_values
from src.operations.github.wanted import wanted_in

STAGING = AppEnv.STAGING
TOKEN = "STAGING_TURSO_AUTH_TOKEN"


def read(folder: Path, text: str | bytes | None, **process: str) -> Values:
    file = folder / ".env.staging"
    if text is not None:
        file.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_values(STAGING, wanted_in(STAGING), process=process, file=file, must_exist=False)


def given(values: Values) -> dict[str, str]:
    return {name: one.value.get_secret_value() for name, one in values.given.items()}


def test_declaration_tells_what_is_wanted() -> None:
    staging = {one.name: one for one in wanted_in(STAGING)}
    production = {one.name for one in wanted_in(AppEnv.PRODUCTION)}
    assert staging[TOKEN].kind is Kind.SECRET
    assert staging["STAGING_LANGFUSE_BASE_URL"].kind is Kind.VARIABLE
    assert {"CLOUDFLARE_API_TOKEN", "TURSO_API_TOKEN"} <= production & set(staging)
    assert "PROD_JWT_SECRET_KEY" in production
    assert not any(name.startswith("GITHUB_") or name.endswith("APP_ENV") for name in production)
    assert wanted_in(AppEnv.LOCAL) == ()


@pytest.mark.parametrize(
    "text",
    [
        "TURSO_AUTH_TOKEN=abc",
        "export TURSO_AUTH_TOKEN='abc'\n",
        f'# a note\n\n{TOKEN}="abc"\n',
        "TURSO_STAGING_AUTH_TOKEN=abc\r\n",
        "APP_ENV=staging\nPORT=8000\nTURSO_AUTH_TOKEN=abc",
        "TURSO_AUTH_TOKEN=abc\nTURSO_AUTH_TOKEN=abc\n",
        "TURSO_AUTH_TOKEN=\nTURSO_STAGING_AUTH_TOKEN=abc\n",
    ],
)
def test_file_gives_a_value_under_any_name_of_the_setting(tmp_path: Path, text: str) -> None:
    found = read(tmp_path, text)
    assert given(found) == {TOKEN: "abc"}
    assert (found.faults, found.emptied) == ({}, frozenset())


def test_process_gives_a_value_under_the_name_at_github_only(tmp_path: Path) -> None:
    assert given(read(tmp_path, None, **{TOKEN: "abc", "JWT_SECRET_KEY": "no"})) == {TOKEN: "abc"}


def test_same_value_in_both_places_is_one(tmp_path: Path) -> None:
    assert read(tmp_path, "TURSO_AUTH_TOKEN=abc", **{TOKEN: "abc"}).faults == {}


@pytest.mark.parametrize(
    ("text", "process"),
    [
        ("TURSO_AUTH_TOKEN=abc", {TOKEN: "def"}),
        ("TURSO_AUTH_TOKEN=abc\nTURSO_AUTH_TOKEN=def", {}),
        ("TURSO_AUTH_TOKEN=abc\nTURSO_STAGING_AUTH_TOKEN=def", {}),
    ],
)
def test_values_that_disagree_are_a_fault_that_shows_neither(
    tmp_path: Path, text: str, process: dict[str, str]
) -> None:
    fault = read(tmp_path, text, **process).faults[TOKEN]
    assert "disagree" in fault
    assert "abc" not in fault
    assert "def" not in fault


def test_template_that_was_not_filled_in_is_a_placeholder_first(tmp_path: Path) -> None:
    fault = read(tmp_path, f"TURSO_AUTH_TOKEN=${{{TOKEN}}}", **{TOKEN: "abc"}).faults[TOKEN]
    assert fault == f"still holds a placeholder in {tmp_path}/.env.staging; put the real value there"


def test_dollar_is_no_other_name(tmp_path: Path) -> None:
    found = read(tmp_path, "JWT_SECRET_KEY='p$HOME w'\nTURSO_AUTH_TOKEN='${HOME}'")
    assert given(found)["STAGING_JWT_SECRET_KEY"] == "p$HOME w"
    assert set(found.faults) == {TOKEN}


def test_empty_value_is_known_to_be_empty(tmp_path: Path) -> None:
    found = read(tmp_path, "TURSO_AUTH_TOKEN=\nJWT_SECRET_KEY=''", STAGING_REDIS_HOST="  ")
    assert given(found) == {}
    assert found.emptied == {TOKEN, "STAGING_JWT_SECRET_KEY", "STAGING_REDIS_HOST"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("A=1\nTURSO_AUTH_TOKEN='hunter2\n", r"line 2: it is not of the form NAME=value"),
        ("JWT_SECRET_KEY\n", r"line 1: it has a name without `=`"),
        (
            "APP_ENV=production\nTURSO_AUTH_TOKEN=hunter2\n",
            "says APP_ENV='production', and this is for staging",
        ),
        (b"TURSO_AUTH_TOKEN=\xffhunter2", "is no text in UTF-8"),
    ],
)
def test_file_that_cannot_be_used_is_refused_without_showing_it(
    tmp_path: Path, text: str | bytes, said: str
) -> None:
    with pytest.raises(SecretsInputError, match=said) as refused:
        read(tmp_path, text)
    assert "hunter2" not in str(refused.value)


def test_file_that_was_named_has_to_be_there(tmp_path: Path) -> None:
    wanted, absent = wanted_in(STAGING), tmp_path / "absent"
    assert read_values(STAGING, wanted, process={}, file=absent, must_exist=False).given == {}
    for wrong in (absent, tmp_path):
        with pytest.raises(SecretsInputError, match="cannot be read"):
            read_values(STAGING, wanted, process={}, file=wrong, must_exist=True)
