"""Faults of the settings, and of the file that holds them."""

from collections.abc import Iterator

from tests.integration.cli.faults.fault import tells, written
from tests.integration.cli.staging_world import World

RENDER = "autoforge env render --env staging"

written("port_that_is_none", "settings.valid", "Set PORT", PORT="eighty")
written(
    "two_values_that_disagree",
    "settings.disagreement",
    "Remove TURSO_STAGING_DATABASE_URL",
    TURSO_STAGING_DATABASE_URL="libsql://another-staging.example.test",
)
written(
    "required_value_that_is_empty",
    "settings.missing",
    "Set STAGING_CLERK_SECRET_KEY",
    CLERK_SECRET_KEY="",
)
written("database_that_is_not_named", "settings.missing", RENDER, TURSO_DATABASE_URL=None)
written("no_token", "settings.missing", RENDER, TURSO_AUTH_TOKEN=None)
written("no_redis_password", "settings.missing", RENDER, REDIS_PASSWORD=None)
written(
    "placeholder_that_is_left", "settings.placeholder", RENDER, OPENAI_API_KEY="${STAGING_OPENAI_API_KEY}"
)
written(
    "placeholder_for_a_token", "settings.placeholder", RENDER, TURSO_AUTH_TOKEN="${STAGING_TURSO_AUTH_TOKEN}"
)
written("placeholder_for_redis", "settings.placeholder", RENDER, REDIS_HOST="your-redis-host")
written("name_that_is_mistyped", "settings.unknown", "REDIS_CACHE_TTL", REDIS_CACHE_TLL="60")
written("name_that_nobody_knows", "settings.unknown", "", level="warn", SOMETHING_ELSE="1")
written("weak_jwt_secret", "settings.weak", "JWT_SECRET_KEY", JWT_SECRET_KEY="canary-7f3b-short")
written(
    "live_key_of_clerk",
    "settings.wrong-environment",
    "CLERK_SECRET_KEY",
    CLERK_SECRET_KEY="sk_live_canary7f3bcanary-7f3bclerk0123456789",
)
written("app_env_of_another", "settings.wrong-environment", "APP_ENV", APP_ENV="production")


@tells("settings.old-name", "Call it TURSO_DATABASE_URL", level="warn")
def old_name(world: World, _: object) -> Iterator[None]:
    world.write(TURSO_DATABASE_URL=None, TURSO_STAGING_DATABASE_URL=world.values["TURSO_DATABASE_URL"])
    yield


@tells("env-file.mode", "chmod 600")
def file_that_others_can_read(world: World, _: object) -> Iterator[None]:
    world.write(mode=0o644)
    yield


@tells("env-file.symlink", "a plain file")
def file_that_is_a_link(world: World, _: object) -> Iterator[None]:
    elsewhere = world.project.parent / "values"
    world.file.rename(elsewhere)
    world.file.symlink_to(elsewhere)
    yield
    world.file.unlink()


@tells("env-file.tracked", "git rm --cached")
def file_that_git_tracks(world: World, _: object) -> Iterator[None]:
    world.git("add", "--force", "backend/.env.staging")
    yield
    world.git("rm", "-q", "--cached", "backend/.env.staging")


@tells("env-file.not-ignored", "backend/.gitignore")
def file_that_git_would_take(world: World, _: object) -> Iterator[None]:
    before = {file: file.read_text(encoding="utf-8") for file in world.project.rglob(".gitignore")}
    for file, text in before.items():
        file.write_text(text.replace(".env", ".other"), encoding="utf-8")
    yield
    for file, text in before.items():
        file.write_text(text, encoding="utf-8")


@tells("env-file.literal-secret", "Write ${NAME} in its place")
def secret_in_a_file_that_git_tracks(world: World, _: object) -> Iterator[None]:
    shared = world.folder / ".env.shared.template"
    shared.write_text("OPENAI_API_KEY=sk-canary-7f3b-in-a-template\n", encoding="utf-8")
    world.git("add", str(shared))
    yield
    world.git("rm", "-q", "--force", str(shared))


@tells("env-file.syntax", "Write NAME=value")
def line_that_is_none(world: World, _: object) -> Iterator[None]:
    with world.file.open("a", encoding="utf-8") as file:
        file.write("REDIS_CACHE_TTL='60\n")
    yield


@tells("env-file.duplicate", "Remove one of the lines")
def name_that_is_set_twice(world: World, _: object) -> Iterator[None]:
    with world.file.open("a", encoding="utf-8") as file:
        file.write("REDIS_DB=0\nREDIS_DB=0\n")
    yield


@tells("env-file.unreadable", "UTF-8")
def file_in_another_encoding(world: World, _: object) -> Iterator[None]:
    world.file.write_bytes(world.file.read_bytes() + "APP_NAME='名前'\n".encode("shift_jis"))
    yield


@tells("env-file.no-file", RENDER)
def file_that_is_not_there(world: World, _: object) -> Iterator[None]:
    world.file.unlink()
    yield
