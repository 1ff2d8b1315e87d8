"""Whether a database server can be used with the token that the settings hold, and what it is like."""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from sqlalchemy.exc import SQLAlchemyError

from src.application.shared.database_errors import DatabaseRefusedTokenError, DatabaseUnavailableError
from src.core.auth_token import UnreadableTokenError
from src.core.config.settings.base import AppEnv
from src.core.config.settings.values import is_loopback
from src.infrastructure.shared.database.libsql.errors import StreamLost
from src.operations.checks import live_certificates
from src.operations.checks.check import Check
from src.operations.checks.live_http import NoAnswer
from src.operations.checks.live_told import told
from src.operations.checks.scene import Scene
from src.operations.turso.token_facts import judge, read_token
from src.operations.verdict import Verdict, fail, ok, outage, skip, warn

SLOW_MS = 200
LEAST_SQLITE = (3, 35, 0)
_FILE = "the database is a file of this machine"
_OF_ENV: dict[AppEnv, frozenset[str]] = {
    AppEnv.LOCAL: frozenset({"local", "dev", "development"}),
    AppEnv.STAGING: frozenset({"staging", "stage", "stg"}),
    AppEnv.PRODUCTION: frozenset({"production", "prod", "prd"}),
}


def _of_server(look: Callable[[Scene, str], Verdict]) -> Callable[[Scene], Verdict]:
    """Hands on the place of the server; a file has none."""

    def look_at_server(scene: Scene) -> Verdict:
        address = scene.settings.database_address or ""
        if address.startswith("sqlite"):
            return skip(_FILE)
        return look(scene, urlsplit(address).netloc)

    return look_at_server


@_of_server
def _look_expiry(scene: Scene, place: str) -> Verdict:
    token = scene.settings.turso_auth_token
    if token is None:
        return skip(f"{place} is asked without a token")
    try:
        facts = read_token(token.get_secret_value())
    except UnreadableTokenError as exc:
        return fail(f"TURSO_AUTH_TOKEN: {exc}", _new_token(scene))
    if facts.expires_at is None and is_loopback(urlsplit(f"//{place}").hostname):
        return ok("it never expires, as may be on this machine")
    return judge(facts, now=scene.now)


@_of_server
def _look_reachable(scene: Scene, place: str) -> Verdict:
    answer = scene.outside.database
    assert answer is not None
    if isinstance(answer, NoAnswer):
        if answer.certificate is not None:
            return live_certificates.refused(place, answer.certificate)
        return outage(
            answer.reason,
            "Check TURSO_DATABASE_URL, the network, and whether the database is archived or gone.",
        )
    if answer.status >= 500:
        return outage(
            f"{place} answers HTTP {answer.status}", "Repeat in a moment; see the status page of Turso."
        )
    return ok(f"{place} answers in {answer.seconds * 1000:,.0f} ms, connection included")


@_of_server
def _look_accepted(scene: Scene, place: str) -> Verdict:
    try:
        scene.ping  # noqa: B018 - whoever comes later reads what it found
    except DatabaseRefusedTokenError:
        return fail(
            f"{place} refuses TURSO_AUTH_TOKEN: it is wrong, withdrawn, or of another database",
            _new_token(scene),
        )
    except DatabaseUnavailableError as exc:
        # Turso's word to a token of another database: that its own is not there
        if isinstance(exc.__cause__, StreamLost) and exc.__cause__.status in (400, 404):
            fix = f"Compare TURSO_DATABASE_URL with `autoforge turso show`. {_new_token(scene)}"
            return fail(f"{place} has no such database, or the token is of another", fix)
        raise
    return ok(f"{place} takes the token")


@_of_server
def _look_writes(scene: Scene, place: str) -> Verdict:
    """A real write transaction, rolled back."""
    try:
        with scene.database.write_transaction() as connection:
            connection.exec_driver_sql("CREATE TABLE autoforge_was_here (id INTEGER)")
            connection.rollback()
    except DatabaseRefusedTokenError:
        return fail("TURSO_AUTH_TOKEN may only read", _new_token(scene))
    except SQLAlchemyError as exc:
        said = str(getattr(exc, "orig", exc)).splitlines()[0][:300]
        return fail(
            f"{place} takes no write: {said}",
            "See whether the plan's limit is reached, or writes are blocked.",
        )
    return ok("a table was made and rolled back")


@_of_server
def _look_version(scene: Scene, place: str) -> Verdict:
    found = scene.ping
    said = f"SQLite {found.sqlite_version} in {found.server or place}"
    if tuple(int(part) for part in found.sqlite_version.split(".")[:3]) < LEAST_SQLITE:
        return fail(
            f"{said} is too old", "Use SQLite 3.35 or newer: a libsql-server of 2023 or later, or Turso."
        )
    return ok(said)


@_of_server
def _look_foreign_keys(scene: Scene, place: str) -> Verdict:
    """On a file we turn them on with each connection; at a server we take what is the default."""
    if scene.ping.foreign_keys:
        return ok("enforced by default")
    return fail(
        f"{place} does not enforce them: results of deleted prompts stay behind",
        "Use a server that enforces them by default, as Turso and libsql-server do.",
    )


@_of_server
def _look_latency(scene: Scene, place: str) -> Verdict:
    times = scene.ping
    said = f"{times.median_ms:,.1f} ms a round trip ({times.least_ms:,.1f} to {times.most_ms:,.1f}); a read takes one"
    if times.median_ms <= SLOW_MS:
        return ok(said)
    return warn(said, "Put database and server in one region: autoforge turso locations tells which is near.")


@_of_server
def _look_right_one(scene: Scene, place: str) -> Verdict:
    name = urlsplit(f"//{place}").hostname or place
    words = set(re.split(r"[^a-z]+", name.split(".")[0].lower()))
    others = [env for env, names in _OF_ENV.items() if env is not scene.env and words & names]
    if not others or words & _OF_ENV[scene.env]:
        return ok(f"nothing in the name {name} speaks of another environment")
    fix = f"Set TURSO_DATABASE_URL and TURSO_AUTH_TOKEN to those of the {scene.env.value} database."
    wrong = fail(f"{name} is named as {others[0].value}'s, and this is {scene.env.value}", fix)
    return told(scene, "TURSO_DATABASE_URL", "DATABASE_URL") or wrong


def _new_token(scene: Scene) -> str:
    whose = "" if scene.is_local else f" of {scene.env.value}"
    return f"Make one (autoforge turso token create DATABASE) and put it into TURSO_AUTH_TOKEN{whose}."


_NAMED = ("settings.valid", "turso.url", "turso.token")
_OPEN = ("database.token-accepted",)

DATABASE = (
    Check(
        id="database.token-expiry",
        phase="4-2",
        title="The token lives on",
        why="An expired token stops every request at once; tokens live 90 days.",
        needs=_NAMED,
        look=_look_expiry,
    ),
    Check(
        id="database.right-one",
        phase="4-2",
        title="The database is of this environment",
        why="Tests and migrations meant for staging must not meet production.",
        needs=_NAMED,
        look=_look_right_one,
    ),
    Check(
        id="database.reachable",
        phase="4-2",
        title="The database server answers",
        why="Without it nothing can be read or changed.",
        # nothing is sent to a database that may be another environment's
        needs=(*_NAMED, "database.right-one"),
        look=_look_reachable,
    ),
    Check(
        id="database.token-accepted",
        phase="4-2",
        title="The database takes our token",
        why="Turso authentication failed: a token that is wrong, withdrawn, or of another database.",
        needs=("machine.driver", "database.reachable", "database.token-expiry"),
        look=_look_accepted,
    ),
    Check(
        id="database.token-writes",
        phase="4-2",
        title="The token may write",
        why="With a read-only token every change fails, and so does each migration.",
        needs=_OPEN,
        look=_look_writes,
    ),
    Check(
        id="database.version",
        phase="4-2",
        title="The server is new enough",
        why="We use RETURNING and DROP COLUMN.",
        needs=_OPEN,
        look=_look_version,
    ),
    Check(
        id="database.foreign-keys",
        phase="4-2",
        title="Foreign keys are enforced",
        why="SQLite enforces them only when told to; then deleting a prompt deletes what belongs to it.",
        needs=_OPEN,
        look=_look_foreign_keys,
    ),
    Check(
        id="database.latency",
        phase="4-2",
        title="The database is near",
        why="Every statement of a remote database is a round trip.",
        needs=_OPEN,
        look=_look_latency,
    ),
)
