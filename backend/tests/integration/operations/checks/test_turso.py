"""Phase 4-2, as far as it is told without asking the database."""

import base64
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from src.core.config.settings.base import AppEnv
from tests.fake_turso_platform import FakeTursoPlatform
from tests.integration.operations.checks.scenes import Look, OpenScene


def a_token(**claims: object) -> str:
    def part(value: Mapping[str, object]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': 'EdDSA', 'typ': 'JWT'})}.{part(claims)}.c2lnbmF0dXJl"


@pytest.fixture
def staging(open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    """A staging environment of which everything is right, set in the process."""
    monkeypatch.delenv("DATABASE_URL")
    given = {"TURSO_DATABASE_URL": "libsql://af-staging-org.turso.io", "TURSO_AUTH_TOKEN": a_token(id="1")}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    return given


def test_local_file_needs_nothing_of_turso(look: Look) -> None:
    for name in ("turso.url", "turso.token", "turso.apart", "turso.group"):
        assert look(name).level == "skip"


@pytest.mark.parametrize(
    ("url", "level", "said"),
    [
        ("libsql://af-staging-org.turso.io", "ok", "libsql://af-staging-org.turso.io"),
        ("https://af-staging-org.turso.io", "ok", "libsql://af-staging-org.turso.io"),
        ("libsql://127.0.0.1:8080?tls=0", "ok", "libsql://127.0.0.1:8080?tls=0"),
        ("http://af-staging-org.turso.io", "fail", "TURSO_DATABASE_URL"),
        ("libsql://af-staging-org.turso.io?unknown=1", "fail", "TURSO_DATABASE_URL"),
    ],
)
def test_url_is_judged(
    look: Look,
    open_scene: OpenScene,
    staging: object,
    monkeypatch: pytest.MonkeyPatch,
    url: str,
    level: str,
    said: str,
) -> None:
    monkeypatch.setenv("TURSO_DATABASE_URL", url)
    found = look("turso.url", open_scene(AppEnv.STAGING))
    assert (found.level, said in found.message) == (level, True), found.message


def test_what_is_told_elsewhere_blocks_instead_of_being_told_twice(
    look: Look, open_scene: OpenScene, staging: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TURSO_AUTH_TOKEN", "${STAGING_TURSO_AUTH_TOKEN}")
    assert look("turso.token", open_scene(AppEnv.STAGING)).message == "blocked by settings.placeholder"
    monkeypatch.delenv("TURSO_AUTH_TOKEN")
    assert look("turso.token", open_scene(AppEnv.STAGING)).message == "blocked by settings.missing"
    monkeypatch.delenv("TURSO_DATABASE_URL")
    assert look("turso.url", open_scene(AppEnv.STAGING)).message == "blocked by settings.missing"
    monkeypatch.setenv("DATABASE_URL", "sqlite:///./data/a.db")
    assert look("turso.url", open_scene(AppEnv.STAGING)).message == "blocked by settings.wrong-environment"


def test_token_that_cannot_be_read_fails_without_being_told(
    look: Look, open_scene: OpenScene, staging: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert look("turso.token", open_scene(AppEnv.STAGING)).level == "ok"
    monkeypatch.setenv("TURSO_AUTH_TOKEN", "eyJcanary.cut")
    found = look("turso.token", open_scene(AppEnv.STAGING))
    assert (found.level, "canary" in found.message) == ("fail", False)
    assert "autoforge turso token create" in (found.fix or "")


def test_server_of_this_machine_may_go_without_a_token(
    look: Look, open_scene: OpenScene, staging: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TURSO_AUTH_TOKEN")
    monkeypatch.setenv("TURSO_DATABASE_URL", "libsql://127.0.0.1:8080?tls=0")
    assert look("turso.token", open_scene(AppEnv.STAGING)).level == "skip"


def test_staging_and_production_must_not_share(
    look: Look, open_scene: OpenScene, staging: Mapping[str, str], clone: Path
) -> None:
    def found(of_production: str) -> tuple[str, str]:
        (clone / "backend" / ".env.production").write_text(of_production)
        verdict = look("turso.apart", open_scene(AppEnv.STAGING))
        return verdict.level, verdict.message

    assert look("turso.apart", open_scene(AppEnv.STAGING)).level == "skip"
    assert found("TURSO_DATABASE_URL=libsql://other\n")[0] == "ok"
    level, message = found(f"TURSO_DATABASE_URL={staging['TURSO_DATABASE_URL']}\n")
    assert (level, "same database" in message) == ("fail", True)
    assert found("TURSO_DATABASE_URL=https://af-staging-org.turso.io\n")[0] == "fail"
    level, message = found(f"TURSO_AUTH_TOKEN={staging['TURSO_AUTH_TOKEN']}\n")
    assert (level, "same TURSO_AUTH_TOKEN" in message) == ("fail", True)
    assert staging["TURSO_AUTH_TOKEN"] not in message


@pytest.fixture
def platform(staging: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeTursoPlatform]:
    with FakeTursoPlatform(token="platform-token") as platform:
        monkeypatch.setenv("TURSO_API_TOKEN", platform.token)
        monkeypatch.setenv("TURSO_API_BASEURL", platform.base_url)
        yield platform


def test_group_that_others_share_is_warned_of(
    look: Look, open_scene: OpenScene, platform: FakeTursoPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = platform.add_database("af-staging", "staging", runs=False)
    monkeypatch.setenv("TURSO_DATABASE_URL", f"libsql://{ours.hostname}")

    found = look("turso.group", open_scene(AppEnv.STAGING))
    assert (found.level, found.message) == ("ok", "af-staging, group staging")

    platform.add_database("af-production", "staging", runs=False).port = 1
    found = look("turso.group", open_scene(AppEnv.STAGING))
    assert found.level == "warn"
    assert found.message.startswith("af-staging, group staging, which af-production share")


def test_database_that_turso_does_not_know_fails(
    look: Look, open_scene: OpenScene, platform: FakeTursoPlatform
) -> None:
    found = look("turso.group", open_scene(AppEnv.STAGING))
    assert (found.level, "autoforge turso list" in (found.fix or "")) == ("fail", True)


def test_turso_that_does_not_answer_is_an_outage(
    look: Look, open_scene: OpenScene, platform: FakeTursoPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TURSO_API_BASEURL", "http://127.0.0.1:1")
    found = look("turso.group", open_scene(AppEnv.STAGING))
    assert (found.level, found.is_outage) == ("fail", True)


def test_group_is_not_asked_for_without_a_token_of_the_platform(
    look: Look, open_scene: OpenScene, staging: object
) -> None:
    assert look("turso.group", open_scene(AppEnv.STAGING)).level == "skip"
