"""Which database the settings name, and the token for it. Asked by whatever opens the database, not by everything."""

from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from urllib.parse import urlsplit

from pydantic import SecretStr

from src.core.auth_token import UnreadableTokenError, read
from src.core.config.settings.base import Settings, SettingsError
from src.core.config.settings.values import is_placeholder


@dataclass(frozen=True, slots=True)
class DatabaseAccess:
    """`address` as it was written (sqlite:///…, libsql://…, https://…); a local file has no `token`."""

    address: str
    token: SecretStr | None

    @property
    def is_file(self) -> bool:
        return urlsplit(self.address).scheme == "sqlite"


def database_access(settings: Settings, *, now: datetime) -> DatabaseAccess:
    """Raises SettingsError with a line for each thing that is missing, not filled in, or expired."""
    address = settings.database_address
    problems = [] if address is None else [*_of_address(address, settings)]
    if address is None:
        problems.append("TURSO_DATABASE_URL is not set. It names the database, as libsql://host.")
    is_local_file = address is not None and settings.is_local and _is_file(address)
    needs_token = not is_local_file and not (address is not None and _is_on_this_machine(address))
    token = None if is_local_file else settings.turso_auth_token
    if token is not None:
        problems += _of_token(token.get_secret_value(), now)
    elif needs_token:
        problems.append("TURSO_AUTH_TOKEN is not set. Make one: autoforge turso token create")
    if problems:
        head = f"The database of APP_ENV={settings.app_env.value} cannot be used."
        raise SettingsError("\n  ".join([head, *problems]))
    assert address is not None
    return DatabaseAccess(address, token)


def _of_address(address: str, settings: Settings) -> list[str]:
    if _is_file(address) and not settings.is_local:
        name = "DATABASE_URL" if settings.turso_database_url is None else "TURSO_DATABASE_URL"
        return [f"{name} names a SQLite file, which is for APP_ENV=local only. It takes libsql://host."]
    return []


def _of_token(token: str, now: datetime) -> list[str]:
    if is_placeholder(token):
        return ["TURSO_AUTH_TOKEN still holds a placeholder. Put the real token there."]
    try:
        expires = read(token).expires_at
    except UnreadableTokenError as exc:
        return [f"TURSO_AUTH_TOKEN cannot be used: {exc}. Make one: autoforge turso token create"]
    if expires is not None and expires <= now:
        return [
            f"TURSO_AUTH_TOKEN expired at {expires:%Y-%m-%d %H:%M} UTC. Make a new one: autoforge turso token rotate"
        ]
    return []


def _is_file(address: str) -> bool:
    return urlsplit(address).scheme == "sqlite"


def _is_on_this_machine(address: str) -> bool:
    """Such a server may go without a token."""
    host = urlsplit(address).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
