"""Phase 4-2, as far as it can be told without asking the database: its URL, its token, and what is kept apart."""

from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from src.core import auth_token
from src.core.auth_token import UnreadableTokenError
from src.core.config.settings.base import AppEnv
from src.core.config.settings.values import is_loopback, is_placeholder
from src.core.env_text import read
from src.infrastructure.shared.database.libsql.address import libsql_url
from src.operations.checks.check import Check
from src.operations.checks.scene import Scene
from src.operations.verdict import Verdict, blocked, fail, ok, skip, warn

if TYPE_CHECKING:
    from src.operations.turso.records import Database

_FILE = "the database is a file"


def _look_at_url(scene: Scene) -> Verdict:
    address = scene.settings.database_address
    if address is None:
        return blocked("settings.missing")
    if urlsplit(address).scheme == "sqlite":
        if not scene.is_local:
            return blocked("settings.wrong-environment")
        try:
            return skip(f"{_FILE}, {scene.database.path}")
        except ValueError as exc:
            return fail(str(exc), "Set DATABASE_URL to sqlite:///./data/autoforge_dev.db")
    try:
        return ok(libsql_url(address))
    except ValueError as exc:
        name = "TURSO_DATABASE_URL" if scene.settings.turso_database_url else "DATABASE_URL"
        return fail(f"{name}: {exc}", f"Set {name} to libsql://host, as `autoforge turso show` says.")


def _look_at_token(scene: Scene) -> Verdict:
    token = scene.settings.turso_auth_token
    address = urlsplit(scene.settings.database_address or "")
    if address.scheme == "sqlite" and scene.is_local:
        return skip(_FILE)
    if token is None:
        if is_loopback(address.hostname):
            return skip("a server of this machine may go without a token")
        return blocked("settings.missing")
    if is_placeholder(token.get_secret_value()):
        return blocked("settings.placeholder")
    try:
        found = auth_token.read(token.get_secret_value())
    except UnreadableTokenError as exc:
        return fail(
            f"TURSO_AUTH_TOKEN: {exc}", f"Make a new one: autoforge turso token create DATABASE{_kept(scene)}"
        )
    return ok(f"a token of a database, signed with {found.header.get('alg')}")


def _kept(scene: Scene) -> str:
    return "" if scene.is_local else f", and put it into TURSO_AUTH_TOKEN of {scene.env.value}"


def _look_at_the_other(scene: Scene) -> Verdict:
    """Staging and production share nothing, as far as both are known here."""
    if scene.is_local:
        return skip("local has a database of its own")
    other = AppEnv.PRODUCTION if scene.env is AppEnv.STAGING else AppEnv.STAGING
    if not (scene.folder / f".env.{other.value}").exists():
        return skip(f"nothing is known here of {other.value}: there is no backend/.env.{other.value}")
    theirs = read(scene.folder / f".env.{other.value}")
    ours = scene.settings
    fix = f"Give each its own: autoforge turso create, then autoforge env render --env {other.value}"
    if _is_same_server(ours.database_address, theirs.get("TURSO_DATABASE_URL")):
        return fail(
            f"{scene.env.value} and {other.value} have the same database, {ours.database_address}", fix
        )
    token = ours.turso_auth_token
    if token is not None and theirs.get("TURSO_AUTH_TOKEN") == token.get_secret_value():
        return fail(f"{scene.env.value} and {other.value} have the same TURSO_AUTH_TOKEN", fix)
    return ok(f"{other.value} has another database and another token")


def _is_same_server(one: str | None, other: str | None) -> bool:
    """libsql://host and https://host are one."""
    return bool(one and other) and urlsplit(one).netloc == urlsplit(other).netloc


def _look_at_platform(scene: Scene) -> Verdict:
    """Asks Turso where the database is, and who shares its keys."""
    if scene.is_local:
        return skip("local has a database of its own")
    if scene.settings.turso_api_token is None:
        return skip("TURSO_API_TOKEN is not set, and without it Turso tells nothing")
    from src.operations.turso.turso import Turso

    host = urlsplit(scene.database.get_connection_url()).netloc
    turso = Turso(scene.settings, now=lambda: scene.now)
    try:
        databases = turso.databases()
    finally:
        turso.close()
    ours = next((database for database in databases if database.hostname == host), None)
    if ours is None:
        return fail(
            f"Turso knows no database at {host} in this organization",
            "Compare with `autoforge turso list`; TURSO_ORGANIZATION names another organization.",
        )
    return judge_group(ours, databases)


def judge_group(ours: "Database", databases: "Sequence[Database]") -> Verdict:
    """Tokens are signed by the keys of a group: invalidating one of staging would end those of production."""
    others = [
        one.name
        for one in databases
        if one.group == ours.group and one.name != ours.name and one.parent is None
    ]
    said = f"{ours.name}, group {ours.group or 'unknown'}"
    if ours.group is None or not others:
        return ok(said)
    return warn(
        f"{said}, which {', '.join(others)} share: invalidating tokens of one invalidates all",
        "Let each have a group of its own: autoforge turso create NAME --group GROUP, then move the rows by backup.",
    )


TURSO = (
    Check(
        id="turso.url",
        phase="4-2",
        title="The settings name a database",
        why="Everything else asks that database.",
        look=_look_at_url,
        needs=("settings.valid",),
    ),
    Check(
        id="turso.token",
        phase="4-2",
        title="The token can be read",
        why="A token that was cut when it was copied looks like a wrong one to the server.",
        look=_look_at_token,
        needs=("settings.valid",),
    ),
    Check(
        id="turso.apart",
        phase="4-2",
        title="Staging and production are two databases",
        why="What is tried out on staging would happen to production.",
        look=_look_at_the_other,
        needs=("settings.valid",),
    ),
)

GROUP = Check(
    id="turso.group",
    phase="4-2",
    title="The database has a group of its own at Turso",
    why="Tokens are signed by the keys of the group: invalidating those of staging would end those of production.",
    look=_look_at_platform,
    needs=("turso.url", "turso.token", "database.token-expiry"),
    quick=False,
)
