"""Faults of the database, its token and its schema."""

from collections.abc import Iterator
from datetime import timedelta

from tests.integration.cli.faults.fault import tells, written
from tests.integration.cli.staging_world import World
from tests.libsql_server import LibsqlServer

ROTATE, CREATE = "autoforge turso token rotate", "autoforge turso token create"
SET = "Set STAGING_TURSO_DATABASE_URL"
written("garbage_for_a_token", "settings.valid", "autoforge turso token", TURSO_AUTH_TOKEN="not-a-token")
written(
    "url_with_a_path",
    "turso.url",
    "libsql://host",
    TURSO_DATABASE_URL="libsql://acme-staging.example.test/database",
)
written("url_in_the_clear", "settings.valid", SET, TURSO_DATABASE_URL="http://acme-staging.example.test")
written("url_with_a_token_in_it", "settings.valid", SET, TURSO_DATABASE_URL="libsql://host?authToken=x")
written(
    "database_of_production",
    "settings.wrong-environment",
    SET,
    TURSO_DATABASE_URL="libsql://autoforgenexus-production-acme.aws-ap-northeast-1.turso.io",
)
written(
    "database_whose_name_speaks_of_production",
    "database.right-one",
    "those of the staging database",
    TURSO_DATABASE_URL="libsql://acme-prod-db.example.test",
)


@tells("database.token-accepted", CREATE)
def token_of_another_database(world: World, _: object) -> Iterator[None]:
    world.write(TURSO_AUTH_TOKEN=LibsqlServer().token(expires_in=timedelta(days=60)))
    yield


@tells("database.token-expiry", ROTATE)
def expired_token(world: World, _: object) -> Iterator[None]:
    world.write(TURSO_AUTH_TOKEN=world.database.token(expires_in=timedelta(days=-1)))
    yield


@tells("database.token-expiry", ROTATE)
def token_that_ends_the_day_after_tomorrow(world: World, _: object) -> Iterator[None]:
    world.write(TURSO_AUTH_TOKEN=world.database.token(expires_in=timedelta(days=2)))
    yield


@tells("database.token-expiry", ROTATE, level="warn")
def token_that_ends_in_ten_days(world: World, _: object) -> Iterator[None]:
    world.write(TURSO_AUTH_TOKEN=world.database.token(expires_in=timedelta(days=10)))
    yield


@tells("database.token-writes", CREATE)
def token_that_may_only_read(world: World, _: object) -> Iterator[None]:
    world.write(TURSO_AUTH_TOKEN=world.database.token("ro", timedelta(days=60)))
    yield


@tells("database.reachable", "TURSO_DATABASE_URL")
def stopped_database(world: World, _: object) -> Iterator[None]:
    world.database_relay.stop()
    yield
    world.database_relay.start()


@tells("database.reachable", "Repeat in a moment")
def overloaded_database(world: World, _: object) -> Iterator[None]:
    with world.faulty_database() as proxy:
        proxy.answer(503)
        yield


@tells("database.token-accepted", "autoforge turso show")
def database_that_was_deleted(world: World, _: object) -> Iterator[None]:
    with world.faulty_database() as proxy:
        proxy.answer(404, b'{"error":"Namespace does not exist"}', when="POST")
        yield


UPGRADE, CHECK = "autoforge db upgrade --env staging", "autoforge db check --env staging"


@tells("migrations.current", UPGRADE)
def stale_migration(world: World, _: object) -> Iterator[None]:
    revision = world.one("SELECT version_num FROM alembic_version")
    world.sql("DELETE FROM alembic_version")
    yield
    world.sql(f"INSERT INTO alembic_version VALUES ('{revision}')")


@tells("migrations.current", "Update the software")
def database_of_a_newer_version(world: World, _: object) -> Iterator[None]:
    revision = world.one("SELECT version_num FROM alembic_version")
    world.sql("UPDATE alembic_version SET version_num = '9999'")
    yield
    world.sql(f"UPDATE alembic_version SET version_num = '{revision}'")


@tells("migrations.drift", CHECK)
def column_too_many(world: World, _: object) -> Iterator[None]:
    world.sql("ALTER TABLE prompts ADD COLUMN surplus TEXT")
    yield
    world.sql("ALTER TABLE prompts DROP COLUMN surplus")


@tells("migrations.drift", CHECK)
def missing_index(world: World, _: object) -> Iterator[None]:
    made_by = world.one("SELECT sql FROM sqlite_master WHERE name = 'idx_prompts_user_id'")
    world.sql("DROP INDEX idx_prompts_user_id")
    yield
    world.sql(made_by)
