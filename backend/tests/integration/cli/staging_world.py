"""A staging environment in which all is well, on real servers, and which can be broken in one place."""

import shutil
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Engine

from src.core.config.settings.base import load_settings
from src.core.config.settings.catalogue import all_settings
from src.infrastructure.shared.database.local_sqlite import EngineRole
from src.infrastructure.shared.database.turso_connection import TursoConnection
from tests import redis_server
from tests.certificates import write_certificate
from tests.fake_github import FakeEnvironment, FakeGithub
from tests.fault_proxy import FaultProxy
from tests.libsql_server import LibsqlServer
from tests.redis_server import RedisServer
from tests.served_app import served
from tests.tls_relay import TlsRelay

REAL = Path(__file__).parents[4]
NOT_COPIED = shutil.ignore_patterns(
    ".git",
    ".venv*",
    "node_modules",
    "__pycache__",
    ".*_cache",
    "htmlcov",
    "data",
    "tests",
    "benchmarks",
    "*.db",
)
# Names of this machine, as the settings of staging take no other.
DATABASE_HOST, REDIS_HOST = "autoforgenexus-staging.test", "redis.staging.test"
# Of every secret setting; each value is one that could be right, and is found nowhere else.
CANARY = "canary-7f3b"


@dataclass
class World:
    """`project` is a clone of its own. `values` are those of backend/.env.staging, which `write` writes.

    `pushed` is what GitHub has once all was sent there.
    """

    project: Path
    certificate: Path
    database: LibsqlServer
    database_relay: TlsRelay
    redis: RedisServer
    relay: TlsRelay
    service: FaultProxy
    github: FakeGithub
    values: dict[str, str] = field(default_factory=dict)
    pushed: dict[str, FakeEnvironment] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return self.project / "backend"

    @property
    def file(self) -> Path:
        return self.folder / ".env.staging"

    @property
    def environment(self) -> Mapping[str, str]:
        """What is set where the commands are run, beside the file."""
        return {"SERVICE_URL": self.service.http_url, "SSL_CERT_FILE": str(self.certificate), "NO_COLOR": "1"}

    @property
    def at_github(self) -> Mapping[str, str]:
        """What is set besides, where GitHub is to be asked."""
        return {
            "GITHUB_API_URL": self.github.base_url,
            "GITHUB_TOKEN": self.github.token,
            "GITHUB_REPOSITORY": self.github.repository,
            "CLOUDFLARE_API_TOKEN": f"{CANARY}-cloudflare-token-0123456789",
            "CLOUDFLARE_ACCOUNT_ID": "0123456789abcdef0123456789abcdef",
        }

    @property
    def secrets(self) -> Mapping[str, str]:
        return {
            one.name: self.values[one.name]
            for one in all_settings()
            if one.is_secret and one.name in self.values
        }

    def write(self, *, mode: int = 0o600, **changes: str | None) -> None:
        """The file anew, with `changes`; None takes a name out."""
        values = {name: value for name, value in {**self.values, **changes}.items() if value is not None}
        self.file.unlink(missing_ok=True)
        self.file.write_text("".join(f"{name}='{value}'\n" for name, value in values.items()), "utf-8")
        self.file.chmod(mode)

    @contextmanager
    def faulty_database(self) -> Iterator[FaultProxy]:
        """A proxy before the database, which the file then names."""
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(self.certificate)
        with FaultProxy(self.database.host, self.database.port, tls=tls) as proxy:
            self.write(TURSO_DATABASE_URL=f"libsql://{DATABASE_HOST}:{proxy.port}")
            yield proxy

    def git(self, *words: str) -> None:
        subprocess.run(["git", *words], cwd=self.project, check=True, capture_output=True)

    def sql(self, *statements: str) -> None:
        with self._engine() as engine, engine.connect() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
            connection.commit()

    def one(self, query: str) -> str:
        with self._engine() as engine, engine.connect() as connection:
            return str(connection.exec_driver_sql(query).scalar_one())

    @contextmanager
    def _engine(self) -> Iterator[Engine]:
        owned = TursoConnection(
            load_settings(database_url=self.database.url, turso_auth_token=self.database.token())
        )
        yield owned.engine(EngineRole.WRITE)
        owned.dispose()


@contextmanager
def staging_world(folder: Path, migrated_server: Path) -> Iterator[World]:
    with ExitStack() as started:
        database = started.enter_context(LibsqlServer(template=migrated_server))
        redis = started.enter_context(redis_server.running(folder / "redis"))
        redis.require(f"{CANARY}-redis-password")
        certificate = write_certificate(
            folder / "server.pem", names=(DATABASE_HOST, REDIS_HOST), ends_in=timedelta(days=365)
        )
        relay = started.enter_context(TlsRelay(redis.port, certificate))
        token = database.token(expires_in=timedelta(days=60))
        app = started.enter_context(served(load_settings(database_url=database.url, turso_auth_token=token)))
        service = started.enter_context(FaultProxy("127.0.0.1", app))
        github = started.enter_context(FakeGithub(token=f"{CANARY}-github-token-0123456789"))
        secure = started.enter_context(TlsRelay(database.port, certificate))
        world = World(folder / "autoforgenexus", certificate, database, secure, redis, relay, service, github)
        world.values = {
            "APP_ENV": "staging",
            "TURSO_DATABASE_URL": f"libsql://{DATABASE_HOST}:{secure.port}",
            "TURSO_AUTH_TOKEN": token,
            "REDIS_HOST": REDIS_HOST,
            "REDIS_PORT": str(relay.port),
            "REDIS_PASSWORD": f"{CANARY}-redis-password",
            "CLERK_SECRET_KEY": f"sk_test_{CANARY}clerksecretkey0123456789",
            "CLERK_PUBLISHABLE_KEY": "pk_test_Y2xlcmsuZXhhbXBsZS5jb20k",
            "JWT_SECRET_KEY": f"{CANARY}-jwt-9Vd2Kx7Qm4Zp1Ls8Rt5Wy3Bn6Hc0Jf-Gu2Ea7Io4Uk9Xo1Ti",
            "OPENAI_API_KEY": f"sk-{CANARY}openaikey0123456789",
            "ANTHROPIC_API_KEY": f"sk-ant-{CANARY}anthropickey0123456789",
            "LANGFUSE_PUBLIC_KEY": "pk-lf-0123456789abcdef",
            "LANGFUSE_SECRET_KEY": f"sk-lf-{CANARY}langfusekey0123456789",
        }
        shutil.copytree(REAL, world.project, ignore=NOT_COPIED, symlinks=True)
        world.git("init", "-q", "-b", "main")
        world.git("add", ".")
        world.write()
        yield world
