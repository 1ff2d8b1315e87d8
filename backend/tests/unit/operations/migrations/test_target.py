"""Which databases are handled how carefully, and by what name they are meant."""

from pathlib import Path

import pytest

from src.core.config.settings.base import AppEnv
from src.operations.migrations.target import Caution, Target

TURSO = "libsql://autoforgenexus-production-acme.aws-ap-northeast-1.turso.io"
FILE = Path("data/autoforge_dev.db")


@pytest.mark.parametrize(
    ("url", "app_env", "caution"),
    [
        (f"sqlite:///{FILE}", AppEnv.LOCAL, Caution.NONE),
        ("libsql://127.0.0.1:8080?tls=0", AppEnv.LOCAL, Caution.NONE),
        ("libsql://[::1]:8080?tls=0", AppEnv.LOCAL, Caution.NONE),
        ("libsql://localhost:8080?tls=0", AppEnv.LOCAL, Caution.NONE),
        (TURSO, AppEnv.LOCAL, Caution.NAME),  # whose it is, nobody knows
        ("libsql://127.0.0.1.example", AppEnv.LOCAL, Caution.NAME),
        (TURSO, AppEnv.STAGING, Caution.CONFIRM),
        ("libsql://127.0.0.1:8080?tls=0", AppEnv.STAGING, Caution.CONFIRM),
        (TURSO, AppEnv.PRODUCTION, Caution.NAME),
        ("libsql://127.0.0.1:8080?tls=0", AppEnv.PRODUCTION, Caution.NAME),
    ],
)
def test_caution(url: str, app_env: AppEnv, caution: Caution) -> None:
    assert Target(url, app_env, FILE if url.startswith("sqlite") else None).caution is caution


@pytest.mark.parametrize(
    ("url", "file", "name", "others"),
    [
        (f"sqlite:///{FILE}", FILE, "autoforge_dev.db", [str(FILE)]),
        (TURSO, None, "autoforgenexus-production-acme", [TURSO.removeprefix("libsql://")]),
        ("libsql://127.0.0.1:8080?tls=0", None, "127.0.0.1:8080", []),
        ("libsql://localhost:8080?tls=0", None, "localhost:8080", []),
        ("libsql://10.1.2.3", None, "10.1.2.3", []),
    ],
)
def test_database_answers_to_its_name_and_its_address_only(
    url: str, file: Path | None, name: str, others: list[str]
) -> None:
    target = Target(url, AppEnv.PRODUCTION, file)

    assert target.name == name
    assert all(target.answers_to(called) for called in (name, *others))
    assert not any(target.answers_to(called) for called in ("", "autoforgenexus", name + "x", url + "/x"))
