"""The only place that picks implementations. Heavy parts are imported by the function that needs them."""

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from src.application.evaluation.ports import Provider, SuiteFile
from src.application.services import Services, SuiteMedia
from src.core.config.settings import base
from src.core.config.settings.base import AppEnv, Settings
from src.core.config.settings.database_access import database_access
from src.domain.evaluation.evaluation import RunSettings
from src.domain.prompt.prompt import PromptContent
from src.domain.shared.ids import Principal
from src.infrastructure.evaluation.background import BackgroundRuns
from src.infrastructure.evaluation.prices import GenaiPriceBook
from src.infrastructure.evaluation.repositories.evaluation_reader import SqlEvaluationReader
from src.infrastructure.evaluation.repositories.suite_repository import SqlSuiteReader
from src.infrastructure.evaluation.scoring import LibraryScorer
from src.infrastructure.prompt.repositories.prompt_reader import SqlPromptReader
from src.infrastructure.prompt.repositories.template_repository import SqlTemplateReader
from src.infrastructure.shared.database.base import utc_now
from src.infrastructure.shared.database.local_sqlite import EngineRole
from src.infrastructure.shared.database.turso_connection import TursoConnection
from src.infrastructure.shared.database.unit_of_work import SqlUnitOfWork
from src.operations.migrations.migrations import Migrations

if TYPE_CHECKING:
    from src.operations.backup.backups import Backups, Branching
    from src.operations.backup.restore_remote import RestoredAnew
    from src.operations.checks.inspection import Inspection
    from src.operations.doctor.ping import Ping
    from src.operations.env_files.env_files import EnvFiles
    from src.operations.github.secrets import GithubSecrets
    from src.operations.migrations.lint.lint import Report
    from src.operations.migrations.plan import Plan
    from src.operations.shell.shell import SqlShell
    from src.operations.turso.turso import Turso


class Container:
    """Everything a process of ours needs, made when it is first asked for."""

    def __init__(self, settings: Settings | Callable[[], Settings]) -> None:
        """`settings` that are to be read yet are read when they are first needed: what mends them works without."""
        self._given = settings

    @cached_property
    def settings(self) -> Settings:
        """Raises SettingsError."""
        return self._given if isinstance(self._given, Settings) else self._given()

    @cached_property
    def database(self) -> TursoConnection:
        return TursoConnection(self.settings)

    @cached_property
    def migrations(self) -> Migrations:
        return Migrations(self.database, self.settings.app_env, backups=lambda: self.backups)

    @cached_property
    def services(self) -> Services:
        """The ports of the local workspace: there is one user and one workspace until keys and accounts come."""
        by, reads = Principal(), self.database.read_sessions()
        return Services(
            principal=by,
            unit_of_work=lambda: SqlUnitOfWork(self.database, by.workspace_id),
            impatient_unit_of_work=lambda: SqlUnitOfWork(self.database, by.workspace_id, patient=False),
            prompts=SqlPromptReader(self.database.engine(EngineRole.READ), by.workspace_id),
            templates=SqlTemplateReader(reads, by.workspace_id),
            suites=SqlSuiteReader(reads, by.workspace_id),
            evaluations=SqlEvaluationReader(reads, by.workspace_id),
            suite_files=_SuiteFiles(self._scorer),
            scorer=self._scorer,
            prices=GenaiPriceBook(),
            open_provider=self._open_provider,
            runs=self._runs,
            require_ready=self.migrations.require_current,
            now=utc_now,
        )

    def inspection(self, env: AppEnv | None, **options: Any) -> "Inspection":
        """`options` are those of `Inspection`."""
        from src.operations.checks.inspection import Inspection

        return Inspection(env, **options)

    def lint_migrations(self, paths: Sequence[Path]) -> "Report":
        from src.operations.migrations.lint.lint import lint
        from src.operations.migrations.revisions import VERSIONS

        return lint(paths, project=VERSIONS)

    def require_fit(self) -> None:
        """Raises SettingsError that lists all that keeps a server of this environment from being started."""
        from src.operations.env_files.fitness import require_fit

        require_fit(base.BACKEND_DIR, os.environ, now=utc_now)

    @cached_property
    def env_files(self) -> "EnvFiles":
        from src.operations.env_files.env_files import EnvFiles

        return EnvFiles(now=utc_now)

    @cached_property
    def turso(self) -> "Turso":
        from src.operations.turso.turso import Turso

        return Turso(self.settings, now=utc_now)

    @cached_property
    def github_secrets(self) -> "GithubSecrets":
        from src.operations.github.secrets import GithubSecrets

        return GithubSecrets(self.settings, now=utc_now)

    @cached_property
    def backups(self) -> "Backups":
        from src.operations.backup.backups import Backups
        from src.operations.backup.remote import Remote

        access = database_access(self.settings, now=utc_now())
        url = self.database.get_connection_url()
        return Backups(
            self.database,
            remote=None if access.is_file else Remote(url, access.token),
            known_revisions=lambda: {revision.id for revision in self.migrations.chain},
            branching=self._branching,
        )

    def plan_upgrade(self, revision: str, *, on_progress: Callable[[str, float | None], None]) -> "Plan":
        from src.operations.migrations.plan import plan_upgrade

        return plan_upgrade(self.migrations, self.backups, revision, on_progress=on_progress)

    def restore_given(self, name: str, url: str, token: SecretStr | None, **options: Any) -> "RestoredAnew":
        """`options` are those of `Backups.restore_into`."""
        from src.operations.backup.new_database import restore_given

        return restore_given(self.backups, name, url, token, **options)

    def restore_made(self, name: str, made_name: str, save_to: Path, **options: Any) -> "RestoredAnew":
        """`options` are those of `Backups.restore_into`."""
        from src.operations.backup.new_database import restore_made

        beside = self.database.get_connection_url()
        return restore_made(self.backups, name, self.turso, made_name, save_to, beside=beside, **options)

    def open_shell(self, *, write: bool) -> AbstractContextManager["SqlShell"]:
        from src.operations.shell.shell import open_shell

        return open_shell(self.database, write=write)

    def ping(self, *, count: int) -> "Ping":
        from src.operations.doctor.ping import ping

        return ping(self.database, count=count)

    def close(self) -> None:
        """Interrupts background runs, which can be resumed, and closes the database."""
        if "turso" in self.__dict__:
            self.turso.close()
        if "_runs" in self.__dict__:
            self._runs.stop()
        if "database" in self.__dict__:
            self.database.dispose()

    def _branching(self) -> "Branching | None":
        if self.settings.turso_api_token is None:
            return None
        from src.operations.backup.at_turso import find_branching

        return find_branching(self.turso, self.database.get_connection_url())

    @cached_property
    def _scorer(self) -> LibraryScorer:
        return LibraryScorer()

    @cached_property
    def _runs(self) -> BackgroundRuns:
        return BackgroundRuns(lambda: self.services)

    def _open_provider(self, settings: RunSettings) -> Provider:
        from src.infrastructure.evaluation.providers.factory import open_provider

        return open_provider(settings, self.settings)


class _SuiteFiles:
    def __init__(self, scorer: LibraryScorer) -> None:
        self._scorer = scorer

    def open(self, path: Path, *, name: str | None = None) -> SuiteFile:
        from src.infrastructure.evaluation.suite_files.suite_file import open_suite

        return open_suite(path, name=name, check=self._scorer.check)

    def parse(self, data: bytes, *, media: SuiteMedia, label: str, name: str | None) -> SuiteFile:
        from src.infrastructure.evaluation.suite_files.suite_file import parse_suite

        return parse_suite(data, media=media, label=label, name=name, check=self._scorer.check)

    def read_prompt(self, path: Path) -> tuple[PromptContent, str | None]:
        from src.infrastructure.prompt.prompt_file import read_prompt_file

        found = read_prompt_file(path)
        return found.content, found.title
